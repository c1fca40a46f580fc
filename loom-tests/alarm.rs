//! A connection worker that serves watches, and a thread that watches for itself: every commit
//! wakes both, whoever of them is to wake the other, and both see everything once and then the end.
//! The next change comes when the worker has told the one before, so nothing else wakes a worker
//! that slept through it.
//!
//! The worker here is the loop of the production one around the same inbox, doorbell and alarm; the
//! poll is a channel with one place, as in `wake_up`.

use super::net::doorbell::Doorbell;
use super::net::worker_inbox::WorkerInbox;
use crate::actor::mailbox;
use crate::engine::Sequence;
use crate::loom_tests::model::{Bound, Model};
use crate::loom_tests::spawn;
use crate::loom_tests::watchers::{all, tell};
use crate::store::change_alarm::ChangeAlarm;
use crate::store::change_cursor::{ChangeCursor, Polled};
use crate::store::change_recorder::ChangeRecorder;
use crate::store::wake_list::Wake;
use crate::sync::{Arc, Receiver, Sender, bounded};

pub(crate) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 30_000 },
    deep: Bound { preemptions: 3, executions_min: 30_000 },
};

/// Serves a watch until its end, and tells the versions.
fn serve(
    inbox: &Arc<WorkerInbox>,
    woken: &Receiver<()>,
    alarm: &mut ChangeAlarm,
    watch: &mut ChangeCursor,
    told: &Sender<u64>,
) {
    loop {
        inbox.doorbell.awake();
        if inbox.take_news() {
            alarm.note_woken();
        }
        while alarm.take_news() {
            loop {
                match watch.poll() {
                    Polled::Batch(batch) => told.send(batch.version().0).unwrap(),
                    Polled::Nothing => break,
                    Polled::Closed => return,
                    Polled::Missed(..) => panic!("the ring is large enough"),
                }
            }
        }
        if inbox.doorbell.may_sleep(|| !inbox.has_news() && alarm.arm()) {
            woken.recv().unwrap();
        }
    }
}

fn run() {
    let recorder = ChangeRecorder::new(1 << 20, Sequence::FIRST);
    let cursor = || ChangeCursor::new(recorder.ring());
    let (waiting, mut watch, behind) = (cursor(), cursor(), cursor());
    let waiting = spawn(move || all(waiting));
    let (tells, told) = bounded(1);
    let worker = spawn(move || {
        let (wake, woken) = bounded(1);
        let doorbell = Doorbell::new(move || {
            let _ = wake.try_send(());
        });
        let (sender, answers) = mailbox(1);
        let inbox = Arc::new(WorkerInbox::new(sender, doorbell));
        let mut alarm = ChangeAlarm::new(behind, Arc::clone(&inbox) as Arc<dyn Wake>);
        serve(&inbox, &woken, &mut alarm, &mut watch, &tells);
        // A worker goes on when its watches have ended.
        (inbox, answers)
    });
    for version in [1, 2] {
        tell(&recorder, version);
        assert_eq!(told.recv(), Ok(version));
    }
    drop(recorder);
    assert_eq!(waiting.join().unwrap(), [1, 2]);
    drop(worker.join().unwrap());
}
