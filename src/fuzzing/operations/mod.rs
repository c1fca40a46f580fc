//! A list of operations on a store, each answered as a map in memory answers it.
//!
//! The store is the real engine with the real resolver of batches in front of it, one step after
//! the other on one thread; between the steps it is compacted, synced, killed, closed, and its disk
//! fills up.

mod model;

use std::ops::Bound;

use super::input::Input;
use crate::engine::kvs::{KvsReader, KvsWriter};
use crate::engine::{
    BackgroundJob, EngineSnapshot, EntryMeta, JobStep, KeyRange, KeyspaceId, Page, ReadHalf,
    ScanPage, WriteHalf,
};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::store_id::StoreId;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::fs::simulated::{Failure, Fault, SimulatedDisk, State};
use crate::storage::recovery::RecoveryReport;
use crate::store::resolve::Resolver;
use crate::store::{Batch, SizeLimits};
use crate::{Error, Options};
use model::{Entries, Model, key};

/// So many that a program takes well under a millisecond.
const STEPS_MAX: usize = 200;

const SNAPSHOTS_MAX: usize = 3;

/// Short, so that a few batches fill several segments.
const SEGMENT_BYTES_MAX: u64 = 300;
const COMPACTION_BYTES_MIN: u64 = 64;

/// About as few as a cache can have, so that opening one costs little.
const CACHE_BYTES: usize = 96 << 10;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut store = Store::open(State::default()).0;
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        match input.choose(16) {
            0 => store.restart(true),
            1 => store.restart(false),
            2 => store.turn_snapshots(&mut input),
            3..=5 => store.compact(&mut input),
            6 => store.sync(input.flag()),
            // Clocks go back too.
            7 => {
                let time = i64::from(input.byte().cast_signed());
                store.model.now = store.model.now.saturating_add_signed(time);
            }
            8 => store.check_scan(&mut input, None),
            choice => store.write(&mut input, choice == 9),
        }
        store.check();
    }
    store.restart(true);
    store.check();
}

struct Store {
    disk: SimulatedDisk,
    writer: KvsWriter,
    reader: KvsReader,
    model: Model,
    snapshots: Vec<(EngineSnapshot, Entries)>,
    sync: Option<Box<dyn BackgroundJob>>,
    compaction: Option<Box<dyn BackgroundJob>>,
}

impl Store {
    fn open(state: State) -> (Self, RecoveryReport) {
        let disk = SimulatedDisk::new(state);
        let environment = LogEnvironment {
            preallocate_bytes: Some(64),
            ..LogEnvironment::simulated(&disk, StoreId(7), SEGMENT_BYTES_MAX)
        };
        let (writer, reader, report) =
            KvsWriter::open(environment, COMPACTION_BYTES_MIN, CACHE_BYTES).unwrap();
        let model = Model::default();
        let snapshots = Vec::new();
        (Self { disk, writer, reader, model, snapshots, sync: None, compaction: None }, report)
    }

    /// Closes the store, or kills it where it stands, and opens it again.
    fn restart(&mut self, closes: bool) {
        if closes {
            self.compaction = None;
            self.writer.close().unwrap();
        }
        let report = self.restart_from(self.disk.state());
        assert!(report.is_clean || !closes);
    }

    fn restart_from(&mut self, state: State) -> RecoveryReport {
        let (next, report) = Self::open(state);
        assert_eq!(report.dropped_bytes, 0);
        let model = std::mem::take(&mut self.model);
        *self = Self { model, ..next };
        report
    }

    /// Commits a group of batches, on a full disk if `fails`.
    fn write(&mut self, input: &mut Input<'_>, fails: bool) {
        let batches: Vec<Batch> =
            (0..=input.choose(3)).map(|_| model::batch(input, self.model.now)).collect();
        let mut operations = batches.iter().flat_map(|batch| &batch.operations);
        let reads = operations.any(|it| it.operation.reads());
        let limits = SizeLimits::new(&Options::new("data"));
        let next = self.writer.next_sequence();
        let mut resolver =
            Resolver::new(&self.reader, limits, UnixMillis(self.model.now), next, reads);
        let before = self.model.clone();
        for batch in batches {
            let expected = self.model.apply(&batch);
            match (resolver.add(batch), expected) {
                (Ok(applied), Some(expected)) => assert_eq!(applied, expected),
                (
                    Err(
                        Error::ConditionFailed { .. }
                        | Error::NotAnInteger { .. }
                        | Error::IntegerOverflow { .. },
                    ),
                    None,
                ) => {}
                (outcome, expected) => panic!("{outcome:?}, where {expected:?} was expected"),
            }
        }
        let (mut group, _) = resolver.finish();
        if group.is_empty() {
            return;
        }
        self.prepare();
        let was_full = self.writer.full().is_some();
        self.fill(fails);
        let committed = self.writer.commit(&mut group, input.flag());
        self.disk.heal();
        match committed {
            Ok(()) => assert!(!fails),
            Err(error) => {
                assert!((fails || was_full) && error.is_disk_full(), "{error}");
                self.model = before;
            }
        }
        assert_eq!(self.writer.next_sequence(), self.model.next_sequence);
    }

    /// Fills the disk if told so: from now on a write takes a part of its bytes and fails.
    fn fill(&self, is_full: bool) {
        if is_full {
            self.disk.fail(Fault { call: 0, failure: Failure::Short, forever: true }, 0);
        }
    }

    fn turn_snapshots(&mut self, input: &mut Input<'_>) {
        if self.snapshots.len() < SNAPSHOTS_MAX && input.flag() {
            self.snapshots.push((self.reader.snapshot().unwrap(), self.model.entries.clone()));
        } else if !self.snapshots.is_empty() {
            let (snapshot, entries) = self.snapshots.remove(input.choose(self.snapshots.len()));
            self.check_scan(input, Some((&snapshot, &entries)));
        }
    }

    /// Does a step of a compaction, on a full disk now and then, or up to a kill before any change
    /// of it.
    fn compact(&mut self, input: &mut Input<'_>) {
        let Some(mut job) = self.compaction.take().or_else(|| self.writer.offer_compaction())
        else {
            return;
        };
        let accident = input.choose(16);
        self.fill(accident == 1);
        let is_killed = matches!(accident, 2..=3);
        if is_killed {
            self.disk.record();
        }
        let step = job.step();
        self.disk.heal();
        if is_killed {
            let mut moments = self.disk.moments();
            let killed = moments.swap_remove(input.choose(moments.len()));
            self.restart_from(killed.state);
            return;
        }
        let delivery = match step {
            Ok(JobStep::Continue) => {
                self.compaction = Some(job);
                return;
            }
            Ok(JobStep::Deliver(delivery)) => {
                self.compaction = Some(job);
                delivery
            }
            Ok(JobStep::Done(delivery)) => delivery,
            Err(error) => {
                assert!(error.is_disk_full(), "{error}");
                self.writer.note_failed_job(job.kind(), &error);
                return;
            }
        };
        self.writer.take_delivery(delivery);
    }

    /// Finds out that a disk which was full has space again, unless a compaction needs it first.
    fn prepare(&mut self) {
        if self.writer.full().is_none() {
            return;
        }
        self.writer.tick().unwrap();
        while let Some(mut job) = self.writer.offer_preparation() {
            let Ok(JobStep::Done(delivery)) = job.step() else { panic!("it is one step") };
            self.writer.take_delivery(delivery);
        }
        assert!(self.writer.full().is_none() || self.compaction.is_some());
    }

    fn sync(&mut self, in_background: bool) {
        if !in_background {
            self.writer.sync().unwrap();
        } else if let Some(mut job) = self.sync.take() {
            let Ok(JobStep::Done(delivery)) = job.step() else { panic!("a sync is one step") };
            self.writer.take_delivery(delivery);
        } else {
            self.sync = self.writer.offer_sync();
        }
    }

    /// Compares every key, and every key of every snapshot.
    fn check(&self) {
        for keyspace in model::KEYSPACES {
            self.check_keyspace(keyspace, &*self.reader.keyspace(keyspace).unwrap());
        }
        let Model { entries, now, .. } = &self.model;
        let is_due = |entry: &crate::Entry| entry.expires_at.is_some_and(|time| time <= *now);
        let due = entries.iter().filter(|(_, entry)| is_due(entry)).map(|(key, _)| key.clone());
        let mut found = self.writer.due(UnixMillis(*now), usize::MAX);
        found.sort();
        assert_eq!(found, due.collect::<Vec<_>>());
    }

    fn check_keyspace(&self, keyspace: KeyspaceId, reader: &dyn ReadHalf) {
        let entries = &self.model.entries;
        for at in 0..model::KEYS {
            let key = key(at);
            let placed = (keyspace, key.clone());
            let expected = entries.get(&placed);
            let found = reader.get(&key).unwrap();
            assert_eq!(found, expected.cloned());
            let stamp = |entry: &crate::Entry| EntryMeta {
                version: Sequence(entry.version),
                expires_at: entry.expiry(),
                value_type: entry.value_type,
            };
            assert_eq!(reader.metadata(&key).unwrap(), expected.map(stamp));
            for (snapshot, entries) in &self.snapshots {
                let found = reader.get_at(&key, snapshot).unwrap();
                let expected = entries.get(&placed).cloned();
                assert_eq!(found, expected, "in a snapshot");
            }
        }
        let entries = entries.iter().filter(|((other, _), _)| *other == keyspace);
        assert_eq!(reader.count(), entries.clone().count() as u64);
        let expiring = entries.filter(|(_, entry)| entry.expires_at.is_some());
        assert_eq!(reader.expiring(), expiring.count() as u64);
    }

    /// Compares a part of the keys, page by page in either direction.
    fn check_scan(&self, input: &mut Input<'_>, snapshot: Option<(&EngineSnapshot, &Entries)>) {
        let entries = snapshot.map_or(&self.model.entries, |(_, entries)| entries);
        let bound = |input: &mut Input<'_>| match input.choose(3) {
            0 => Bound::Unbounded,
            1 => Bound::Included(key(input.choose(model::KEYS))),
            _ => Bound::Excluded(key(input.choose(model::KEYS))),
        };
        let mut range = KeyRange { start: bound(input), end: bound(input), reverse: input.flag() };
        let (limit, keys_only) = (1 + input.choose(4), input.flag());
        let is_inside = |key: &Vec<u8>| {
            let is_behind = match &range.start {
                Bound::Unbounded => true,
                Bound::Included(start) => start <= key,
                Bound::Excluded(start) => start < key,
            };
            let is_before = match &range.end {
                Bound::Unbounded => true,
                Bound::Included(end) => key <= end,
                Bound::Excluded(end) => key < end,
            };
            is_behind && is_before
        };
        let keyspace = model::KEYSPACES[input.choose(model::KEYSPACES.len())];
        let reader = self.reader.keyspace(keyspace).unwrap();
        let of_it = entries.iter().filter(|((other, _), _)| *other == keyspace);
        let of_it = of_it.map(|((_, key), entry)| (key, entry));
        let mut expected: Vec<_> = of_it.filter(|(key, _)| is_inside(key)).collect();
        if range.reverse {
            expected.reverse();
        }
        let mut expected = expected.into_iter();
        loop {
            let snapshot = snapshot.map(|(snapshot, _)| snapshot);
            let page = ScanPage { range: &range, snapshot, limit, keys_only };
            let page = Page::of(&*reader, &page).unwrap();
            assert!(page.entries.len() <= limit);
            for found in page.entries {
                let (key, entry) = expected.next().unwrap();
                let mut entry = entry.clone();
                if keys_only {
                    entry.value.clear();
                }
                assert_eq!((&found.key, found.entry), (key, entry));
            }
            match page.resume_after {
                Some(key) => range = range.after(&key),
                None => break,
            }
        }
        assert_eq!(expected.next(), None);
    }
}
