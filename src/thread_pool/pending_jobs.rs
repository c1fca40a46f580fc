//! The count of jobs that are not done, for a pool that does not own their threads.

use std::convert::Infallible;

use crate::sync::{Receiver, Sender, bounded};

/// The token that each job holds until it is done.
pub(super) type Token = Sender<Infallible>;

/// Hands out tokens; dropping it waits until all of them are dropped.
///
/// The channel carries nothing: that it is closed is the proof that no sender is left.
pub(super) struct PendingJobs {
    /// Dropped before the end of the others is waited for.
    token: Token,
    _end: End,
}

struct End(Receiver<Infallible>);

impl PendingJobs {
    /// Returns a counter without pending jobs.
    pub(super) fn new() -> Self {
        let (token, receiver) = bounded(0);
        Self { token, _end: End(receiver) }
    }

    /// Returns a token for one job.
    pub(super) fn token(&self) -> Token {
        self.token.clone()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Nothing is ever sent, so this returns when the last token is gone.
        let _ = self.0.recv();
    }
}
