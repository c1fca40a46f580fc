//! Turns of the writer that callers take: what they do, and what they leave to the writer's thread.

use super::writer::{Bench, expiring};
use super::*;
use crate::actor::{Actor, Wait};
use crate::bugs::{Bug, plant};
use crate::store::clock::manual;
use crate::store::expiry_schedule::EXPIRY_INTERVAL;
use crate::store::writer_message::WriterMessage;
use crate::sync::{ThreadBuilder, bounded, lock};

fn write(bench: &mut Bench, operation: WriteOperation) -> Result<()> {
    assert!(bench.writer.may_be_direct(false));
    bench.writer.write(Batch::single(operation)).map(|_| ())
}

/// Returns an error if the writer's thread is not told, once, of keys that expire.
fn tell_of_expiry() -> std::result::Result<(), &'static str> {
    let mut bench = Bench::new();
    write(&mut bench, put("a", "v")).unwrap();
    assert!(!bench.writer.take_upkeep(), "there is nothing to do");
    write(&mut bench, expiring(0, 1)).unwrap();
    if !bench.writer.take_upkeep() {
        return Err("it does not know that a key expires");
    }
    assert!(!bench.writer.take_upkeep(), "it was told");
    bench.writer.handle(&mut vec![WriterMessage::Upkeep]);
    assert!(matches!(bench.writer.wait(), Wait::For(_)));
    write(&mut bench, expiring(1, 1)).unwrap();
    assert!(!bench.writer.take_upkeep(), "it wakes up by itself");
    manual::pass(EXPIRY_INTERVAL);
    write(&mut bench, put("a", "v")).unwrap();
    if !bench.writer.take_upkeep() {
        return Err("a stream of turns holds off expiry");
    }
    bench.writer.handle(&mut vec![WriterMessage::Upkeep]);
    assert_eq!(bench.reader.count(), 1, "what expired is gone");
    Ok(())
}

#[test]
fn the_writers_thread_is_told_of_keys_that_expire() {
    tell_of_expiry().unwrap();
}

#[test]
fn the_writers_thread_is_told_of_what_a_clear_leaves() {
    let mut bench = Bench::new();
    for key in ["a", "b", "c", "d", "e", "f"] {
        write(&mut bench, put(key, "v")).unwrap();
    }
    write(&mut bench, WriteOperation::clear()).unwrap();
    assert!(bench.writer.take_upkeep());
    bench.writer.handle(&mut vec![WriterMessage::Upkeep]);
    write(&mut bench, put("a", "v")).unwrap();
    assert!(!bench.writer.take_upkeep(), "it goes on by itself");
    let mut steps = 0;
    while bench.writer.engine.is_draining() {
        bench.writer.idle();
        steps += 1;
    }
    assert!((1..6).contains(&steps), "{steps} steps");
    write(&mut bench, put("b", "v")).unwrap();
    assert!(!bench.writer.take_upkeep(), "there is nothing to do");
}

#[test]
fn a_turn_that_tells_nobody_what_it_leaves_is_caught() {
    let _planted = plant(Some(Bug::ForgetUpkeep));
    tell_of_expiry().unwrap_err();
}

#[test]
fn a_write_that_fails_says_so_and_one_in_doubt_is_the_last() {
    let mut bench = Bench::new();
    write(&mut bench, put("a", "v")).unwrap();
    let error = Error::io("append to", Path::new("log"), std::io::Error::other("broken"));
    *lock(&bench.fault) = Some(error);
    let failed = write(&mut bench, put("b", "v")).unwrap_err();
    assert!(failed.to_string().contains("key \"b\""), "{failed}");
    *lock(&bench.fault) = Some(Error::UnknownOutcome(Arc::new(Error::Closed)));
    let batches = ["c", "d"].map(|key| Batch::single(put(key, "v"))).to_vec();
    let unknown = bench.writer.write_all(batches);
    assert!(matches!(unknown[..], [Err(Error::UnknownOutcome(_)), Err(Error::UnknownOutcome(_))]));
    *lock(&bench.fault) = None;
    assert!(!bench.writer.may_be_direct(false), "the writer's thread refuses what comes now");
    assert!(matches!(bench.write(vec![put("e", "v")])[..], [Err(Error::Poisoned(_))]));
    assert_eq!(bench.reader.count(), 1);
}

#[test]
fn batches_of_several_groups_that_meet_a_failure_are_refused_from_there_on() {
    let mut bench = Bench::new();
    let large = |key: &str| {
        let update = Update::SetKeepingExpiry(vec![7; 5 << 20]);
        Batch::single(WriteOperation::Update { key: key.into(), update })
    };
    let fault = Arc::clone(&bench.fault);
    // The first two fill a group; the log breaks as the probe is resolved with the second one.
    let update = Probe::look(move || {
        *lock(&fault) = Some(Error::UnknownOutcome(Arc::new(Error::Closed)));
        WriteAnswer::Done
    });
    let probe = Batch::single(WriteOperation::Update { key: b"p".to_vec(), update });
    let outcomes = bench.writer.write_all(vec![large("a"), large("b"), probe, large("c")]);
    assert!(matches!(
        outcomes[..],
        [Ok(_), Ok(_), Err(Error::UnknownOutcome(_)), Err(Error::UnknownOutcome(_))]
    ));
}

#[test]
fn without_maintenance_or_on_a_broken_store_nobody_takes_the_turn() {
    let mut bench = Bench::new();
    assert!(bench.writer.may_be_direct(false));
    bench.jobs = None;
    assert!(!bench.writer.may_be_direct(false));
}

#[test]
fn callers_that_come_at_once_share_what_they_wait_for() {
    let mut bench = Bench::new();
    bench.write(vec![put("a", "v"), put("b", "v")]);
    assert!(!bench.writer.may_be_direct(true), "the next ones come at once, too");
    bench.writer.handle(&mut vec![WriterMessage::Tick]);
    assert!(!bench.writer.may_be_direct(true), "that was no caller");
    bench.write(vec![put("c", "v")]);
    assert!(bench.writer.may_be_direct(true), "there is one caller left");
}

/// A caller in whose turn others come does nothing for them, and they wait for nobody else.
#[test]
fn who_comes_while_a_caller_has_the_turn_is_answered_behind_it() {
    let store = store();
    let (entered, has_entered) = bounded(1);
    let (leave, may_leave) = bounded::<()>(1);
    let reader = store.clone();
    let update = Probe::look(move || {
        entered.send(()).unwrap();
        may_leave.recv().unwrap();
        WriteAnswer::Flag(reader.get("b").unwrap().is_some())
    });
    let probe = Batch::single(WriteOperation::Update { key: b"a".to_vec(), update });
    let caller = store.clone();
    let first = ThreadBuilder::new().spawn(move || caller.apply(probe).unwrap()).unwrap();
    has_entered.recv().unwrap();
    let (reply, answer) = Reply::channel();
    assert!(store.submit_batches(vec![Batch::single(put("b", "v"))], reply).is_ok());
    let behind = store.clone();
    let waiting = ThreadBuilder::new().spawn(move || behind.set("c", "v")).unwrap();
    leave.send(()).unwrap();
    assert_eq!(first.join().unwrap().answers[..], [WriteAnswer::Flag(false)]);
    assert!(answer.wait().unwrap()[0].is_ok());
    waiting.join().unwrap().unwrap();
    assert_eq!(store.reader().count(), 2);
}

#[test]
fn a_panic_on_the_writers_own_thread_answers_everybody_too() {
    let store = store();
    let update = Probe::look(|| panic!("on purpose"));
    let fatal = Batch::single(WriteOperation::Update { key: b"a".to_vec(), update });
    let (reply, answer) = Reply::channel();
    assert!(store.submit_batches(vec![fatal], reply).is_ok());
    assert!(answer.wait().is_err());
    assert!(matches!(store.set("a", "1"), Err(Error::Poisoned(_))));
    assert!(matches!(store.sync(), Err(Error::Poisoned(_))));
}
