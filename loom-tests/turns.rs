//! Callers that take a turn or leave a message, and the actor's own thread: each is answered once,
//! as if all had come one after the other, and a message that comes as a turn is left is not left
//! behind.

use super::model::{Bound, Model};
use super::spawn;
use crate::actor::{Actor, Address, Reply, Seat, mailbox, spawn_seated};
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 12000 },
    deep: Bound { preemptions: 3, executions_min: 12000 },
};

/// The sum of what it was given.
pub(super) struct Sum(pub(super) u64);

/// A number to add, and the reply with the sum.
pub(super) struct Add(pub(super) u64, pub(super) Reply<u64>);

impl Sum {
    fn add(&mut self, number: u64) -> u64 {
        self.0 += number;
        self.0
    }
}

impl Actor for Sum {
    type Message = Add;
    const MESSAGES_MAX: usize = 2;

    fn handle(&mut self, messages: &mut Vec<Add>) {
        for Add(number, reply) in messages.drain(..) {
            reply.send(self.add(number));
        }
    }
}

fn run() {
    let (address, inbox) = mailbox(1);
    let (seat, thread) = spawn_seated("sum", Sum(0), inbox).unwrap();
    let seat = Arc::new(seat);
    let waiting = {
        let (seat, address) = (Arc::clone(&seat), address.clone());
        spawn(move || match seat.take(&address) {
            Some(turn) => turn.take(|sum| sum.add(1)).unwrap(),
            None => ask(&address, 1),
        })
    };
    // As a connection worker does.
    let at_once = |seat: &Seat<Sum>, address: &Address<Add>, number| match seat.try_take(address) {
        Some(turn) => turn.take(|sum| sum.add(number)).unwrap(),
        None => ask(address, number),
    };
    let worker = {
        let (seat, address) = (Arc::clone(&seat), address.clone());
        spawn(move || at_once(&seat, &address, 2))
    };
    let here = ask(&address, 4);
    let mut sums = [(waiting.join().unwrap(), 1), (worker.join().unwrap(), 2), (here, 4)];
    sums.sort_unstable();
    let mut sum = 0;
    for (answer, added) in sums {
        sum += added;
        assert_eq!(answer, sum, "{sums:?}");
    }
    drop(address);
    drop(thread);
}

/// Leaves a message and waits for the answer.
fn ask(address: &Address<Add>, number: u64) -> u64 {
    let (reply, answer) = Reply::channel();
    assert!(address.send(Add(number, reply)).is_ok());
    answer.wait().unwrap()
}
