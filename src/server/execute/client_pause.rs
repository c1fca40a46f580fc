//! A pause of all clients, which an operator asks for.

use std::time::{Duration, Instant};

use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock, now};

/// The requests that wait during a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PausedRequests {
    /// Those that may write.
    Writes,
    /// All.
    Everything,
}

/// A pause of all clients, if there is one. Requests that it stops wait in their connections, which
/// read no more meanwhile.
#[derive(Default)]
pub(crate) struct ClientPause {
    /// True if there may be a pause; every request looks at it.
    is_active: AtomicBool,
    state: Mutex<Option<(PausedRequests, Instant)>>,
    /// The number of clients that wait.
    waiting: Arc<AtomicU64>,
}

/// A client that waits for the end of a pause; counted until it is dropped.
pub(crate) struct PausedClient(Arc<AtomicU64>);

impl Drop for PausedClient {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ClientPause {
    /// Begins a pause of so long in place of an earlier one.
    pub(crate) fn begin(&self, requests: PausedRequests, time: Duration) {
        // As good as for ever, where a clock cannot tell it.
        const LONG: Duration = Duration::from_secs(1 << 32);
        let end = now().checked_add(time.min(LONG));
        *lock(&self.state) = end.map(|end| (requests, end));
        self.is_active.store(true, Ordering::Release);
    }

    /// Ends the pause.
    pub(crate) fn lift(&self) {
        self.is_active.store(false, Ordering::Release);
        *lock(&self.state) = None;
    }

    /// Returns the requests that wait, and until when.
    pub(crate) fn current(&self) -> Option<(PausedRequests, Instant)> {
        if !self.is_active.load(Ordering::Acquire) {
            return None;
        }
        let mut state = lock(&self.state);
        let is_over = state.is_none_or(|(_, end)| end <= now());
        if is_over {
            *state = None;
            self.is_active.store(false, Ordering::Release);
        }
        *state
    }

    /// Returns true if a request waits; asks only during a pause if it may write.
    pub(crate) fn stops(&self, may_write: impl FnOnce() -> bool) -> bool {
        match self.current() {
            None => false,
            Some((PausedRequests::Everything, _)) => true,
            Some((PausedRequests::Writes, _)) => may_write(),
        }
    }

    /// Counts a client that waits.
    pub(crate) fn add_client(&self) -> PausedClient {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        PausedClient(Arc::clone(&self.waiting))
    }

    /// Returns the number of clients that wait.
    pub(crate) fn clients(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_with_its_time_or_when_it_is_lifted() {
        let pause = ClientPause::default();
        assert!(!pause.stops(|| true));
        pause.begin(PausedRequests::Writes, Duration::MAX);
        assert!(pause.stops(|| true) && !pause.stops(|| false));
        pause.begin(PausedRequests::Everything, Duration::from_secs(60));
        assert!(pause.stops(|| false));
        pause.lift();
        assert!(!pause.stops(|| true));
        pause.begin(PausedRequests::Everything, Duration::ZERO);
        assert!(!pause.stops(|| true));
    }

    #[test]
    fn a_client_is_counted_until_it_goes_on_or_away() {
        let pause = ClientPause::default();
        let [one, other] = [pause.add_client(), pause.add_client()];
        assert_eq!(pause.clients(), 2);
        drop(one);
        assert_eq!(pause.clients(), 1);
        drop(other);
        assert_eq!(pause.clients(), 0);
    }
}
