//! Groups that are put together over an engine in memory.

use super::*;
use crate::engine;
use crate::precondition::Precondition;
use crate::store::change_origin::OriginKind;
use crate::store::limits::BATCH_BYTES_MAX;
use crate::store::{KeyCopy, database_keyspace};
use crate::sync::Arc;
use crate::{EngineKind, Options};

/// Returns the read half of an engine in memory that holds `a` from commit 1 on, until 100
/// milliseconds.
fn reader() -> Arc<dyn ReadHalf> {
    let options = Options::new("unused").engine(EngineKind::Memory);
    let mut engine = engine::open(&options).unwrap();
    let mut group = Group::default();
    group.push([Mutation::put(b"a".to_vec(), b"1".to_vec(), Some(UnixMillis(100)))]);
    engine.writer.commit(&mut group, false).unwrap();
    engine.reader
}

fn resolver(reader: &dyn ReadHalf, now: u64) -> Resolver<'_> {
    let now = UnixMillis(now);
    Resolver::new(reader, SizeLimits::new(&Options::new("unused")), now, Sequence(2), true)
}

fn put(key: &str, value: &str) -> Batch {
    let (key, value) = (key.into(), value.into());
    Batch::single(WriteOperation::Put { key, value, expires_at: None })
}

fn remove(key: &str) -> Batch {
    Batch::single(WriteOperation::Remove { key: key.into() })
}

#[test]
fn versions_and_the_bytes_of_keys_and_values_are_counted() {
    let reader = reader();
    let mut resolver = resolver(&*reader, 99);
    for (version, (batch, bytes)) in
        (2..).zip([(put("bc", "def"), 5), (put("b", "123"), 9), (remove("bc"), 11)])
    {
        assert_eq!(resolver.add(batch).unwrap().version, Some(Sequence(version)));
        assert_eq!(resolver.bytes(), bytes);
    }
    assert!(resolver.bytes() < BATCH_BYTES_MAX);
}

#[test]
fn a_key_expires_at_its_time_and_is_removed_all_the_same() {
    let reader = reader();
    for (now, is_alive) in [(99, true), (100, false), (101, false)] {
        let applied = resolver(&*reader, now).add(remove("a")).unwrap();
        assert_eq!(applied.answers[..], [WriteAnswer::Flag(is_alive)], "at {now}");
        assert_eq!(applied.version, Some(Sequence(2)));
    }
}

#[test]
fn an_update_removes_only_what_is_there() {
    let reader = reader();
    for (key, version) in [("a", Some(Sequence(2))), ("b", None)] {
        let operation = WriteOperation::Update { key: key.into(), update: Update::Take };
        let applied = resolver(&*reader, 99).add(Batch::single(operation)).unwrap();
        assert_eq!(applied.version, version, "{key}");
    }
}

#[test]
fn an_operation_behind_a_clear_of_its_group_sees_no_stored_key() {
    let reader = reader();
    let mut resolver = resolver(&*reader, 99);
    resolver.add(put("b", "1")).unwrap();
    resolver.add(Batch::single(WriteOperation::clear())).unwrap();
    for key in ["a", "b"] {
        let (key, condition) = (key.into(), Precondition::Absent);
        resolver.add(Batch::single(WriteOperation::Require { key, condition })).unwrap();
    }
    assert_eq!(resolver.add(remove("a")).unwrap().answers[..], [WriteAnswer::Flag(false)]);
}

#[test]
fn changes_say_by_which_operation_on_which_database_they_were_made() {
    let reader = reader();
    let mut resolver = resolver(&*reader, 99);
    let on = |database, operation| KeyspaceOperation {
        keyspace: database_keyspace(database),
        operation,
    };
    let append = Update::Append(b"2".to_vec());
    let copy = KeyCopy {
        source_keyspace: database_keyspace(0),
        source: b"a".to_vec(),
        target: b"b".to_vec(),
        replaces: true,
        removes_source: true,
    };
    let operations = [
        on(0, WriteOperation::Update { key: b"a".to_vec(), update: append }),
        WriteOperation::Attempt(vec![on(5, WriteOperation::CopyKey(Box::new(copy)))]).into(),
        WriteOperation::set("c", "1", None).into(),
    ];
    resolver.add(operations.into_iter().collect()).unwrap();
    let (group, _) = resolver.finish();
    let mutations = group.batches().flatten();
    let told = mutations.filter(|mutation| mutation.keyspace != KeyspaceId::CATALOGUE);
    let origin = |kind, database| ChangeOrigin { kind, database };
    let expected = [
        origin(OriginKind::Append, Some(0)),
        origin(OriginKind::Move, Some(0)),
        origin(OriginKind::Move, Some(5)),
        origin(OriginKind::Set, None),
    ];
    assert!(told.map(|mutation| ChangeOrigin::of_label(mutation.label)).eq(expected));
}
