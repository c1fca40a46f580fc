//! Loaders of empty indexes against such that add versions to what is there.

use super::*;
use crate::storage::format::keyspace::ValueType;
use crate::storage::format::record::{Extent, Record, RecordKind};
use crate::storage::format::segment_header::Origin;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::index::{IndexScan, ScanBatch};
use crate::storage::key_range::{KeyInterval, KeyRange};
use crate::storage::recovery::sorted_run::{RunSummary, SortedRunBuilder};
use crate::storage::recovery::tasks::OneByOne;

const RUNS: u64 = 5;
const BATCHES: u64 = 4000;
const KEYSPACES: [KeyspaceId; 3] = [KeyspaceId(0), KeyspaceId(1), KeyspaceId(9)];
/// Behind the header of a segment.
const FIRST_AT: u32 = 80;
const RECORD_BYTES: u32 = 40;
const SEGMENT_BYTES: u64 = 16 << 20;

/// Numbers that a seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// Returns keys of which some differ in their last bytes alone, and some begin others.
fn key(random: &mut Random) -> Vec<u8> {
    let number = random.below(9000);
    match number % 4 {
        0 => format!("{number:b}").into_bytes(),
        1 => format!("a long prefix that most of the keys share {number:05}").into_bytes(),
        _ => format!("key {number:06}").into_bytes(),
    }
}

/// Returns runs that hold several versions of most keys, some of them in one batch.
fn runs() -> Vec<(SortedRun, RunSummary)> {
    let mut random = Random(5);
    let run = |number: u64| {
        let (mut builder, mut offset) = (SortedRunBuilder::default(), FIRST_AT);
        for batch in 0..BATCHES {
            let sequence = Sequence(1 + number + batch * RUNS);
            for _ in 0..=random.below(4) {
                let keyspace = KEYSPACES[usize::try_from(random.below(3)).unwrap()];
                let (key, other) = (key(&mut random), key(&mut random));
                let expires_at = (random.below(9) == 0).then(|| UnixMillis(random.below(500)));
                let value_type = ValueType::default();
                let kind = match random.below(1000) {
                    0 if key < other => {
                        RecordKind::RemoveRange(KeyInterval { start: &key, end: &other })
                    }
                    1..300 => RecordKind::Remove { key: &key },
                    _ => RecordKind::Put { key: &key, value: &[], value_type, expires_at },
                };
                let extent = Extent { offset, length: RECORD_BYTES };
                builder.add(&Record { keyspace, kind }, sequence, extent);
                offset += RECORD_BYTES;
            }
        }
        let segment = SegmentId(number + 1);
        SortedRun::new(segment, builder.sort(Vec::new()), 0, SEGMENT_BYTES).unwrap()
    };
    (0..RUNS).map(run).collect()
}

/// The facts about indexes, and about segments, that a store needs.
#[derive(Debug, PartialEq, Default)]
struct Loaded {
    versions: Vec<(KeyspaceId, Vec<u8>, Sequence, Location)>,
    counts: Vec<(KeyspaceId, u64, u64)>,
    due: Vec<(KeyspaceId, Vec<u8>)>,
    usages: Vec<(SegmentId, String)>,
    /// The segments and offsets of dead values.
    dead: Vec<(SegmentId, u32)>,
    is_worth_a_look: Vec<bool>,
}

/// Loads the runs, so many at once; with `is_empty` the first of them into empty indexes.
fn load(runs_at_once: usize, is_empty: bool) -> Loaded {
    let mut indexes = KeyspaceIndexes::new();
    let mut accounting = Accounting::default();
    let mut loader =
        IndexLoader { is_empty, ..IndexLoader::new(&mut indexes, RecoveryProgress::new(None)) };
    for number in 1..=RUNS {
        accounting.add(SegmentId(number), Origin::Written, SEGMENT_BYTES, true);
    }
    for (position, (run, summary)) in runs().into_iter().enumerate() {
        loader.add(run, summary.removals);
        if (position + 1) % runs_at_once == 0 {
            loader.fill(&mut accounting, &OneByOne).unwrap();
        }
    }
    loader.fill(&mut accounting, &OneByOne).unwrap();
    loader.finish(Sequence(RUNS * BATCHES), &mut accounting);
    let mut loaded = Loaded::default();
    for keyspace in KEYSPACES {
        let reader = indexes.readers().reader(keyspace);
        loaded.counts.push((keyspace, reader.live(), reader.expiring()));
        let (range, snapshot) = (KeyRange::all(), reader.snapshot());
        let mut scan = IndexScan::new(&reader, &range, &snapshot);
        let mut batch = ScanBatch::new();
        while scan.next(&mut batch, usize::MAX) {
            for position in 0..batch.len() {
                let (key, (version, location)) = (batch.key(position), batch.version(position));
                assert_eq!(reader.newest(key), Some((version, *location)), "it is not found");
                loaded.versions.push((keyspace, key.to_vec(), version, *location));
            }
        }
    }
    loaded.due = indexes.due(UnixMillis(250), usize::MAX);
    loaded.usages = accounting.all().map(|(id, usage)| (id, format!("{usage:?}"))).collect();
    for number in 1..=RUNS {
        let dead = accounting.dead_bitmap(SegmentId(number));
        let offsets = (FIRST_AT..1 << 20).step_by(RECORD_BYTES as usize);
        let dead = offsets.filter(|offset| dead.contains(*offset));
        loaded.dead.extend(dead.map(|offset| (SegmentId(number), offset)));
    }
    let bytes = (0..30).map(|power| 1 << power);
    loaded.is_worth_a_look = bytes.map(|bytes| accounting.is_worth_a_look(bytes)).collect();
    loaded
}

#[test]
fn an_index_that_is_loaded_in_parts_is_the_one_that_versions_were_added_to() {
    let expected = load(usize::MAX, false);
    assert!(expected.versions.len() > 5000 && expected.dead.len() > 5000);
    assert!(expected.counts.iter().all(|(_, live, expiring)| live > expiring && *expiring > 0));
    let separate = load(usize::MAX, true);
    assert!(separate == expected);
}

#[test]
fn runs_that_are_loaded_later_end_in_the_same_index() {
    let (expected, later) = (load(2, false), load(2, true));
    assert!(later == expected);
}
