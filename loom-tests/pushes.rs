//! Two threads that push to the feeds of two connections, and their worker: everything that is
//! pushed is taken once, and none of it waits while the worker sleeps.
//!
//! The worker here is the loop of the production one around the same inbox, doorbell and feeds; the
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
    quick: Bound { preemptions: 2, executions_min: 800 },
    deep: Bound { preemptions: 3, executions_min: 800 },
};

/// Pushes a message to one of the connections, and has it called for.
fn push(inbox: &WorkerInbox, feeds: &[PushFeed; 2], place: usize, message: u8) {
    match feeds[place].add(&[message]) {
        Added::First => inbox.call(Ticket { place, session: 0 }),
        Added::Behind => {}
        Added::TooMany(_) | Added::Closed => panic!("there is room"),
    }
}

fn run() {
    let (wake, woken) = bounded(1);
    let doorbell = Doorbell::new(move || {
        let _ = wake.try_send(());
    });
    let (sender, _answers) = mailbox(1);
    let inbox = Arc::new(WorkerInbox::new(sender, doorbell));
    let feeds = Arc::new([PushFeed::default(), PushFeed::default()]);
    let publishers = [&[(0, b'a'), (1, b'b')][..], &[(1, b'c')]].map(|messages| {
        let (inbox, feeds) = (Arc::clone(&inbox), Arc::clone(&feeds));
        spawn(move || {
            for &(place, message) in messages {
                push(&inbox, &feeds, place, message);
            }
        })
    });
    let mut taken = Vec::new();
    while taken.len() < 3 {
        inbox.doorbell.awake();
        for Ticket { place, .. } in inbox.take_calls() {
            taken.extend(feeds[place].take());
        }
        if taken.len() < 3 && inbox.doorbell.may_sleep(|| !inbox.has_calls()) {
            woken.recv().unwrap();
        }
    }
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    taken.sort_unstable();
    assert_eq!(taken, b"abc");
    assert!(feeds.iter().all(|feed| feed.waiting() == 0));
}
