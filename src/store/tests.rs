//! The store over the in-memory engine: what every engine gets from the store itself.

mod direct;
mod dropped;
mod eviction;
mod failing_writer;
mod linearizability;
mod simulation;
mod transactions;
mod watches;
mod writer;

use std::path::Path;
use std::time::Duration;

use failing_writer::FailingWriter;

use super::clock::Clock;
use super::*;
use crate::actor::{Reply, mailbox};
use crate::engine::{self, ReadHalf, Sequence, UnixMillis};
use crate::sync::Arc;
use crate::{Durability, EngineKind, Error, Options, Precondition, Result};

fn store() -> Store {
    Store::open(Options::new("unused").engine(EngineKind::Memory)).unwrap()
}

fn put(key: &str, value: &str) -> WriteOperation {
    WriteOperation::Put { key: key.into(), value: value.into(), expires_at: None }
}

#[test]
fn set_keys_are_read_and_removed_ones_are_not() {
    let store = store();
    assert_eq!(store.get("a").unwrap(), None);
    store.set("a", "1").unwrap();
    store.set("a", "2").unwrap();
    assert_eq!(store.get("a").unwrap().unwrap(), b"2");
    assert!(store.remove("a").unwrap());
    assert!(!store.remove("a").unwrap());
    assert_eq!(store.get("a").unwrap(), None);
    assert_eq!(store.reader().count(), 0);
}

#[test]
fn a_refused_condition_leaves_the_batch_unapplied() {
    let store = store();
    store.set("a", "1").unwrap();
    let require = |condition| WriteOperation::Require { key: b"a".to_vec(), condition };
    let batch = Batch::from_iter(vec![put("b", "x"), require(Precondition::Absent)]);
    assert!(matches!(store.apply(batch), Err(Error::ConditionFailed { .. })));
    assert_eq!(store.get("b").unwrap(), None);
    for condition in
        [Precondition::Present, Precondition::Value(b"1".to_vec()), Precondition::Version(1)]
    {
        let batch = Batch::from_iter(vec![require(condition), put("b", "y")]);
        store.apply(batch).unwrap();
    }
    assert_eq!(store.entry("b").unwrap().unwrap().version, 4);
}

#[test]
fn a_request_too_large_for_one_group_is_committed_in_several() {
    let store = store();
    let large = |key: &str| {
        let update = Update::SetKeepingExpiry(vec![7; 5 << 20]);
        Batch::single(WriteOperation::Update { key: key.into(), update })
    };
    let (reader, key) = (store.clone(), b"d".to_vec());
    let update = Probe::look(move || WriteAnswer::Flag(reader.get("a").unwrap().is_some()));
    let look = Batch::single(WriteOperation::Update { key, update });
    let (reply, answer) = Reply::channel();
    let batches = vec![large("a"), large("b"), large("c"), look];
    assert!(store.submit_batches(batches, reply).is_ok());
    let outcomes = answer.wait().unwrap();
    let answers: Vec<_> =
        outcomes.into_iter().map(|outcome| outcome.unwrap().answers.into_vec()).collect();
    let expected =
        [WriteAnswer::Done, WriteAnswer::Done, WriteAnswer::Done, WriteAnswer::Flag(true)];
    assert_eq!(answers, expected.map(|answer| [answer]));
}

#[test]
fn updates_of_one_group_see_each_other() {
    let store = store();
    let increment = || {
        let update = Update::Add(1);
        Batch::single(WriteOperation::Update { key: b"n".to_vec(), update })
    };
    let (reply, answer) = Reply::channel();
    let batches = vec![increment(), Batch::single(put("n", "10")), increment(), increment()];
    assert!(store.submit_batches(batches, reply).is_ok());
    let outcomes = answer.wait().unwrap().into_iter();
    let answers: Vec<_> = outcomes.map(|outcome| outcome.unwrap().answers.into_vec()).collect();
    let expected = [
        WriteAnswer::Integer(1),
        WriteAnswer::Done,
        WriteAnswer::Integer(11),
        WriteAnswer::Integer(12),
    ];
    assert_eq!(answers, expected.map(|answer| [answer]));
    assert_eq!(store.get("n").unwrap().unwrap(), b"12");
}

#[test]
fn an_expired_key_is_absent_and_is_removed_in_the_background() {
    let store = store();
    let past = WriteOperation::Put {
        key: b"a".to_vec(),
        value: b"1".to_vec(),
        expires_at: Some(UnixMillis(1)),
    };
    store.apply(Batch::single(past)).unwrap();
    assert_eq!(store.get("a").unwrap(), None);
    assert!(!store.remove("a").unwrap());
    let require = WriteOperation::Require { key: b"a".to_vec(), condition: Precondition::Absent };
    store.apply(Batch::single(require)).unwrap();
    for n in 0..1000 {
        let key = format!("k{n}").into_bytes();
        let put = WriteOperation::Put { key, value: vec![], expires_at: Some(UnixMillis(1)) };
        store.apply(Batch::single(put)).unwrap();
    }
    while store.reader().count() > 0 {
        store.sync().unwrap();
    }
    assert_eq!(store.reader().expiring(), 0);
}

#[test]
fn clear_removes_everything_before_it() {
    let store = store();
    for n in 0..3000 {
        store.set(format!("k{n}"), "v").unwrap();
    }
    let snapshot = store.reader().snapshot().unwrap();
    store.apply(Batch::single(WriteOperation::clear())).unwrap();
    store.set("after", "v").unwrap();
    assert_eq!(store.reader().count(), 1);
    let old = store.reader().get_at(b"k7", &snapshot).unwrap();
    assert!(old.is_some());
    assert_eq!(store.get("k7").unwrap(), None);
}

#[test]
fn a_panicking_writer_answers_everybody_with_an_error() {
    let store = store();
    let update = Probe::look(|| panic!("on purpose"));
    let batch = Batch::single(WriteOperation::Update { key: b"a".to_vec(), update });
    assert!(matches!(store.apply(batch), Err(Error::Poisoned(_))));
    assert!(matches!(store.set("a", "1"), Err(Error::Poisoned(_))));
    assert!(matches!(store.sync(), Err(Error::Poisoned(_))));
}

#[test]
fn keys_and_values_over_the_limit_are_refused() {
    let options = Options::new("unused").engine(EngineKind::Memory);
    let store = Store::open(options.key_bytes_max(4).value_bytes_max(8)).unwrap();
    store.set("1234", "12345678").unwrap();
    assert!(matches!(store.set("12345", ""), Err(Error::KeyTooLarge { bytes: 5, .. })));
    assert!(matches!(store.set("1", "123456789"), Err(Error::ValueTooLarge { bytes: 9, .. })));
    assert!(matches!(store.get("12345"), Err(Error::KeyTooLarge { .. })));
}

#[test]
fn a_thousand_threads_set_and_read_through_clones() {
    let store = store();
    let threads: Vec<_> = (0..1000)
        .map(|n| {
            let store = store.clone();
            crate::sync::ThreadBuilder::new().spawn(move || store.set(format!("{n}"), "v")).unwrap()
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    for n in 0..1000 {
        assert_eq!(store.get(format!("{n}")).unwrap().unwrap(), b"v");
    }
}

#[test]
fn a_store_whose_writer_panicked_says_so() {
    let store = store();
    assert!(!store.is_writer_gone() && store.failure().is_none());
    let (reply, answer) = Reply::channel();
    assert!(store.submit_sync(reply).is_ok());
    assert!(answer.wait().unwrap().is_ok());
    let update = Probe::look(|| panic!("as planned"));
    let batch = Batch::single(WriteOperation::Update { key: b"a".to_vec(), update });
    assert!(matches!(store.apply(batch), Err(Error::Poisoned(_))));
    assert!(store.failure().unwrap().to_string().contains("the writer actor panicked"));
    // The callers are told while the writer's thread still unwinds.
    while !store.is_writer_gone() {
        std::thread::yield_now();
    }
    let (reply, _) = Reply::channel();
    assert!(store.submit_sync(reply).is_err());
}

#[test]
fn a_snapshot_keeps_a_key_that_expires_and_is_removed() {
    let (store, mut lifetime) = (store(), 50);
    let snapshot = loop {
        let expires_at = Some(UnixMillis(store.now().0 + lifetime));
        let put = WriteOperation::Put { key: b"a".to_vec(), value: b"1".to_vec(), expires_at };
        store.apply(Batch::single(put)).unwrap();
        let snapshot = store.snapshot().unwrap();
        if snapshot.contains("a").unwrap() {
            break snapshot;
        }
        // It had expired before the snapshot was taken.
        lifetime *= 2;
    };
    let before = (snapshot.entry("a").unwrap().unwrap(), snapshot.len().unwrap());
    assert_eq!((&before.0.value[..], before.1), (&b"1"[..], 1));
    while store.get("a").unwrap().is_some() || store.reader().count() > 0 {
        crate::sync::sleep(Duration::from_millis(1));
    }
    assert_eq!((snapshot.entry("a").unwrap().unwrap(), snapshot.len().unwrap()), before);
    assert_eq!(snapshot.scan(..).count(), 1);
    assert_eq!((store.len().unwrap(), store.snapshot().unwrap().len().unwrap()), (0, 0));
}
