//! Two threads that push to the feed of one connection, and its worker: everything that is pushed
//! is taken once, and none of it while the worker sleeps.
//!
//! The worker here is the loop of the production one around the same inbox, doorbell and feed; the
//! poll is a channel with one place, as in `wake_up`.

use super::execute::push_feed::{Added, PushFeed};
use super::net::doorbell::Doorbell;
use super::net::worker_inbox::{Ticket, WorkerInbox};
use crate::actor::mailbox;
use crate::loom_tests::model::{Bound, Model};
use crate::loom_tests::spawn;
use crate::sync::{Arc, bounded};

pub(crate) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 1_000 },
    deep: Bound { preemptions: 3, executions_min: 1_000 },
};

const TICKET: Ticket = Ticket { place: 0, session: 0 };

fn run() {
    let (wake, woken) = bounded(1);
    let doorbell = Doorbell::new(move || {
        let _ = wake.try_send(());
    });
    let (sender, _answers) = mailbox(1);
    let inbox = Arc::new(WorkerInbox::new(sender, doorbell));
    let feed = Arc::new(PushFeed::default());
    let publishers = [b"a", b"b"].map(|message| {
        let (inbox, feed) = (Arc::clone(&inbox), Arc::clone(&feed));
        spawn(move || match feed.add(message) {
            Added::First => inbox.call(TICKET),
            Added::Behind => {}
            Added::TooMany(_) | Added::Closed => panic!("there is room"),
        })
    });
    let mut taken = Vec::new();
    while taken.len() < 2 {
        inbox.doorbell.awake();
        for ticket in inbox.take_calls() {
            assert_eq!(ticket, TICKET);
            taken.extend(feed.take());
        }
        if taken.len() < 2 && inbox.doorbell.may_sleep(|| !inbox.has_calls()) {
            woken.recv().unwrap();
        }
    }
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    taken.sort_unstable();
    assert_eq!((taken.as_slice(), feed.waiting()), (&b"ab"[..], 0));
}
