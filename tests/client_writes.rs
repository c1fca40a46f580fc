//! Everything that a client reads and writes beside getting, setting and removing, in the default
//! keyspace and in another one.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, UNIX_EPOCH};

use common::running::Running;
use kvs::protocol::native::FailureKind;
use kvs::{
    ClientBatch, ClientResult, Durability, EngineKind, Expiry, KeyspaceClient, KvsClient, Options,
    Precondition, ServerOptions,
};

/// Adds to a batch.
type Change = fn(&mut ClientBatch);

const HOUR: Expiry = Expiry::After(Duration::from_secs(3600));

fn started(engine: EngineKind, directory: &std::path::Path) -> (Running, KvsClient) {
    let options = Options::new(directory).engine(engine).durability(Durability::Never);
    let server = Running::start_on(options, ServerOptions::default().workers(2));
    let client = KvsClient::connect(server.address).unwrap();
    (server, client)
}

/// Calls a test with the default keyspace and with another one, in every engine.
fn on_each_keyspace(test: impl Fn(&mut KeyspaceClient<'_>)) {
    for &engine in EngineKind::available() {
        let directory = tempfile::tempdir().unwrap();
        let (_server, mut client) = started(engine, directory.path());
        for name in ["default", "other"] {
            test(&mut client.keyspace(name).unwrap());
        }
    }
}

fn refusal<T: std::fmt::Debug>(result: ClientResult<T>) -> FailureKind {
    let error = result.unwrap_err();
    error.failure_kind().unwrap_or_else(|| panic!("{error}"))
}

fn text(value: Option<Vec<u8>>) -> Option<String> {
    value.map(|value| String::from_utf8(value).unwrap())
}

#[test]
fn values_are_changed_and_answered_in_one_request() {
    on_each_keyspace(|keys| {
        assert_eq!((keys.increment("n", 41).unwrap(), keys.increment("n", -42).unwrap()), (41, -1));
        assert_eq!((keys.append("n", "7").unwrap(), keys.append("new", "").unwrap()), (3, 0));
        assert_eq!(text(keys.get("n").unwrap()).as_deref(), Some("-17"));
        assert_eq!(text(keys.swap("n", "x").unwrap()).as_deref(), Some("-17"));
        assert_eq!(refusal(keys.increment("n", 1)), FailureKind::NotAnInteger);
        assert_eq!(text(keys.take("n").unwrap()).as_deref(), Some("x"));
        assert_eq!((keys.take("n").unwrap(), keys.swap("n", "9").unwrap()), (None, None));
        assert_eq!(refusal(keys.increment("n", i64::MAX)), FailureKind::IntegerOverflow);
        assert_eq!(text(keys.get("n").unwrap()).as_deref(), Some("9"));
        assert_eq!(refusal(keys.append(vec![1; 70_000], "v")), FailureKind::KeyTooLarge);
    });
}

#[test]
fn keys_expire_and_are_kept() {
    on_each_keyspace(|keys| {
        keys.set_expiring("k", "v", HOUR).unwrap();
        assert!(keys.entry("k").unwrap().unwrap().expires_at.is_some());
        assert!(keys.persist("k").unwrap() && !keys.persist("k").unwrap());
        assert_eq!(keys.entry("k").unwrap().unwrap().expires_at, None);
        let time = UNIX_EPOCH + Duration::from_millis(99_000_000_000_000);
        assert!(keys.expire("k", Expiry::At(time)).unwrap());
        assert_eq!(keys.entry("k").unwrap().unwrap().expires_at, Some(99_000_000_000_000));
        assert!(!keys.expire("none", HOUR).unwrap() && !keys.persist("none").unwrap());
        assert!(keys.expire("k", Expiry::At(UNIX_EPOCH)).unwrap());
        assert!(!keys.contains("k").unwrap());
    });
}

#[test]
fn ranges_are_read_in_either_order_counted_and_removed() {
    on_each_keyspace(|keys| {
        assert!(keys.is_empty().unwrap() && keys.first(..).unwrap().is_none());
        for number in 0..300 {
            keys.set(format!("a{number:03}"), "v").unwrap();
        }
        keys.set("b", "w").unwrap();
        assert_eq!((keys.len().unwrap(), keys.count("a100".."b").unwrap()), (301, 200));
        assert_eq!(keys.count("z"..).unwrap(), 0);
        assert_eq!(keys.last(..).unwrap().unwrap(), (b"b".to_vec(), b"w".to_vec()));
        assert_eq!(keys.first("a2"..).unwrap().unwrap().0, b"a200");
        assert_eq!(keys.scan_prefix("a29", usize::MAX).unwrap().len(), 10);
        let reversed = keys.scan_reverse(..="a001", 10).unwrap();
        assert_eq!(
            reversed.iter().map(|(key, _)| &key[..]).collect::<Vec<_>>(),
            [b"a001", b"a000"]
        );
        assert_eq!(keys.keys("a298".., 2).unwrap(), [b"a298", b"a299"]);
        keys.remove_range("a100".."a200").unwrap();
        keys.remove_prefix("a2").unwrap();
        assert_eq!((keys.len().unwrap(), keys.keys("a099".., 2).unwrap().len()), (101, 2));
        keys.remove_range("z".."a").unwrap();
        keys.remove_range(..).unwrap();
        assert!(keys.is_empty().unwrap());
    });
}

#[test]
fn a_reversed_scan_goes_on_over_many_answers() {
    let directory = tempfile::tempdir().unwrap();
    let (server, mut client) = started(EngineKind::Memory, directory.path());
    for number in 0..2500 {
        server.store.set(format!("{number:04}"), vec![0; 4000]).unwrap();
    }
    let all = client.scan_reverse(.., usize::MAX).unwrap();
    let expected: Vec<_> = (0..2500).rev().map(|number| format!("{number:04}")).collect();
    assert!(all.iter().map(|(key, _)| &key[..]).eq(expected.iter().map(String::as_bytes)));
}

#[test]
fn writes_on_a_condition_are_done_or_not() {
    on_each_keyspace(|keys| {
        assert!(keys.set_if("lock", "me", Precondition::Absent).unwrap());
        assert!(!keys.set_if("lock", "you", Precondition::Absent).unwrap());
        let version = keys.entry("lock").unwrap().unwrap().version;
        assert!(keys.set_if("lock", "you", Precondition::Version(version)).unwrap());
        assert!(!keys.remove_if("lock", Precondition::Version(version)).unwrap());
        assert!(!keys.remove_if("lock", Precondition::value("me")).unwrap());
        assert!(keys.remove_if("lock", Precondition::value("you")).unwrap());
        assert!(!keys.set_if("lock", "", Precondition::Present).unwrap());
    });
}

#[test]
fn a_batch_writes_to_several_keyspaces_or_to_none() {
    for &engine in EngineKind::available() {
        let directory = tempfile::tempdir().unwrap();
        let (_server, mut client) = started(engine, directory.path());
        client.keyspace("a").unwrap().set("gone", "v").unwrap();
        let mut b = client.keyspace("b").unwrap();
        let mut batch = ClientBatch::new();
        batch.increment("n", 5);
        batch.on("a").append("text", "x");
        batch.on("a").remove_range("gone"..="gone");
        batch.on("default").set_expiring("soon", "v", HOUR);
        batch.append("n", "0");
        batch.require("n", Precondition::value("50"));
        batch.persist("n");
        batch.expire("n", HOUR);
        assert_eq!(batch.len(), 8);
        b.write(batch).unwrap();
        assert_eq!(text(b.get("n").unwrap()).as_deref(), Some("50"));
        assert!(b.entry("n").unwrap().unwrap().expires_at.is_some());
        assert_eq!(client.keys(.., 9).unwrap(), [b"soon"]);
        assert_eq!(client.keyspace("a").unwrap().keys(.., 9).unwrap(), [b"text"]);

        let refused = |change: Change| {
            let mut batch = ClientBatch::new();
            batch.set("k", "v");
            batch.on("a").set("k", "v");
            change(&mut batch);
            batch
        };
        let cases: [(FailureKind, Change); 4] = [
            (FailureKind::NoSuchKeyspace, |batch| batch.on("none").set("k", "v")),
            (FailureKind::InvalidKeyspaceName, |batch| batch.on("").set("k", "v")),
            (FailureKind::NotAnInteger, |batch| batch.on("a").increment("text", 1)),
            (FailureKind::ConditionFailed, |batch| batch.require("k", Precondition::Absent)),
        ];
        for (kind, change) in cases {
            assert_eq!(refusal(client.write(refused(change))), kind);
        }
        assert_eq!((client.len().unwrap(), client.keyspace("a").unwrap().len().unwrap()), (1, 1));
        client.write(ClientBatch::new()).unwrap();
    }
}

#[test]
fn each_write_says_if_it_waits_for_the_disk() {
    for &engine in EngineKind::available() {
        let directory = tempfile::tempdir().unwrap();
        let (_server, mut client) = started(engine, directory.path());
        for waits in [true, false] {
            let mut keys = client.with_sync(waits);
            keys.set("k", "1").unwrap();
            assert_eq!(keys.increment("k", 1).unwrap(), 2);
            keys.remove_range(..).unwrap();
            let mut pipeline = keys.pipeline();
            pipeline.set("k", "2").remove("k");
            assert!(pipeline.send().unwrap().iter().all(Result::is_ok));
            let mut keys = client.keyspace("other").unwrap().with_sync(waits);
            assert_eq!(
                (keys.name().to_owned(), keys.append("k", "v").unwrap()),
                ("other".into(), 1)
            );
            keys.remove("k").unwrap();
        }
    }
}
