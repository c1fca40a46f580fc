//! Several keyspaces, removals of ranges, and values of types that this build does not know.

use super::*;
use crate::bugs::{Bug, plant};
use crate::storage::format::sequence::Sequence;

const OTHER: KeyspaceId = KeyspaceId(7);

pub(super) fn range(keyspace: KeyspaceId, start: &str, end: &str) -> Mutation {
    let (start, end) = (start.into(), end.into());
    Mutation { kind: MutationKind::RemoveRange { start, end }, ..Mutation::clear(keyspace) }
}

/// Returns a value of a type that no operation is for.
pub(super) fn typed(key: &str, value: &str) -> Mutation {
    let (key, value, value_type) = (key.into(), value.into(), ValueType(1));
    let kind = MutationKind::Put { key, value, value_type, expires_at: None };
    Mutation { kind, ..Mutation::remove(Vec::new()) }
}

/// Returns the keys and values of a keyspace, by a scan that single reads have to agree with.
pub(super) fn of(reader: &dyn ReadHalf, keyspace: KeyspaceId) -> Vec<(String, String)> {
    let reader = reader.keyspace(keyspace).unwrap();
    let (text, range) = (|bytes| String::from_utf8(bytes).unwrap(), KeyRange::all());
    let page = ScanPage { range: &range, snapshot: None, limit: 1000, keys_only: false };
    let entries = Page::of(&*reader, &page).unwrap().entries;
    assert_eq!(reader.count(), entries.len() as u64);
    for Scanned { key, entry } in &entries {
        assert_eq!(reader.get(key).unwrap().as_ref(), Some(entry));
    }
    entries.into_iter().map(|found| (text(found.key), text(found.entry.value))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_same_key_of_two_keyspaces_is_two_keys() {
    let disk = SimulatedDisk::new(State::default());
    // With a cache, which must not mix them up either.
    let open = || KvsWriter::open(environment(&disk, 512), 64, 1 << 20).unwrap();
    let (mut writer, reader, _) = open();
    for n in 0..40 {
        let value = format!("value {n}");
        let other = put("a", &format!("other {value}")).of(OTHER);
        commit(&mut writer, &[put("a", &value), other, put("b", "1").of(OTHER)]);
        assert_eq!(of(&reader, KeyspaceId::DEFAULT), pairs(&[("a", &value)]));
        let expected = [("a", &*format!("other {value}")), ("b", "1")];
        assert_eq!(of(&reader, OTHER), pairs(&expected));
        // A record cached of one keyspace is not given for another.
        assert_eq!(of(&reader, KeyspaceId(8)), []);
    }
    commit(&mut writer, &[remove("a")]);
    assert!(maintain(&mut writer) > 0);
    commit(&mut writer, &[remove("b").of(OTHER)]);
    let expected = pairs(&[("a", "other value 39")]);
    assert_eq!((of(&reader, KeyspaceId::DEFAULT), of(&reader, OTHER)), (vec![], expected.clone()));
    drop((writer, reader));
    let (_, reader, _) = open();
    assert_eq!((of(&reader, KeyspaceId::DEFAULT), of(&reader, OTHER)), (vec![], expected));
}

#[test]
fn a_key_of_another_keyspace_in_the_cache_is_caught() {
    let _planted = plant(Some(Bug::ConfuseKeyspaces));
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = KvsWriter::open(environment(&disk, 512), 64, 1 << 20).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    assert_eq!(value(&reader, "a").unwrap(), "1");
    let other = reader.keyspace(OTHER).unwrap().get(b"a").unwrap();
    assert_ne!(other, None, "the planted bug is not caught");
}

#[test]
fn a_range_is_removed_from_its_keyspace_alone_and_stays_so() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 512).unwrap();
    let keys = ["a", "b", "c", "d"];
    for keyspace in [KeyspaceId::DEFAULT, OTHER] {
        let puts: Vec<_> = keys.iter().map(|key| put(key, "1").of(keyspace)).collect();
        commit(&mut writer, &puts);
    }
    let snapshot = reader.snapshot().unwrap();
    commit(&mut writer, &[range(OTHER, "b", "d"), put("c", "2").of(OTHER)]);
    commit(&mut writer, &[range(KeyspaceId::DEFAULT, "d", "")]);
    let expected = [
        pairs(&[("a", "1"), ("b", "1"), ("c", "1")]),
        pairs(&[("a", "1"), ("c", "2"), ("d", "1")]),
    ];
    let found = |reader: &KvsReader| [KeyspaceId::DEFAULT, OTHER].map(|id| of(reader, id));
    assert_eq!(found(&reader), expected);
    let before = reader.keyspace(OTHER).unwrap().get_at(b"b", &snapshot);
    assert_eq!(before.unwrap().unwrap().value, b"1");
    for n in 0..200 {
        commit(&mut writer, &[put("hot", &format!("{n}")).of(KeyspaceId(9))]);
        maintain(&mut writer);
    }
    drop(snapshot);
    assert_eq!(found(&reader), expected);
    drop((writer, reader));
    let (mut writer, reader, _) = open(&disk, 512).unwrap();
    assert_eq!(found(&reader), expected);
    maintain(&mut writer);
    drop((writer, reader));
    let (_, reader, _) = open(&disk, 512).unwrap();
    assert_eq!(found(&reader), expected);
}

#[test]
fn range_removals_are_kept_while_older_keys_may_be_left_and_then_go() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 512).unwrap();
    let has_removal = || {
        let state = disk.state();
        let mut logs = state.files().filter(|(name, _)| name.ends_with(".log"));
        logs.any(|(_, bytes)| bytes.windows(5).any(|window| window == b"first"))
    };
    commit(&mut writer, &[put("hot", "1").of(OTHER)]);
    commit(&mut writer, &[range(OTHER, "first", "")]);
    assert!(has_removal());
    for n in 0..100 {
        commit(&mut writer, &[put("cold", &"x".repeat(n)), put("hot", "2")]);
        maintain(&mut writer);
    }
    assert!(!has_removal(), "it removed what is nowhere any more");
    assert_eq!(of(&reader, OTHER), []);
}

/// Compacts a log of which a keyspace was just cleared, and opens it again. Returns whether the
/// compaction waited, and the keys of the keyspace then.
fn compact_behind_a_clear() -> (bool, Vec<(String, String)>) {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 512).unwrap();
    let fill = |writer: &mut KvsWriter| {
        let count = segments(&disk).len();
        while segments(&disk).len() == count {
            commit(writer, &[put("hot", &"x".repeat(60))]);
        }
    };
    let puts: Vec<_> = ["a", "b", "c", "d"].iter().map(|key| put(key, "1").of(OTHER)).collect();
    commit(&mut writer, &puts);
    fill(&mut writer);
    commit(&mut writer, &[Mutation::clear(OTHER)]);
    fill(&mut writer);
    assert!(writer.is_draining());
    let early = writer.offer_compaction();
    let has_waited = early.is_none();
    match early {
        Some(mut job) => finish(&mut writer, &mut *job),
        None => assert!(maintain(&mut writer) > 0, "there was garbage"),
    }
    assert_eq!(of(&reader, OTHER), []);
    drop((writer, reader));
    let (_, reader, _) = open(&disk, 512).unwrap();
    (has_waited, of(&reader, OTHER))
}

#[test]
fn a_compaction_waits_until_it_is_known_what_a_clear_removed() {
    assert_eq!(compact_behind_a_clear(), (true, vec![]));
    let _planted = plant(Some(Bug::CompactUndrained));
    let (has_waited, found) = compact_behind_a_clear();
    assert!(!has_waited && found.len() == 4, "the planted bug is not caught: {found:?}");
}

#[test]
fn a_clear_is_kept_while_a_snapshot_keeps_what_it_removed() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 512).unwrap();
    let puts: Vec<_> = ["a", "b", "c"].iter().map(|key| put(key, "1").of(OTHER)).collect();
    commit(&mut writer, &puts);
    let snapshot = reader.snapshot().unwrap();
    commit(&mut writer, &[Mutation::clear(OTHER), put("c", "2").of(OTHER)]);
    for n in 0..100 {
        commit(&mut writer, &[put("hot", &format!("{n}"))]);
        maintain(&mut writer);
    }
    let other = reader.keyspace(OTHER).unwrap();
    let seen = ["a", "b", "c"].map(|key| at_of(&*other, key, &snapshot));
    assert_eq!(seen.map(|value| value.unwrap()), ["1", "1", "1"]);
    // Whatever the segments with those keys are by now, what was cleared does not come back.
    let crashed = SimulatedDisk::new(disk.state());
    let (_, reopened, _) = open(&crashed, 512).unwrap();
    assert_eq!(of(&reopened, OTHER), pairs(&[("c", "2")]));
    drop(snapshot);
    maintain(&mut writer);
    assert_eq!(of(&reader, OTHER), pairs(&[("c", "2")]));
}

fn at_of(reader: &dyn ReadHalf, key: &str, snapshot: &EngineSnapshot) -> Option<String> {
    let entry = reader.get_at(key.as_bytes(), snapshot).unwrap();
    entry.map(|entry| String::from_utf8(entry.value).unwrap())
}

#[test]
fn a_value_of_an_unknown_type_is_kept_as_it_is() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 512).unwrap();
    commit(&mut writer, &[typed("typed", "bytes"), put("string", "bytes")]);
    let type_of = |reader: &KvsReader, key: &str| {
        let entry = reader.get(key.as_bytes()).unwrap().unwrap();
        let stamp = reader.metadata(key.as_bytes()).unwrap().unwrap();
        assert_eq!(entry.value_type, stamp.value_type);
        entry.value_type.0
    };
    for n in 0..100 {
        commit(&mut writer, &[put("hot", &format!("{n}"))]);
        maintain(&mut writer);
    }
    assert_eq!((type_of(&reader, "typed"), type_of(&reader, "string")), (1, 0));
    drop((writer, reader));
    let (_, reader, _) = open(&disk, 512).unwrap();
    assert_eq!((type_of(&reader, "typed"), type_of(&reader, "string")), (1, 0));
}

#[test]
fn a_segment_id_that_leaves_no_bits_for_a_type_is_refused() {
    use crate::storage::format::segment_header::{Origin, SegmentHeader};
    for (id, is_refused) in [(SegmentId::MAX.0, false), (SegmentId::MAX.0 + 1, true)] {
        let id = SegmentId(id);
        let (origin, previous) = (Origin::Written, SegmentId(0));
        let header = SegmentHeader {
            origin,
            store: StoreId(7),
            id,
            base: Sequence(1),
            durable: Sequence(0),
            previous,
        };
        let found = SegmentHeader::decode(&header.encode(), "x".as_ref());
        assert_eq!(matches!(found, Err(Error::Corrupt { .. })), is_refused, "{id}");
    }
}
