//! What the `sled` engine adds to sled.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::storage::names;

#[test]
fn versions_grow_over_a_reopen_though_the_newest_key_is_gone() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).engine(EngineKind::Sled);
    let mut next = 1;
    for _ in 0..3 {
        let mut engine = crate::engine::open(&options).unwrap();
        assert!(engine.writer.next_sequence() >= next, "a version names two values");
        engine.writer.commit(group(&[&[put("a", "1")], &[remove("a")]]), true).unwrap();
        engine.writer.commit(group(&[&[Mutation::Clear]]), true).unwrap();
        next = engine.writer.next_sequence();
        engine.writer.close().unwrap();
    }
}

/// Makes a store with one entry, then writes these bytes as a key of one of sled's trees.
fn forge(directory: &Path, tree: &str, key: &str, stored: &[u8]) -> Error {
    let options = Options::new(directory).engine(EngineKind::Sled);
    let mut engine = crate::engine::open(&options).unwrap();
    engine.writer.commit(group(&[&[put("a", "1")]]), false).unwrap();
    drop(engine);
    let start = Instant::now();
    let database = loop {
        // sled lets go of its lock some time after it was dropped.
        match ::sled::open(directory.join(names::SLED)) {
            Ok(database) => break database,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error}"),
        }
    };
    database.open_tree(tree).unwrap().insert(key, stored).unwrap();
    drop(database);
    crate::engine::open(&options).map(drop).unwrap_err()
}

#[test]
fn what_sled_holds_and_nobody_wrote_is_damage() {
    let entries = "__sled__default";
    for (tree, key, stored) in [(entries, "a", &b"short"[..]), ("versions", "reserved", b"few")] {
        let directory = TempDir::new().unwrap();
        let error = forge(directory.path(), tree, key, stored);
        assert!(matches!(error, Error::Corrupt { offset: None, .. }), "{key}: {error}");
        let message = error.to_string();
        let named = format!("{} is damaged: ", directory.path().join(names::SLED).display());
        assert!(message.starts_with(&named), "{message}");
    }
}
