//! Connections that were answered in full and still take the bytes that their peers send.
//!
//! Closing a socket with unread bytes resets it, which may destroy replies on their way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::server::net::worker_inbox::Ticket;

/// The time for which a connection that was answered in full still takes bytes.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// The lingering connections with their deadlines. All wait equally long: first in, first out.
#[derive(Default)]
pub(crate) struct Lingering(VecDeque<(Instant, Ticket)>);

impl Lingering {
    /// Adds a connection that begins to linger now.
    pub(crate) fn add(&mut self, now: Instant, ticket: Ticket) {
        self.0.push_back((now + LINGER, ticket));
    }

    /// Returns the next deadline.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.front().map(|(deadline, _)| *deadline)
    }

    /// Removes and returns a connection whose deadline has passed; it may have closed before.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Ticket> {
        if self.deadline()? > now {
            return None;
        }
        self.0.pop_front().map(|(_, ticket)| ticket)
    }
}
