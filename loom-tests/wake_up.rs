//! A connection worker that goes to sleep leaves no reply behind between "drained" and "parked".
//!
//! The worker here is the loop of the production one around the same port and bell; the poll, whose waker
//! outlasts a worker that is not asleep yet, is a channel with one place.

use super::net::doorbell::Doorbell;
use super::net::worker_inbox::{Answered, Port, Ticket};
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
    let (answers, mut inbox) = mailbox::<Answered>(1);
    let port = Arc::new(Port::new(answers, doorbell));
    let writer = {
        let (port, ticket) = (Arc::clone(&port), Ticket { place: 0, session: 0 });
        spawn(move || port.answer(Answered::Synced { ticket, result: Ok(()) }))
    };
    let caller = {
        let port = Arc::clone(&port);
        spawn(move || port.call_attention())
    };
    let (mut taken, mut attended) = (Vec::new(), false);
    while taken.is_empty() || !attended {
        let may_sleep = port.doorbell.may_sleep(|| {
            inbox.receive_now(&mut taken, 1) != Received::Messages && !port.wants_attention()
        });
        if may_sleep {
            woken.recv().unwrap();
        }
        port.doorbell.awake();
        inbox.receive_now(&mut taken, 1);
        attended |= port.take_attention();
    }
    writer.join().unwrap();
    caller.join().unwrap();
}
