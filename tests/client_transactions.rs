//! Snapshots and transactions of clients, and what the server refuses of them.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use common::running::Running;
use common::wait::wait_until;
use kvs::protocol::native::FailureKind;
use kvs::{
    ClientError, ClientResult, ClientTransaction, Durability, EngineKind, Expiry, KvsClient,
    Options, ServerOptions,
};

const CAPABLE: [EngineKind; 2] = [EngineKind::Kvs, EngineKind::Memory];

fn start(engine: EngineKind, directory: &Path, options: ServerOptions) -> Running {
    let store = Options::new(directory).engine(engine).durability(Durability::Never);
    Running::start_on(store.transaction_reads_max(100), options.workers(2))
}

/// Calls a test with a client of a server, and another one, over each engine with snapshots.
fn on_each_engine(test: impl Fn(&mut KvsClient, &mut KvsClient)) {
    for engine in CAPABLE {
        let directory = tempfile::tempdir().unwrap();
        let server = start(engine, directory.path(), ServerOptions::default());
        let connect = || KvsClient::connect(server.address).unwrap();
        test(&mut connect(), &mut connect());
    }
}

fn refusal<T>(result: ClientResult<T>) -> FailureKind {
    match result {
        Ok(_) => panic!("it is not refused"),
        Err(error) => error.failure_kind().unwrap_or_else(|| panic!("{error}")),
    }
}

fn is_conflict(result: ClientResult<()>) -> bool {
    match result {
        Ok(()) => false,
        Err(ClientError::Remote { kind: FailureKind::TransactionConflict, .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_snapshot_gives_the_same_answers_whatever_happens() {
    on_each_engine(|client, other| {
        client.set("a", "1").unwrap();
        client.set_expiring("b", "2", Expiry::After(Duration::from_secs(1000))).unwrap();
        client.keyspace("ks").unwrap().set("k", "old").unwrap();
        let mut snapshot = client.snapshot().unwrap();
        other.set("a", "changed").unwrap();
        other.expire("b", Expiry::At(UNIX_EPOCH)).unwrap();
        other.set("c", "new").unwrap();
        other.keyspace("ks").unwrap().set("k", "new").unwrap();
        other.keyspace("later").unwrap();
        other.rename_keyspace("ks", "renamed").unwrap();
        assert_eq!(snapshot.get("a").unwrap().unwrap(), b"1");
        assert_eq!(snapshot.get_many(&["b", "c"]).unwrap(), [Some(b"2".to_vec()), None]);
        assert!(snapshot.contains("b").unwrap() && !snapshot.contains("c").unwrap());
        let entry = snapshot.entry("a").unwrap().unwrap();
        assert!(entry.version <= snapshot.version());
        assert_eq!((snapshot.len().unwrap(), snapshot.count("b"..).unwrap()), (2, 1));
        assert_eq!(snapshot.keys(.., 9).unwrap(), [b"a", b"b"]);
        assert_eq!(snapshot.last(..).unwrap().unwrap().0, b"b");
        assert_eq!(snapshot.keyspaces().unwrap(), ["default", "ks"]);
        let mut keyspace = snapshot.keyspace("ks");
        assert_eq!(keyspace.scan(.., 9).unwrap(), [(b"k".to_vec(), b"old".to_vec())]);
        assert_eq!(keyspace.len().unwrap(), 1);
        assert_eq!(refusal(snapshot.keyspace("later").get("k")), FailureKind::NoSuchKeyspace);
        drop(snapshot);
        assert_eq!(client.get("a").unwrap().unwrap(), b"changed");
        assert_eq!(client.keyspaces().unwrap(), ["default", "later", "renamed"]);
    });
}

#[test]
fn a_snapshot_that_lives_for_too_long_is_let_go() {
    for engine in CAPABLE {
        let directory = tempfile::tempdir().unwrap();
        let options = ServerOptions::default().snapshot_timeout(Duration::from_millis(50));
        let server = start(engine, directory.path(), options);
        let mut client = KvsClient::connect(server.address).unwrap();
        let mut other = KvsClient::connect(server.address).unwrap();
        client.set("k", "v").unwrap();
        let mut snapshot = client.snapshot().unwrap();
        wait_until("the snapshot is let go", || match snapshot.get("k") {
            Ok(value) => {
                assert_eq!(value.unwrap(), b"v");
                false
            }
            Err(error) => error.failure_kind() == Some(FailureKind::NoSnapshot),
        });
        drop(snapshot);
        let mut transaction = client.begin().unwrap();
        transaction.set("k", "w");
        wait_until("the snapshot of the transaction is let go", || {
            transaction.get("other").is_err()
        });
        assert_eq!(refusal(transaction.commit()), FailureKind::NoSnapshot);
        assert_eq!(other.get("k").unwrap().unwrap(), b"v");
    }
}

#[test]
fn a_transaction_sees_its_own_writes_and_nobody_else_does() {
    on_each_engine(|client, other| {
        for key in ["a", "c", "e"] {
            client.set(key, "old").unwrap();
        }
        let mut transaction = client.begin().unwrap();
        transaction.set("b", "new");
        transaction.remove("c");
        transaction.set("e", "new");
        transaction.set_expiring("f", "gone", Expiry::At(UNIX_EPOCH));
        assert_eq!(transaction.get("b").unwrap().unwrap(), b"new");
        assert!(!transaction.contains("c").unwrap() && !transaction.contains("f").unwrap());
        let pair = |key: &str, value: &str| (key.as_bytes().to_vec(), value.as_bytes().to_vec());
        let all = [pair("a", "old"), pair("b", "new"), pair("e", "new")];
        assert_eq!(transaction.scan(.., usize::MAX).unwrap(), all);
        assert_eq!(transaction.scan_reverse("b".., 1).unwrap(), [pair("e", "new")]);
        assert_eq!(transaction.scan_prefix("b", 9).unwrap(), [pair("b", "new")]);
        assert!(transaction.scan("b".."a", 9).unwrap().is_empty());
        assert_eq!(transaction.count("a".."e").unwrap(), 2);
        assert_eq!(transaction.first("c"..).unwrap(), Some(pair("e", "new")));
        assert_eq!(transaction.last(.."e").unwrap(), Some(pair("b", "new")));
        assert_eq!(other.scan(.., 1).unwrap(), [pair("a", "old")]);
        assert_eq!(other.get("e").unwrap().unwrap(), b"old");
        transaction.commit().unwrap();
        assert_eq!(other.scan(.., usize::MAX).unwrap(), all);
        let mut dropped = client.begin().unwrap();
        dropped.remove_range(..);
        dropped.set("a", "dropped");
        drop(dropped);
        assert_eq!(other.scan(.., usize::MAX).unwrap(), all);
        let mut removal = client.begin().unwrap();
        removal.remove_prefix("b");
        removal.remove_range("e"..);
        removal.set("g", "new");
        assert!(removal.get("b").unwrap().is_none() && !removal.contains("e").unwrap());
        let left = [pair("a", "old"), pair("g", "new")];
        assert_eq!(removal.scan(.., usize::MAX).unwrap(), left);
        removal.commit().unwrap();
        assert_eq!(other.scan(.., usize::MAX).unwrap(), left);
    });
}

#[test]
fn a_commit_is_refused_if_what_was_read_has_changed() {
    type Read = fn(&mut ClientTransaction<'_>);
    type Change = fn(&mut KvsClient);
    let cases: &[(Read, Change, bool)] = &[
        (|it| drop(it.get("a").unwrap()), |other| other.set("a", "1").unwrap(), true),
        (|it| drop(it.get("none").unwrap()), |other| other.set("none", "1").unwrap(), true),
        (
            |it| assert!(it.contains("a").unwrap()),
            |other| assert!(other.remove("a").unwrap()),
            true,
        ),
        (|it| drop(it.scan(.., 9).unwrap()), |other| other.set("z", "1").unwrap(), true),
        (|it| drop(it.scan(.., 9).unwrap()), |other| assert!(other.remove("b").unwrap()), true),
        (|it| drop(it.scan_reverse(.., 1).unwrap()), |other| other.set("a", "1").unwrap(), false),
        (|it| drop(it.scan(.., 1).unwrap()), |other| other.set("b", "1").unwrap(), false),
        (|it| drop(it.scan("a".."a", 9).unwrap()), |other| other.set("a", "1").unwrap(), false),
        (|it| drop(it.get("a").unwrap()), |other| other.set("b", "1").unwrap(), false),
        (|it| it.set("a", "2"), |other| other.set("a", "1").unwrap(), false),
        (
            |it| drop(it.on("ks").get("k").unwrap()),
            |other| other.keyspace("ks").unwrap().set("k", "1").unwrap(),
            true,
        ),
        (|it| drop(it.on("ks").get("k").unwrap()), |other| other.set("k", "1").unwrap(), false),
        (
            |it| drop(it.on("ks").get("k").unwrap()),
            |other| {
                other.keyspace("other").unwrap();
                other.swap_keyspaces("ks", "other").unwrap();
            },
            true,
        ),
        (
            |it| drop(it.on("ks").scan(.., 9).unwrap()),
            |other| {
                other.drop_keyspace("ks").unwrap();
                other.keyspace("ks").unwrap();
            },
            true,
        ),
    ];
    on_each_engine(|client, other| {
        for (case, (read, change, conflicts)) in cases.iter().enumerate() {
            other.clear().unwrap();
            other.keyspace("ks").unwrap();
            other.set("a", "0").unwrap();
            other.set("b", "0").unwrap();
            let mut transaction = client.begin().unwrap();
            read(&mut transaction);
            transaction.set("written", "1");
            change(other);
            assert_eq!(is_conflict(transaction.commit()), *conflicts, "case {case}");
            assert_eq!(other.contains("written").unwrap(), !conflicts, "case {case}");
            // What only reads commits always.
            other.set("a", "0").unwrap();
            other.set("b", "0").unwrap();
            let mut transaction = client.begin().unwrap();
            read(&mut transaction);
            if case != 9 {
                change(other);
                transaction.commit().unwrap();
            }
        }
    });
}

#[test]
fn a_transaction_is_run_until_it_meets_no_conflict() {
    on_each_engine(|client, other| {
        let mut runs = 0;
        let sum = client.transaction(|transaction| -> ClientResult<u64> {
            runs += 1;
            let text = transaction.get("n")?.unwrap_or_default();
            let sum = String::from_utf8(text).unwrap().parse().unwrap_or(0) + 1;
            transaction.set("n", sum.to_string());
            if runs < 4 {
                other.increment("n", 10).unwrap();
            }
            Ok(sum)
        });
        assert_eq!((sum.unwrap(), runs), (31, 4));
        let mut runs = 0;
        let refused = client.transaction(|transaction| -> ClientResult<()> {
            runs += 1;
            transaction.get("n")?;
            transaction.set("n", "0");
            other.increment("n", 1).map(|_| ())
        });
        assert!(is_conflict(refused) && runs == 100);
    });
}

#[test]
fn a_transaction_that_has_read_too_much_is_refused() {
    on_each_engine(|client, _| {
        let mut pipeline = client.pipeline();
        for number in 0..101 {
            pipeline.set(format!("{number:03}"), "v");
        }
        assert!(pipeline.send().unwrap().iter().all(Result::is_ok));
        for (limit, keys) in [(100, 0), (101, 0), (100, 1), (1, 99), (1, 100)] {
            let mut transaction = client.begin().unwrap();
            assert_eq!(transaction.scan(.., limit).unwrap().len(), limit);
            for number in 0..keys {
                transaction.get(format!("none{number}")).unwrap();
            }
            transaction.set("z", "v");
            // A scan looks one key ahead of what it returns where there is a write to compare with.
            match limit + keys <= 100 {
                true => transaction.commit().unwrap(),
                false => {
                    let kind = refusal(transaction.commit());
                    assert_eq!(kind, FailureKind::TransactionTooLarge, "{limit}, {keys}");
                }
            }
        }
    });
}

#[cfg(feature = "sled")]
#[test]
fn an_engine_without_snapshots_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(EngineKind::Sled, directory.path(), ServerOptions::default());
    let mut client = KvsClient::connect(server.address).unwrap();
    for error in [client.snapshot().err().unwrap(), client.begin().err().unwrap()] {
        assert_eq!(error.failure_kind(), Some(FailureKind::Unsupported), "{error}");
        assert!(error.to_string().contains("engine sled"), "{error}");
    }
}
