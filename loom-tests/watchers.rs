//! Two that wait for changes, one of which leaves when its time has passed: the other is woken by
//! whoever was to wake it, sees everything once and in order, and then the end.

use super::model::{Bound, Model};
use super::spawn;
use crate::engine::{Group, Mutation, Sequence};
use crate::store::change::RemovalCause;
use crate::store::change_cursor::{ChangeCursor, Polled};
use crate::store::change_recorder::ChangeRecorder;
use crate::store::change_wait::ChangeWait;
use crate::sync::now;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 1,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 2_000 },
    deep: Bound { preemptions: 3, executions_min: 2_000 },
};

/// Tells a change of this version.
pub(crate) fn tell(recorder: &ChangeRecorder, version: u64) {
    let mut group = Group::default();
    group.push([Mutation::remove(b"a".to_vec())]);
    recorder.tell(recorder.copy(&group, Sequence(version), RemovalCause::Request));
}

/// Waits until the end; returns the versions that were told.
pub(crate) fn all(mut cursor: ChangeCursor) -> Vec<u64> {
    let (mut wait, mut told) = (ChangeWait::default(), Vec::new());
    loop {
        match cursor.poll() {
            Polled::Batch(batch) => told.push(batch.version().0),
            Polled::Nothing => assert!(wait.wait(&cursor, None)),
            Polled::Closed => return told,
            Polled::Missed(..) => panic!("the ring is large enough"),
        }
    }
}

fn run() {
    let recorder = ChangeRecorder::new(1 << 20, Sequence::FIRST);
    let (cursor, leaving) =
        (ChangeCursor::new(recorder.ring()), ChangeCursor::new(recorder.ring()));
    let waiting = spawn(move || all(cursor));
    let leaving = spawn(move || {
        let mut wait = ChangeWait::default();
        // It stays where it is, as one does that will wait again later.
        wait.wait(&leaving, Some(now()));
        (leaving, wait)
    });
    tell(&recorder, 1);
    tell(&recorder, 2);
    drop(recorder);
    let left = leaving.join().unwrap();
    assert_eq!(waiting.join().unwrap(), [1, 2]);
    drop(left);
}
