//! Stores of every engine.

use std::path::Path;

use kvs::{Durability, EngineKind, Options, Store};

pub fn options(directory: &Path, engine: EngineKind) -> Options {
    Options::new(directory.join(engine.to_string())).engine(engine).durability(Durability::Never)
}

/// Calls a test with an empty store of every engine.
pub fn for_each_engine(test: impl Fn(EngineKind, &Store)) {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        test(engine, &Store::open(options(directory.path(), engine)).unwrap());
    }
}
