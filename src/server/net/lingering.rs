//! Connections that ended and only take what their peers still send.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::server::net::worker_inbox::Ticket;

/// How long a connection that ended takes what its peer still sends, so that its last replies arrive.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// The connections and their deadlines; all wait equally long, so the first in is the first out.
#[derive(Default)]
pub(crate) struct Lingering(VecDeque<(Instant, Ticket)>);

impl Lingering {
    /// Adds a connection that ended now.
    pub(crate) fn add(&mut self, now: Instant, ticket: Ticket) {
        self.0.push_back((now + LINGER, ticket));
    }

    /// When the next deadline is.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.front().map(|(deadline, _)| *deadline)
    }

    /// Takes a connection whose deadline has come; it may have ended before.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Ticket> {
        if self.deadline()? > now {
            return None;
        }
        self.0.pop_front().map(|(_, ticket)| ticket)
    }
}
