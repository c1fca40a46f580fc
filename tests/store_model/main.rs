//! Random operations of every kind give what a model of maps does, in every engine, with
//! compactions, reopenings and kills: writes, batches, keyspaces, snapshots, transactions that stay
//! open meanwhile, and mirrors that follow by watches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/any_write.rs"]
mod any_write;
#[path = "../common/form.rs"]
mod form;
mod kills;
mod mirrors;
mod model;
#[path = "../common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;
mod transactions;

use std::path::Path;

use any_write::any_write;

use form::by_form;
use kvs::{
    Durability, EngineKind, Error, Keyspace, KeyspaceView, Options, Snapshot, Store, WriteBatch,
};
use mirrors::Mirror;
use model::{Entries, Model};
use random::Random;
use tempfile::TempDir;
use transactions::OpenTransaction;

const NAMES: [&str; 3] = ["one", "two", "default"];
const HANDLES_MAX: usize = 5;
const SNAPSHOTS_MAX: usize = 3;

struct Run {
    engine: EngineKind,
    directory: TempDir,
    random: Random,
    store: Store,
    model: Model,
    /// Open handles with their numbers in the model, the default one first.
    handles: Vec<(Keyspace, usize)>,
    snapshots: Vec<(Snapshot, Model)>,
    transactions: Vec<OpenTransaction>,
    mirrors: Vec<Mirror>,
    tally: Tally,
    step: usize,
}

/// What happened in a run, so that none of it is left out.
#[derive(Debug, Default)]
struct Tally {
    committed: usize,
    conflicts: usize,
    told: usize,
    missed: usize,
    kills: usize,
}

fn open(directory: &Path, engine: EngineKind) -> Store {
    let options = Options::new(directory).engine(engine).durability(Durability::Never);
    let options = options.segment_bytes_max(4096).compaction_bytes_min(2048);
    Store::open(options.watch_bytes(2000)).unwrap()
}

impl Run {
    fn new(engine: EngineKind, seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path(), engine);
        let handles = vec![(store.keyspace("default").unwrap(), 0)];
        let (random, model) = (Random(seed), Model::new());
        let (snapshots, transactions, mirrors) = (Vec::new(), Vec::new(), Vec::new());
        let (tally, step) = (Tally::default(), 0);
        Self {
            engine,
            directory,
            random,
            store,
            model,
            handles,
            snapshots,
            transactions,
            mirrors,
            tally,
            step,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.below(limit as u64)).unwrap()
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len())]
    }

    fn key(&mut self) -> Vec<u8> {
        format!("{:02}", self.below(20)).into_bytes()
    }

    fn value(&mut self) -> Vec<u8> {
        let mut value = format!("{};", self.step).into_bytes();
        value.resize([10, 10, 100, 700][self.below(4)], b'.');
        value
    }

    fn at(&self) -> String {
        format!("{}, step {}", self.engine, self.step)
    }

    fn step(&mut self) {
        self.step += 1;
        match self.below(152) {
            0..=44 => self.write(),
            45..=59 => self.write_batch(),
            60..=66 => self.open_keyspace(),
            67..=69 => self.rename(),
            70..=72 => self.swap(),
            73..=75 => self.drop_keyspace(),
            76..=82 => self.take_snapshot(),
            83..=86 => self.look_at_snapshot(),
            87..=96 => self.look(),
            97 => self.reopen(),
            98 | 99 => self.close_handle(),
            100..=109 => self.begin(),
            110..=129 => self.work_in_transaction(),
            130..=139 => self.commit(),
            140..=143 => self.watch(),
            144 | 145 => self.kill(),
            _ => self.follow(),
        }
    }

    /// Draws a handle; returns it with its number and whether it takes writes.
    fn handle(&mut self) -> (Keyspace, usize, bool) {
        let position = self.random_handle();
        let (keyspace, number) = self.handles[position].clone();
        (keyspace, number, self.model.is_named(number))
    }

    fn random_handle(&mut self) -> usize {
        self.below(self.handles.len())
    }

    fn check(&self, written: Result<(), Error>, is_taken: bool) {
        match written {
            Ok(()) => assert!(is_taken, "{}", self.at()),
            Err(Error::KeyspaceDropped { .. }) => assert!(!is_taken, "{}", self.at()),
            Err(error) => panic!("{}: {error}", self.at()),
        }
    }

    fn write(&mut self) {
        let (keyspace, number, is_taken) = self.handle();
        if !is_taken {
            let refused = keyspace.set("k", "v");
            return self.check(refused, false);
        }
        self.model.changed[number] = self.step;
        any_write(&mut self.random, &keyspace, &mut self.model.keyspaces[number]);
    }

    fn write_batch(&mut self) {
        let (of, of_number, of_is_taken) = self.handle();
        let (mut batch, mut model) = (WriteBatch::new(), self.model.clone());
        let mut is_taken = true;
        for _ in 0..=self.below(5) {
            let (other, number, other_is_taken) = self.handle();
            let (is_named, key, value) = (self.below(3) > 0, self.key(), self.value());
            let removes = self.below(3) == 0;
            is_taken &= if is_named { other_is_taken } else { of_is_taken };
            let number = if is_named { number } else { of_number };
            model.changed[number] = self.step;
            let entries = &mut model.keyspaces[number];
            match (is_named, removes) {
                (true, true) => batch.on(&other).remove(&key[..]),
                (true, false) => batch.on(&other).set(&key[..], &value[..]),
                (false, true) => batch.remove(&key[..]),
                (false, false) => batch.set(&key[..], &value[..]),
            }
            if removes {
                entries.remove(&key);
            } else {
                entries.insert(key, (value, false));
            }
        }
        self.check(of.write(batch), is_taken);
        if is_taken {
            self.model = model;
        }
    }

    fn open_keyspace(&mut self) {
        let name = self.name();
        let keyspace = self.store.keyspace(name).unwrap();
        let number = self.model.open(name);
        self.handles.push((keyspace, number));
        if self.handles.len() > HANDLES_MAX {
            self.close_handle();
        }
    }

    fn close_handle(&mut self) {
        let position = self.random_handle();
        if position > 0 {
            self.handles.remove(position);
        }
    }

    fn rename(&mut self) {
        let (from, to) = (self.name(), self.name());
        let renamed = self.store.rename_keyspace(from, to);
        let names = &mut self.model.names;
        match renamed {
            Ok(()) => {
                assert!(!names.contains_key(to));
                let number = names.remove(from).unwrap();
                names.insert(to.to_owned(), number);
            }
            Err(Error::DefaultKeyspace) => assert_eq!(from, "default"),
            Err(Error::NoSuchKeyspace { .. }) => assert!(!names.contains_key(from)),
            Err(Error::KeyspaceExists { .. }) => assert!(names.contains_key(to)),
            Err(error) => panic!("{}: {error}", self.at()),
        }
    }

    fn swap(&mut self) {
        let (first, second) = (self.name(), self.name());
        let swapped = self.store.swap_keyspaces(first, second);
        let names = &mut self.model.names;
        match swapped {
            Ok(()) => {
                let (one, other) = (names[first], names[second]);
                names.insert(first.to_owned(), other);
                names.insert(second.to_owned(), one);
            }
            Err(Error::DefaultKeyspace) => assert!(first == "default" || second == "default"),
            Err(Error::NoSuchKeyspace { name }) => assert!(!names.contains_key(&name)),
            Err(error) => panic!("{}: {error}", self.at()),
        }
    }

    fn drop_keyspace(&mut self) {
        let name = self.name();
        match self.store.drop_keyspace(name) {
            Ok(()) => {
                let number = self.model.names.remove(name).unwrap();
                self.model.keyspaces[number].clear();
                self.model.changed[number] = self.step;
            }
            Err(Error::DefaultKeyspace) => assert_eq!(name, "default"),
            Err(Error::NoSuchKeyspace { .. }) => assert!(!self.model.names.contains_key(name)),
            Err(error) => panic!("{}: {error}", self.at()),
        }
    }

    fn take_snapshot(&mut self) {
        match self.store.snapshot() {
            Ok(snapshot) => {
                self.snapshots.push((snapshot, self.model.clone()));
                if self.snapshots.len() > SNAPSHOTS_MAX {
                    let position = self.below(SNAPSHOTS_MAX);
                    self.snapshots.remove(position);
                }
            }
            Err(Error::Unsupported { engine: "sled", feature: "snapshots" }) => {
                assert_eq!(self.engine.name(), "sled");
            }
            Err(error) => panic!("{}: {error}", self.at()),
        }
    }

    fn look_at_snapshot(&mut self) {
        if self.snapshots.is_empty() {
            return;
        }
        let position = self.below(self.snapshots.len());
        let (snapshot, model) = self.snapshots[position].clone();
        assert_eq!(snapshot.keyspaces().unwrap(), model.names(), "{}", self.at());
        for (name, number) in &model.names {
            let view = snapshot.keyspace(name).unwrap();
            self.check_view(&view, &model.keyspaces[*number]);
        }
        for (keyspace, number) in self.handles.clone() {
            let entries = model.keyspaces.get(number).cloned().unwrap_or_default();
            self.check_view(&snapshot.of(&keyspace).unwrap(), &entries);
        }
    }

    fn look(&mut self) {
        self.follow();
        assert_eq!(self.store.keyspaces().unwrap(), self.model.names(), "{}", self.at());
        for (keyspace, number) in self.handles.clone() {
            let entries = self.model.keyspaces[number].clone();
            self.check_view(&keyspace, &entries);
        }
    }

    /// Compares what a view has with what it should have, by some of the reads there are.
    fn check_view(&mut self, view: &KeyspaceView, entries: &Entries) {
        let (from, to) = (self.key(), self.key());
        let at = self.at();
        let pairs = |entries: &mut dyn Iterator<Item = (&Vec<u8>, &(Vec<u8>, bool))>| -> Vec<_> {
            entries.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
        };
        let found: Vec<_> = view.scan(..).map(Result::unwrap).collect();
        assert_eq!(found, pairs(&mut entries.iter()), "{at}");
        let keys: Vec<_> = view.scan(&from..).keys().reverse().map(Result::unwrap).collect();
        assert!(keys.iter().eq(entries.range(from.clone()..).rev().map(|(key, _)| key)), "{at}");
        let below = pairs(&mut entries.range(..to.clone()).next_back().into_iter());
        assert_eq!(view.last(..&to).unwrap(), below.first().cloned(), "{at}");
        let count = entries.len() as u64;
        assert_eq!(view.count(..).unwrap(), count, "{at}");
        // It counts keys that have expired until they are removed.
        assert!(view.len().unwrap() >= count, "{at}");
        let expected = [&from, &to].map(|key| entries.get(key).map(|(value, _)| value.clone()));
        assert_eq!(view.get_many([&from, &to]).unwrap(), expected, "{at}");
        assert_eq!(view.get(&from).unwrap(), expected[0], "{at}");
        let expires = view.metadata(&to).unwrap().map(|metadata| metadata.expires_at.is_some());
        assert_eq!(expires, entries.get(&to).map(|(_, expires)| *expires), "{at}");
    }

    /// Closes the store and opens it again, which the `memory` engine does not survive.
    fn reopen(&mut self) {
        if self.engine == EngineKind::Memory {
            return;
        }
        self.close();
        self.open_again();
    }

    /// Drops everything that holds the store, and the store.
    fn close(&mut self) {
        self.handles.clear();
        self.snapshots.clear();
        self.transactions.clear();
        self.mirrors.clear();
        self.store = Store::open(Options::new("unused").engine(EngineKind::Memory)).unwrap();
    }

    /// Opens what is in the directory, and compares it.
    fn open_again(&mut self) {
        self.store = open(self.directory.path(), self.engine);
        self.handles.push((self.store.keyspace("default").unwrap(), 0));
        let names: Vec<_> = self.model.names.clone().into_iter().collect();
        for (name, number) in names {
            let keyspace = self.store.find_keyspace(&name).unwrap().unwrap();
            self.check_view(&keyspace, &self.model.keyspaces[number].clone());
        }
        self.look();
    }
}

#[test]
fn every_store_is_what_a_model_is() {
    let (runs, steps) = (by_form([6, 40, 1000]), 900);
    for &engine in EngineKind::available() {
        let mut tally = Tally::default();
        for seed in 0..runs {
            let mut run = Run::new(engine, seed);
            (0..steps).for_each(|_| run.step());
            run.look();
            run.reopen();
            tally.committed += run.tally.committed;
            tally.conflicts += run.tally.conflicts;
            tally.told += run.tally.told;
            tally.missed += run.tally.missed;
            tally.kills += run.tally.kills;
        }
        let has_transactions = engine.name() != "sled";
        let Tally { committed, conflicts, told, missed, kills } = tally;
        assert!(!has_transactions || committed.min(conflicts) > 0, "{engine}: {tally:?}");
        assert!(told.min(missed) > 0, "{engine}: {tally:?}");
        assert_eq!(kills > 0, engine == EngineKind::Kvs, "{engine}: {tally:?}");
        println!("{engine}: {tally:?}");
    }
}
