//! A full mailbox: senders that wait for room wake when the owner takes something and when it goes,
//! and every message is answered or dropped.

use super::model::{Bound, Model};
use super::spawn;
use crate::actor::{Received, Reply, mailbox};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 26900 },
    deep: Bound { preemptions: 3, executions_min: 26900 },
};

fn run() {
    let (address, mut owner) = mailbox::<Reply<u8>>(1);
    let senders = [0, 1, 2].map(|_| {
        let address = address.clone();
        spawn(move || {
            let (reply, answer) = Reply::channel();
            let sent = address.send(reply).is_ok();
            let answered = answer.wait().is_ok();
            assert!(sent || !answered, "an answer to what came back");
            answered
        })
    });
    let mut messages = Vec::new();
    assert_eq!(owner.receive(&mut messages, 1), Received::Messages);
    messages.pop().unwrap().send(7);
    drop(owner);
    let answered = senders.map(|sender| sender.join().unwrap());
    assert_eq!(answered.into_iter().filter(|answered| *answered).count(), 1);
    assert!(address.is_gone());
}
