//! The last address goes while another thread has a turn: the actor stops once, after everything
//! that it was given, and its thread ends.

use super::model::{Bound, Model};
use super::spawn;
use crate::actor::{Actor, Reply, mailbox, spawn_seated};
use crate::sync::{Arc, AtomicU64, Ordering};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 200 },
    deep: Bound { preemptions: 3, executions_min: 200 },
};

/// Notes the sum of what it was given when it stops.
struct Closing {
    sum: u64,
    noted: Arc<AtomicU64>,
}

impl Actor for Closing {
    type Message = (u64, Reply<()>);
    const MESSAGES_MAX: usize = 2;

    fn handle(&mut self, messages: &mut Vec<Self::Message>) {
        for (number, reply) in messages.drain(..) {
            self.sum += number;
            reply.send(());
        }
    }

    fn stop(&mut self) {
        assert_eq!(self.noted.swap(self.sum, Ordering::SeqCst), 0, "it stops once");
    }
}

fn run() {
    let noted = Arc::new(AtomicU64::new(0));
    let (address, inbox) = mailbox(1);
    let actor = Closing { sum: 0, noted: Arc::clone(&noted) };
    let (seat, thread) = spawn_seated("closing", actor, inbox).unwrap();
    let seat = Arc::new(seat);
    let caller = {
        let (seat, address) = (Arc::clone(&seat), address.clone());
        spawn(move || match seat.take(&address) {
            Some(turn) => turn.take(|actor| actor.sum += 1).unwrap(),
            None => {
                let (reply, answer) = Reply::channel();
                assert!(address.send((1, reply)).is_ok());
                answer.wait().unwrap();
            }
        })
    };
    // Nobody waits for the answer, and it counts all the same.
    let (reply, _answer) = Reply::channel();
    assert!(address.send((2, reply)).is_ok());
    drop(address);
    caller.join().unwrap();
    drop(thread);
    assert_eq!(noted.load(Ordering::SeqCst), 3);
    assert!(Arc::into_inner(seat).is_some());
}
