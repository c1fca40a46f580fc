//! A turn that panics, on whatever thread, ends the actor: nothing is handled after it, everybody
//! who waits is told, and the caller that took it gets an error.

use super::model::{Bound, Model};
use super::spawn;
use crate::actor::{Actor, Gone, Reply, mailbox, spawn_seated};
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 2700 },
    deep: Bound { preemptions: 3, executions_min: 2700 },
};

/// Must not be seen by anybody after it broke.
struct Fragile {
    is_broken: bool,
}

/// A message to it.
enum Order {
    /// Answer if it is broken.
    Look(Reply<bool>),
    Break,
}

impl Fragile {
    fn break_now(&mut self) {
        self.is_broken = true;
        panic!("on purpose");
    }
}

impl Actor for Fragile {
    type Message = Order;
    const MESSAGES_MAX: usize = 2;

    fn handle(&mut self, messages: &mut Vec<Order>) {
        for message in messages.drain(..) {
            match message {
                Order::Look(reply) => reply.send(self.is_broken),
                Order::Break => self.break_now(),
            }
        }
    }
}

fn run() {
    let (address, inbox) = mailbox(1);
    let (seat, thread) = spawn_seated("fragile", Fragile { is_broken: false }, inbox).unwrap();
    let seat = Arc::new(seat);
    let sender = {
        let address = address.clone();
        spawn(move || {
            let (reply, answer) = Reply::channel();
            let _ = address.send(Order::Look(reply));
            assert_ne!(answer.wait(), Ok(true), "it was asked after it broke");
        })
    };
    let caller = {
        let (seat, address) = (Arc::clone(&seat), address.clone());
        spawn(move || {
            if let Some(turn) = seat.take(&address) {
                assert_ne!(turn.take(|actor| actor.is_broken), Ok(true), "it was asked after");
            }
        })
    };
    match seat.take(&address) {
        Some(turn) => {
            assert_eq!(turn.take(Fragile::break_now), Err(Gone));
            assert!(address.is_gone());
            assert!(seat.take(&address).is_none(), "nobody gets a turn of it");
        }
        None => assert!(address.send(Order::Break).is_ok()),
    }
    sender.join().unwrap();
    caller.join().unwrap();
    drop(address);
    drop(thread);
}
