//! What only operations of a server make, and what a writer that fails tells those who watch.

use super::writer::{Bench, expiring};
use super::*;
use crate::Precondition;
use crate::actor::Actor;
use crate::store::change_cursor::{ChangeCursor, Polled};
use crate::store::clock::manual;
use crate::store::expiry_schedule::EXPIRY_INTERVAL;
use crate::store::writer_message::WriterMessage;
use crate::sync::{ThreadBuilder, lock};

/// Returns the next event as text.
fn event(watch: &mut Watch) -> String {
    match watch.try_next().unwrap() {
        None => "nothing".to_owned(),
        Some(WatchEvent::Missed { first, last }) => format!("missed {first} to {last}"),
        Some(WatchEvent::Committed(batch)) => {
            let changes: Vec<_> = batch.changes().map(|change| format!("{change:?}")).collect();
            changes.join(", ")
        }
    }
}

#[test]
fn removals_of_ranges_and_of_everything_are_told_to_those_whom_they_concern() {
    let store = store();
    let other = store.keyspace("other").unwrap();
    let (mut watch, mut of_other) = (store.watch_prefix("b").unwrap(), other.watch(..).unwrap());
    let remove_range = |start: &str, end: &str| {
        let (start, end) = (start.into(), end.into());
        store.apply(Batch::single(WriteOperation::RemoveRange { start, end })).unwrap();
    };
    remove_range("a", "b");
    assert_eq!(event(&mut watch), "nothing");
    remove_range("a", "b0");
    assert_eq!(event(&mut watch), "RangeRemoved { start: [97], end: Some([98, 48]) }");
    remove_range("b", "");
    assert_eq!(event(&mut watch), "RangeRemoved { start: [98], end: None }");
    store.apply(Batch::single(WriteOperation::clear())).unwrap();
    assert_eq!([event(&mut watch), event(&mut of_other)], ["Cleared", "nothing"]);
    let everything = WriteOperation::Catalogue(CatalogueOperation::Clear);
    store.apply(Batch::single(everything)).unwrap();
    assert_eq!([event(&mut watch), event(&mut of_other)], ["Cleared", "Cleared"]);
    other.set("k", "v").unwrap();
    assert_eq!(event(&mut of_other), "Set { key: [107], value: [118], expires_at: None }");
}

/// Returns a cursor in the ring of a writer without a thread.
fn cursor(bench: &mut Bench) -> ChangeCursor {
    let (reply, answer) = Reply::channel();
    bench.writer.handle(&mut vec![WriterMessage::Record { reply }]);
    ChangeCursor::new(answer.wait().unwrap())
}

/// Returns the changes that a cursor finds, with their versions.
fn told(cursor: &mut ChangeCursor) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    while let Polled::Batch(batch) = cursor.poll() {
        let version = batch.version().0;
        told.extend(batch.changes().map(|(_, change)| (version, format!("{change:?}"))));
    }
    told
}

#[test]
fn keys_that_expire_are_told_as_such() {
    let mut bench = Bench::new();
    let mut cursor = cursor(&mut bench);
    bench.write(vec![expiring(1, 1)]);
    manual::pass(EXPIRY_INTERVAL);
    bench.writer.idle();
    let key = "key: [1, 0, 0, 0]";
    let set = format!("Set {{ {key}, value: [], expires_at: Some(1) }}");
    assert_eq!(told(&mut cursor), [(1, set), (2, format!("Expired {{ {key} }}"))]);
}

#[test]
fn what_failed_is_not_told_and_what_is_refused_neither() {
    let mut bench = Bench::new();
    bench.write(vec![put("before", "")]);
    let mut cursor = cursor(&mut bench);
    let error = Error::io("append to", Path::new("log"), std::io::Error::other("broken"));
    *lock(&bench.fault) = Some(error);
    assert!(bench.write(vec![put("a", "")])[0].is_err());
    assert!(bench.writer.write(Batch::single(put("a", ""))).is_err());
    *lock(&bench.fault) = None;
    let require = WriteOperation::Require { key: b"a".to_vec(), condition: Precondition::Present };
    assert!(bench.write(vec![require])[0].is_err());
    bench.write(vec![put("b", ""), put("c", "")]);
    bench.writer.write(Batch::single(put("d", ""))).unwrap();
    let keys: Vec<_> = told(&mut cursor).into_iter().map(|(_, change)| change).collect();
    let set = |key: u8| format!("Set {{ key: [{key}], value: [], expires_at: None }}");
    assert_eq!(keys, [b'b', b'c', b'd'].map(set));
    *lock(&bench.fault) = Some(Error::UnknownOutcome(Arc::new(Error::Closed)));
    assert!(bench.write(vec![put("e", "")])[0].is_err());
    assert!(matches!(cursor.poll(), Polled::Nothing));
    drop(bench);
    assert!(matches!(cursor.poll(), Polled::Closed));
}

#[test]
fn a_writer_that_panics_ends_the_watches_and_there_are_no_new_ones() {
    let store = store();
    let (mut watch, waiting) = (store.watch(..).unwrap(), store.watch(..).unwrap());
    let waiting = ThreadBuilder::new().spawn(move || waiting.count()).unwrap();
    store.set("a", "1").unwrap();
    let update = Probe::look(|| panic!("on purpose"));
    let panics = Batch::single(WriteOperation::Update { key: b"a".to_vec(), update });
    assert!(store.apply(panics).is_err());
    assert_eq!(waiting.join().unwrap(), 1);
    assert!(watch.next().is_some() && watch.next().is_none());
    assert!(matches!(watch.try_next(), Err(Error::Closed)));
    assert!(matches!(store.watch(..), Err(Error::Poisoned(_))));
}
