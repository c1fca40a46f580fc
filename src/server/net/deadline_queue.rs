//! Connections that wait for a time that is the same for all of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::server::net::worker_inbox::Ticket;

/// The waiting connections with their deadlines. All wait equally long: first in, first out.
pub(crate) struct DeadlineQueue {
    wait: Duration,
    queue: VecDeque<(Instant, Ticket)>,
}

impl DeadlineQueue {
    /// Returns an empty queue of connections that wait this long.
    pub(crate) fn new(wait: Duration) -> Self {
        Self { wait, queue: VecDeque::new() }
    }

    /// Adds a connection that begins to wait now.
    pub(crate) fn add(&mut self, now: Instant, ticket: Ticket) {
        self.queue.push_back((now + self.wait, ticket));
    }

    /// Returns the next deadline.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|(deadline, _)| *deadline)
    }

    /// Removes and returns a connection whose deadline has passed; it may have closed before.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Ticket> {
        if self.deadline()? > now {
            return None;
        }
        self.queue.pop_front().map(|(_, ticket)| ticket)
    }
}
