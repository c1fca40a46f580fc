//! Writes that are handed over and waited for later.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/engines.rs"]
mod engines;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use engines::{for_each_engine, options};
use kvs::{EngineKind, Error, Keyspace, Options, Precondition, Store, WriteBatch, WriteTicket};

/// Longer than any write takes here.
const LONG: Duration = Duration::from_secs(60);

fn put(keyspace: &Keyspace, key: &str, value: &str) -> WriteTicket {
    let mut batch = WriteBatch::new();
    batch.set(key, value);
    keyspace.submit(batch).unwrap()
}

/// Wakes up a thread that is parked.
struct Unparker(Thread);

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Awaits a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unparker(thread::current())));
    let mut context = Context::from_waker(&waker);
    let start = Instant::now();
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(LONG),
        }
        assert!(start.elapsed() < LONG, "nobody wakes it up");
    }
}

#[test]
fn writes_are_applied_in_the_order_in_which_they_were_handed_over() {
    for_each_engine(|engine, store| {
        for round in 0..50 {
            let tickets: Vec<_> =
                (0..20).map(|n| put(store, "a", &format!("{round}.{n}"))).collect();
            // This one is not handed over, and comes behind them.
            assert_eq!(store.append("a", "+").unwrap(), format!("{round}.19+").len() as u64);
            assert_eq!(store.get("a").unwrap().unwrap(), format!("{round}.19+").as_bytes());
            for ticket in tickets {
                ticket.wait().unwrap_or_else(|error| panic!("{engine}: {error}"));
            }
        }
    });
}

#[test]
fn a_ticket_is_waited_for_looked_at_or_awaited() {
    for_each_engine(|engine, store| {
        put(store, "waited", "1").wait().unwrap();
        let mut ticket = put(store, "looked at", "1");
        let start = Instant::now();
        while ticket.try_wait().is_none() {
            assert!(start.elapsed() < LONG, "{engine}");
            thread::yield_now();
        }
        assert!(matches!(ticket.try_wait(), Some(Ok(()))), "its outcome stays");
        ticket.wait().unwrap();
        block_on(async {
            let tickets = [put(store, "one", "1"), put(store, "two", "2")];
            for ticket in tickets {
                ticket.await.unwrap();
            }
        });
        let none = store.submit(WriteBatch::new()).unwrap();
        block_on(none).unwrap();
        assert_eq!(store.len().unwrap(), 4, "{engine}");
    });
}

#[test]
fn a_write_whose_ticket_is_dropped_goes_on_also_where_the_store_goes() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available().iter().filter(|engine| **engine != EngineKind::Memory) {
        let store = Store::open(options(directory.path(), engine)).unwrap();
        for n in 0..100 {
            drop(put(&store, &n.to_string(), "v"));
        }
        let last = put(&store, "last", "v");
        drop(store);
        // It keeps the store open.
        last.wait().unwrap();
        let store = Store::open(options(directory.path(), engine)).unwrap();
        assert_eq!(store.len().unwrap(), 101, "{engine}");
    }
}

#[test]
fn what_is_known_at_once_is_said_at_once_and_the_rest_by_the_ticket() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(directory.path()).key_bytes_max(8)).unwrap();
    let users = store.keyspace("users").unwrap();
    let mut batch = WriteBatch::new();
    batch.set("a key that is too long", "");
    assert!(matches!(store.submit(batch), Err(Error::KeyTooLarge { .. })));

    let mut batch = WriteBatch::new();
    batch.set("a", "1");
    batch.require("b", Precondition::Present);
    let mut refused = store.submit(batch).unwrap();
    let outcome = block_on(&mut refused);
    assert!(matches!(outcome, Err(Error::ConditionFailed { key }) if key == "b"));
    assert!(matches!(refused.wait(), Err(Error::ConditionFailed { .. })), "its outcome stays");

    store.drop_keyspace("users").unwrap();
    let mut batch = WriteBatch::new();
    batch.on(&users).set("a", "1");
    let refused = store.submit(batch).unwrap().wait();
    assert!(matches!(refused, Err(Error::KeyspaceDropped { name, .. }) if name == "users"));
    let refused = put(&users, "a", "1").wait();
    assert!(matches!(refused, Err(Error::KeyspaceDropped { name, .. }) if name == "users"));
    assert!(store.is_empty().unwrap());
}

#[test]
fn more_writes_wait_than_the_writer_has_room_for() {
    for_each_engine(|engine, store| {
        let tickets: Vec<_> = (0..3000).map(|n| put(store, &format!("{n:04}"), "v")).collect();
        for ticket in tickets {
            ticket.wait().unwrap();
        }
        assert_eq!(store.len().unwrap(), 3000, "{engine}");
    });
}
