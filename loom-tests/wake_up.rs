//! A connection worker that goes to sleep leaves no reply behind between "drained" and "parked".
//!
//! The worker here is the loop of the production one around the same inbox and doorbell; the poll,
//! whose waker outlasts a worker that is not asleep yet, is a channel with one place.

use super::net::doorbell::Doorbell;
use super::net::worker_inbox::{Answered, Ticket, WorkerInbox};
use crate::actor::{Received, mailbox};
use crate::loom_tests::model::{Bound, Model};
use crate::loom_tests::spawn;
use crate::sync::{Arc, bounded};

pub(crate) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 3, executions_min: 9_000 },
    deep: Bound { preemptions: 4, executions_min: 9_000 },
};

fn run() {
    let (wake, woken) = bounded(1);
    let doorbell = Doorbell::new(move || {
        let _ = wake.try_send(());
    });
    let (sender, mut answers) = mailbox::<Answered>(1);
    let inbox = Arc::new(WorkerInbox::new(sender, doorbell));
    let writer = {
        let (inbox, ticket) = (Arc::clone(&inbox), Ticket { place: 0, session: 0 });
        spawn(move || inbox.answer(Answered::Synced { ticket, result: Ok(()) }))
    };
    let caller = {
        let inbox = Arc::clone(&inbox);
        spawn(move || inbox.call_attention())
    };
    let (mut taken, mut attended) = (Vec::new(), false);
    while taken.is_empty() || !attended {
        let may_sleep = inbox.doorbell.may_sleep(|| {
            answers.receive_now(&mut taken, 1) != Received::Messages && !inbox.wants_attention()
        });
        if may_sleep {
            woken.recv().unwrap();
        }
        inbox.doorbell.awake();
        answers.receive_now(&mut taken, 1);
        attended |= inbox.take_attention();
    }
    writer.join().unwrap();
    caller.join().unwrap();
}
