//! The table of capabilities says what the engines do.

use std::time::{Duration, UNIX_EPOCH};

use kvs::{
    EngineKind, Error, Expiry, Options, Precondition, Result, Store, WatchEvent, WriteBatch,
};
use tempfile::TempDir;

use super::{read, section};

/// The words of a cell.
const WORKS: &str = "works";
const UNSUPPORTED: &str = "Unsupported";
const LATER: &str = "later";

/// Tries a capability on an empty store, and fails unless it does what it should.
type Probe = fn(&Store) -> Result<()>;

/// The rows that engines have something for, each with its probe.
const PROBES: &[(&str, Probe)] = &[
    ("get, set, remove", |store| {
        store.set("k", "v")?;
        assert_eq!(store.get("k")?.as_deref(), Some(&b"v"[..]));
        assert!(store.remove("k")? && store.get("k")?.is_none());
        Ok(())
    }),
    ("batch, all or nothing", |store| {
        let mut batch = WriteBatch::new();
        batch.set("a", "1");
        batch.set("b", vec![0; 1 << 30]);
        let refused = store.write(batch);
        assert!(matches!(refused, Err(Error::ValueTooLarge { .. } | Error::BatchTooLarge { .. })));
        assert!(store.is_empty()?);
        let mut batch = WriteBatch::new();
        batch.set("a", "1");
        batch.set("b", "2");
        store.write(batch)?;
        assert_eq!(store.len()?, 2);
        Ok(())
    }),
    ("get of many keys", |store| {
        store.set("b", "1")?;
        assert_eq!(store.get_many(["a", "b"])?, [None, Some(b"1".to_vec())]);
        Ok(())
    }),
    ("contains, metadata", |store| {
        store.set("a", "1")?;
        assert!(store.contains("a")? && !store.contains("b")?);
        assert!(store.metadata("a")?.is_some() && store.metadata("b")?.is_none());
        Ok(())
    }),
    ("scan in either order, keys only", |store| {
        store.set("a", "1")?;
        store.set("b", "2")?;
        let keys = store.scan(..).reverse().keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(keys, [b"b", b"a"]);
        Ok(())
    }),
    ("first, last of a range", |store| {
        store.set("a", "1")?;
        store.set("b", "2")?;
        assert_eq!(store.first("b"..)?, store.last(..)?);
        assert!(store.first("c"..)?.is_none());
        Ok(())
    }),
    ("number of all keys", |store| {
        store.set("a", "1")?;
        assert_eq!(store.len()?, 1);
        Ok(())
    }),
    ("count of a range", |store| {
        store.set("a", "1")?;
        store.set("b", "2")?;
        assert_eq!(store.count("b"..)?, 1);
        Ok(())
    }),
    ("keyspaces: open, list, rename, swap, drop", |store| {
        store.keyspace("a")?.set("k", "v")?;
        store.keyspace("b")?;
        store.swap_keyspaces("a", "b")?;
        store.rename_keyspace("b", "c")?;
        assert_eq!(store.keyspace("c")?.len()?, 1);
        store.drop_keyspace("c")?;
        assert_eq!(store.keyspaces()?, ["a", "default"]);
        Ok(())
    }),
    ("batch of several keyspaces", |store| {
        let a = store.keyspace("a")?;
        let mut batch = WriteBatch::new();
        batch.set("k", "v");
        batch.on(&a).set("k", "v");
        store.write(batch)?;
        assert_eq!((store.len()?, a.len()?), (1, 1));
        Ok(())
    }),
    ("expiry", |store| {
        store.set_expiring("a", "1", Expiry::After(Duration::from_secs(1 << 30)))?;
        assert!(store.persist("a")? && store.expire("a", Expiry::At(UNIX_EPOCH))?);
        assert!(!store.contains("a")?);
        Ok(())
    }),
    ("condition on a key", |store| {
        assert!(store.set_if("a", "1", Precondition::Absent)?);
        assert!(!store.remove_if("a", Precondition::value("2"))?);
        let mut batch = WriteBatch::new();
        batch.require("a", Precondition::Absent);
        batch.set("b", "2");
        assert!(matches!(store.write(batch), Err(Error::ConditionFailed { .. })));
        assert_eq!(store.len()?, 1);
        Ok(())
    }),
    ("increment, append, removal of a range", |store| {
        assert_eq!(store.increment("n", 41)?, 41);
        assert_eq!(store.append("n", "0")?, 3);
        store.remove_prefix("n")?;
        assert!(store.is_empty()?);
        Ok(())
    }),
    ("swap, take", |store| {
        store.set("a", "1")?;
        assert_eq!(store.swap("a", "2")?.as_deref(), Some(&b"1"[..]));
        assert_eq!(store.take("a")?.as_deref(), Some(&b"2"[..]));
        Ok(())
    }),
    ("durability of each write", |store| {
        store.with_sync(true).set("a", "1")?;
        store.with_sync(false).set("a", "2")?;
        assert_eq!(store.get("a")?.as_deref(), Some(&b"2"[..]));
        Ok(())
    }),
    ("deferred write", |store| {
        let mut batch = WriteBatch::new();
        batch.set("a", "1");
        store.submit(batch)?.wait()?;
        assert!(store.contains("a")?);
        Ok(())
    }),
    ("transaction", |store| {
        let transaction = store.begin()?;
        assert!(!transaction.contains("a")?);
        transaction.set("b", "1");
        store.set("a", "1")?;
        assert!(matches!(transaction.commit(), Err(Error::TransactionConflict)));
        assert_eq!(store.len()?, 1);
        Ok(())
    }),
    ("watch", |store| {
        let mut watch = store.watch_key("a")?;
        store.set("a", "1")?;
        let Some(WatchEvent::Committed(batch)) = watch.next() else { panic!("it tells nothing") };
        assert_eq!(batch.version(), store.metadata("a")?.map_or(0, |metadata| metadata.version));
        Ok(())
    }),
    ("figures", |store| {
        store.set("a", "1")?;
        let stats = store.stats();
        assert_eq!(stats.keyspaces.iter().map(|keyspace| keyspace.keys).sum::<u64>(), 1);
        assert_eq!(stats.groups.map(|groups| groups.operations), Some(1));
        Ok(())
    }),
    ("compaction on request", |store| {
        (0..10).try_for_each(|number| store.set("a", number.to_string()))?;
        let report = store.compact()?;
        assert!(report.bytes_freed() > 0 && report.bytes_after < report.bytes_before);
        Ok(())
    }),
    ("snapshot", |store| {
        let snapshot = store.snapshot()?;
        store.set("a", "1")?;
        assert!(snapshot.is_empty()?);
        Ok(())
    }),
];

#[test]
fn the_engines_do_what_the_table_of_capabilities_says() {
    let page = read("docs/architecture.md");
    let table = section(&page, "## Capabilities").lines().filter(|line| line.starts_with('|'));
    let mut rows = table.map(|line| line.trim_matches('|').split('|').map(str::trim));
    let head: Vec<_> = rows.next().unwrap().map(|cell| cell.trim_matches('`')).collect();
    let mut probes = PROBES.to_vec();
    for row in rows.skip(1) {
        let cells: Vec<_> = row.collect();
        assert_eq!(cells.len(), head.len(), "{cells:?}");
        let name = cells[0];
        let probe = probes.iter().position(|(row, _)| *row == name).map(|at| probes.remove(at).1);
        for (&column, &cell) in head.iter().zip(&cells).skip(1) {
            assert!([WORKS, UNSUPPORTED, LATER].contains(&cell), "{name}, {column}: {cell}");
            let Some(engine) = EngineKind::available().iter().find(|it| it.name() == column) else {
                continue;
            };
            let directory = TempDir::new().unwrap();
            let store = Store::open(Options::new(directory.path()).engine(*engine)).unwrap();
            let found = match probe.map(|probe| probe(&store)) {
                None => LATER,
                Some(Ok(())) => WORKS,
                Some(Err(Error::Unsupported { engine: named, .. })) if named == column => {
                    UNSUPPORTED
                }
                Some(Err(error)) => panic!("{name}, {engine}: {error}"),
            };
            assert_eq!(found, cell, "{name}, {engine}");
        }
    }
    assert!(
        probes.is_empty(),
        "no row for {:?}",
        probes.iter().map(|(row, _)| row).collect::<Vec<_>>()
    );
}
