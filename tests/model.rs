//! Any sequence of operations leaves every engine with what a plain map would hold, reopening
//! included.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::form::by_form;
use kvs::{EngineKind, Options, Store};
use proptest::prelude::*;
use tempfile::TempDir;

#[derive(Debug, Clone)]
enum Step {
    Set(u8, usize),
    Remove(u8),
    Sync,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<u8>(), 0..600usize).prop_map(|(key, length)| Step::Set(key % 16, length)),
        4 => any::<u8>().prop_map(|key| Step::Remove(key % 16)),
        1 => Just(Step::Sync),
        1 => Just(Step::Reopen),
    ]
}

fn open(directory: &TempDir, engine: EngineKind) -> Store {
    let options = Options::new(directory.path()).engine(engine).segment_bytes_max(4096);
    Store::open(options.compaction_bytes_min(2048)).unwrap()
}

fn run(engine: EngineKind, steps: Vec<Step>) {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory, engine);
    let mut model = BTreeMap::new();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Set(key, length) => {
                let value = vec![u8::try_from(number % 251).unwrap(); length];
                store.set([key], value.clone()).unwrap();
                model.insert(key, value);
            }
            Step::Remove(key) => {
                assert_eq!(store.remove([key]).unwrap(), model.remove(&key).is_some());
            }
            Step::Sync => store.sync().unwrap(),
            Step::Reopen if engine != EngineKind::Memory => {
                drop(store);
                store = open(&directory, engine);
            }
            Step::Reopen => {}
        }
    }
    for key in 0..16 {
        assert_eq!(store.get([key]).unwrap().as_ref(), model.get(&key), "key {key}");
    }
}

fn cases(by_forms: [u32; 3]) -> ProptestConfig {
    ProptestConfig { cases: by_form(by_forms), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases([16, 64, 1000]))]

    #[test]
    fn kvs_is_a_map(steps in prop::collection::vec(step(), 0..200)) {
        run(EngineKind::Kvs, steps);
    }

    #[test]
    fn memory_is_a_map(steps in prop::collection::vec(step(), 0..200)) {
        run(EngineKind::Memory, steps);
    }
}

#[cfg(feature = "sled")]
proptest! {
    #![proptest_config(cases([4, 8, 100]))]

    #[test]
    fn sled_is_a_map(steps in prop::collection::vec(step(), 0..60)) {
        run(EngineKind::Sled, steps);
    }
}
