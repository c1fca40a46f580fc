//! Tests of what the `sled` engine adds to sled.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::EngineKind;
use crate::storage::format::file_name;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;

#[test]
fn versions_grow_over_a_reopen_though_the_newest_key_is_gone() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).engine(EngineKind::Sled);
    let mut next = Sequence::FIRST;
    for _ in 0..3 {
        let mut engine = crate::engine::open(&options).unwrap();
        assert!(engine.writer.next_sequence() >= next, "a version names two values");
        engine.writer.commit(&mut group(&[&[put("a", "1")], &[remove("a")]]), true).unwrap();
        engine.writer.commit(&mut group(&[&[Mutation::clear(KeyspaceId::DEFAULT)]]), true).unwrap();
        next = engine.writer.next_sequence();
        engine.writer.close().unwrap();
    }
}

#[test]
fn a_group_leaves_what_its_batches_would_one_after_the_other() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).engine(EngineKind::Sled);
    let mut engine = crate::engine::open(&options).unwrap();
    let expiring = |key: &str| Mutation::put(key.into(), "1".into(), Some(UnixMillis(5)));
    let first = engine.writer.next_sequence();
    let mut earlier = group(&[&[put("a", "1"), expiring("b")], &[remove("a"), put("c", "2")]]);
    engine.writer.commit(&mut earlier, false).unwrap();
    let held = |engine: &Engine, key: &str| match engine.reader.get(key.as_bytes()) {
        Ok(Some(entry)) => Some((entry.value, Sequence(entry.version).since(first)?)),
        Ok(None) => None,
        other => panic!("{other:?}"),
    };
    let counts = |engine: &Engine| (engine.reader.count(), engine.reader.expiring());
    assert_eq!(held(&engine, "a"), None);
    assert_eq!(held(&engine, "b"), Some((b"1".to_vec(), 0)));
    assert_eq!(held(&engine, "c"), Some((b"2".to_vec(), 1)));
    assert_eq!(
        (counts(&engine), engine.writer.due(UnixMillis(9), 9)),
        ((2, 1), vec![(KeyspaceId::DEFAULT, b"b".to_vec())])
    );

    let later: [&[Mutation]; 5] = [
        &[put("b", "2"), put("d", "2")],
        &[Mutation::clear(KeyspaceId::DEFAULT)],
        &[put("c", "4"), expiring("e")],
        &[put("c", "5")],
        &[remove("e"), remove("never")],
    ];
    engine.writer.commit(&mut group(&later), false).unwrap();
    assert_eq!(engine.writer.next_sequence(), first.plus(7));
    for (key, expected) in [("b", None), ("c", Some((b"5".to_vec(), 5))), ("d", None), ("e", None)]
    {
        assert_eq!(held(&engine, key), expected, "{key}");
    }
    assert_eq!((counts(&engine), engine.writer.due(UnixMillis(9), 9)), ((1, 0), vec![]));
}

/// Makes a store with one entry, then writes these bytes as a key of one of sled's trees.
fn forge(directory: &Path, tree: &str, key: &str, stored: &[u8]) -> Error {
    let options = Options::new(directory).engine(EngineKind::Sled);
    let mut engine = crate::engine::open(&options).unwrap();
    engine.writer.commit(&mut group(&[&[put("a", "1")]]), false).unwrap();
    drop(engine);
    let start = Instant::now();
    let database = loop {
        // sled lets go of its lock some time after it was dropped.
        match ::sled::open(directory.join(file_name::SLED)) {
            Ok(database) => break database,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error}"),
        }
    };
    database.open_tree(tree).unwrap().insert(key, stored).unwrap();
    drop(database);
    crate::engine::open(&options).map(drop).unwrap_err()
}

#[test]
fn an_invalid_entry_in_sled_is_damage() {
    let entries = "__sled__default";
    for (tree, key, stored) in [(entries, "a", &b"short"[..]), ("versions", "reserved", b"few")] {
        let directory = TempDir::new().unwrap();
        let error = forge(directory.path(), tree, key, stored);
        assert!(matches!(error, Error::Corrupt { offset: None, .. }), "{key}: {error}");
        let message = error.to_string();
        let named = format!("{} is damaged: ", directory.path().join(file_name::SLED).display());
        assert!(message.starts_with(&named), "{message}");
    }
}
