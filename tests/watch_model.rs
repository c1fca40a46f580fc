//! Mirrors that are kept by watches alone are what the store holds, after random operations on
//! keyspaces, in every engine: with changes that are missed, watches that go away and come back,
//! and reopenings.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/form.rs"]
mod form;
#[path = "common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use form::by_form;
use kvs::{
    Change, CommittedBatch, Durability, EngineKind, Error, Keyspace, Options, Store, Watch,
    WatchEvent, WriteBatch,
};
use random::Random;

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;
type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

const NAMES: [&str; 3] = ["one", "two", "default"];
const MIRRORS: usize = 4;

/// The memory of the ring: about ten changes.
const WATCH_BYTES: usize = 1500;

/// A copy of a range of a keyspace.
struct Mirror {
    keyspace: Keyspace,
    range: Range,
    /// `None` while it is away.
    watch: Option<Watch>,
    /// The version up to which it has seen everything.
    seen: u64,
    entries: Entries,
    is_dropped: bool,
}

/// What happened in a run, so that none of it is left out.
#[derive(Debug, Default)]
struct Tally {
    changes: usize,
    batches_of_several: usize,
    removed_ranges: usize,
    missed: usize,
    dropped: usize,
    returns: usize,
}

impl Mirror {
    fn new(keyspace: Keyspace, range: Range) -> Self {
        let watch = keyspace.watch(range.clone()).unwrap();
        let seen = watch.version();
        let entries = Entries::new();
        let mut mirror =
            Self { keyspace, range, watch: Some(watch), seen, entries, is_dropped: false };
        mirror.read();
        mirror
    }

    /// Reads what is there.
    fn read(&mut self) {
        self.entries = self.keyspace.scan(self.range.clone()).map(Result::unwrap).collect();
    }

    /// Follows the watch up to now, and compares; a mirror that is away comes back before.
    fn catch_up(&mut self, tally: &mut Tally) {
        let mut watch = match self.watch.take() {
            Some(watch) => watch,
            None => match self.keyspace.watch(self.range.clone()) {
                Ok(watch) => {
                    tally.returns += 1;
                    watch.after(self.seen)
                }
                Err(Error::KeyspaceDropped { .. }) => {
                    (self.is_dropped, self.seen) = (true, u64::MAX);
                    return self.entries.clear();
                }
                Err(error) => panic!("{error}"),
            },
        };
        loop {
            match watch.try_next() {
                Ok(Some(WatchEvent::Committed(batch))) => self.apply(&batch, tally),
                Ok(Some(WatchEvent::Missed { first, last })) => {
                    assert!(first == self.seen + 1 && first <= last);
                    self.seen = last;
                    self.read();
                    tally.missed += 1;
                }
                Ok(None) => break,
                Err(Error::KeyspaceDropped { .. }) => {
                    self.is_dropped = true;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        self.seen = watch.version();
        self.watch = Some(watch);
        let entries: Entries = self.keyspace.scan(self.range.clone()).map(Result::unwrap).collect();
        assert_eq!(self.entries, entries);
    }

    fn apply(&mut self, batch: &CommittedBatch, tally: &mut Tally) {
        assert!(batch.version() > self.seen, "it is told twice");
        self.seen = batch.version();
        let count = batch.changes().count();
        assert!(count > 0);
        tally.changes += count;
        tally.batches_of_several += usize::from(count > 1);
        for change in batch.changes() {
            match change {
                Change::Set { key, value, expires_at: None } => {
                    self.entries.insert(key.to_vec(), value.to_vec());
                }
                Change::Removed { key } => {
                    // A mirror that has read everything anew may know of the removal.
                    self.entries.remove(key);
                }
                Change::RangeRemoved { start, end } => {
                    let is_behind = |key: &[u8]| end.is_some_and(|end| key >= end);
                    self.entries.retain(|key, _| &key[..] < start || is_behind(key));
                    tally.removed_ranges += 1;
                }
                Change::Cleared => {
                    self.entries.clear();
                    tally.removed_ranges += 1;
                }
                Change::Dropped => {
                    self.entries.clear();
                    tally.dropped += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

struct Run<'a> {
    engine: EngineKind,
    directory: &'a Path,
    random: Random,
    store: Store,
    mirrors: Vec<Mirror>,
    tally: Tally,
    step: usize,
}

fn open(directory: &Path, engine: EngineKind) -> Store {
    let options = Options::new(directory).engine(engine).durability(Durability::Never);
    Store::open(options.watch_bytes(WATCH_BYTES)).unwrap()
}

impl Run<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.below(limit as u64)).unwrap()
    }

    fn key(&mut self) -> Vec<u8> {
        format!("{:02}", self.below(20)).into_bytes()
    }

    fn keyspace(&mut self) -> Keyspace {
        let name = NAMES[self.below(NAMES.len())];
        self.store.keyspace(name).unwrap()
    }

    fn step(&mut self) {
        self.step += 1;
        match self.below(100) {
            0..=39 => {
                let (keyspace, key, value) = (self.keyspace(), self.key(), self.step.to_string());
                keyspace.set(key, value).unwrap();
            }
            40..=49 => {
                let (keyspace, key) = (self.keyspace(), self.key());
                keyspace.remove(key).unwrap();
            }
            50..=53 => {
                let (keyspace, from, to) = (self.keyspace(), self.key(), self.key());
                keyspace.remove_range(from..to).unwrap();
            }
            54 => self.keyspace().remove_range(..).unwrap(),
            55..=69 => self.write_batch(),
            70..=72 => self.change_names(),
            73..=80 => self.add_mirror(),
            81..=85 => {
                let mirrors = self.mirrors.len();
                if mirrors > 0 {
                    let away = self.below(mirrors);
                    self.mirrors[away].watch = None;
                }
            }
            86..=98 => self.catch_up(),
            _ => self.reopen(),
        }
    }

    fn write_batch(&mut self) {
        let mut batch = WriteBatch::new();
        let keyspaces = [self.keyspace(), self.keyspace()];
        for number in 0..=self.below(5) {
            let (keyspace, key) = (&keyspaces[number % 2], self.key());
            match self.below(9) {
                0 => batch.on(keyspace).remove_prefix(&key[..1]),
                1..=3 => batch.on(keyspace).remove(key),
                _ => batch.on(keyspace).set(key, self.step.to_string()),
            }
        }
        self.store.write(batch).unwrap();
    }

    fn change_names(&mut self) {
        self.keyspace();
        let changed = match self.below(3) {
            0 => self.store.rename_keyspace("one", "two"),
            1 => self.store.swap_keyspaces("one", "two"),
            _ => self.store.drop_keyspace(NAMES[self.step % 2]),
        };
        match changed {
            Ok(()) | Err(Error::NoSuchKeyspace { .. } | Error::KeyspaceExists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn add_mirror(&mut self) {
        let (keyspace, from, to) = (self.keyspace(), self.key(), self.key());
        let range = match self.below(3) {
            0 => (Bound::Unbounded, Bound::Unbounded),
            1 => (Bound::Included(from.clone()), Bound::Included(from)),
            _ => (Bound::Included(from.clone().min(to.clone())), Bound::Excluded(from.max(to))),
        };
        self.mirrors.push(Mirror::new(keyspace, range));
        if self.mirrors.len() > MIRRORS {
            self.mirrors.remove(0);
        }
    }

    fn catch_up(&mut self) {
        let tally = &mut self.tally;
        self.mirrors.iter_mut().for_each(|mirror| mirror.catch_up(tally));
        self.mirrors.retain(|mirror| !mirror.is_dropped);
    }

    /// Closes the store and opens it again, which the `memory` engine does not survive. The mirrors
    /// of keyspaces that have a name come back.
    fn reopen(&mut self) {
        if self.engine == EngineKind::Memory {
            return;
        }
        self.catch_up();
        let mirrors: Vec<_> = self.mirrors.drain(..).collect();
        let mut away: Vec<_> = Vec::new();
        for mut mirror in mirrors {
            let ends = mirror.watch.take().unwrap();
            away.push((mirror.keyspace.name().to_owned(), mirror.range, mirror.seen, ends));
        }
        self.store = Store::open(Options::new("unused").engine(EngineKind::Memory)).unwrap();
        for (.., ends) in &mut away {
            assert!(matches!(ends.try_next(), Err(Error::Closed)));
        }
        self.store = open(self.directory, self.engine);
        for (name, range, seen, _) in away {
            let Some(keyspace) = self.store.find_keyspace(&name).unwrap() else { continue };
            let mut mirror = Mirror::new(keyspace, range);
            mirror.watch = None;
            mirror.seen = seen;
            mirror.catch_up(&mut self.tally);
            self.mirrors.push(mirror);
        }
    }
}

#[test]
fn mirrors_that_follow_watches_are_what_the_store_holds() {
    let (runs, steps) = (by_form([6, 40, 1000]), 1000);
    for &engine in EngineKind::available() {
        let mut tally = Tally::default();
        for seed in 0..runs {
            let directory = tempfile::tempdir().unwrap();
            let store = open(directory.path(), engine);
            let (directory, random) = (directory.path(), Random(seed));
            let (mirrors, step) = (Vec::new(), 0);
            let mut run = Run { engine, directory, random, store, mirrors, tally, step };
            (0..steps).for_each(|_| run.step());
            run.catch_up();
            tally = run.tally;
        }
        println!("{engine}: {tally:?}");
        let Tally { changes, batches_of_several, removed_ranges, missed, dropped, returns } = tally;
        let counts = [changes, batches_of_several, removed_ranges, missed, dropped, returns];
        assert!(counts.iter().all(|count| *count > 0), "{engine}: {tally:?}");
    }
}
