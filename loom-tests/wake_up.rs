//! A connection worker that goes to sleep leaves no reply behind between "drained" and "parked".
//!
//! The worker here is the loop of the production one around the same port and bell; the poll, whose waker
//! outlasts a worker that is not asleep yet, is a channel with one place.

use super::doorbell::Doorbell;
use super::port::{Answered, Port, Ticket};
use crate::actor::{Received, mailbox};
use crate::loom_tests::model::{Bound, Model};
use crate::loom_tests::spawn;
use crate::sync::{Arc, bounded};

pub(crate) const MODEL: Model = Model {
    run,
    timeouts: 0,
    quick: Bound { preemptions: 3, executions_min: 1 },
    deep: Bound { preemptions: 5, executions_min: 1 },
};

const ANSWERS: usize = 2;

fn run() {
    let (wake, woken) = bounded(1);
    let doorbell = Doorbell::new(move || {
        let _ = wake.try_send(());
    });
    let (answers, mut inbox) = mailbox::<Answered>(ANSWERS);
    let port = Arc::new(Port::new(answers, doorbell));
    let actors = [0; ANSWERS].map(|_| {
        let port = Arc::clone(&port);
        let ticket = Ticket { place: 0, session: 0 };
        spawn(move || port.answer(Answered::Synced { ticket, result: Ok(()) }))
    });
    let mut taken = Vec::new();
    while taken.len() < ANSWERS {
        let may_sleep = port
            .doorbell
            .may_sleep(|| inbox.receive_now(&mut taken, ANSWERS) != Received::Messages);
        if may_sleep {
            woken.recv().unwrap();
        }
        port.doorbell.awake();
        inbox.receive_now(&mut taken, ANSWERS);
    }
    actors.into_iter().for_each(|actor| actor.join().unwrap());
}
