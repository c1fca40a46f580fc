//! The compactions of the whole log that clients ask for, and the state of the latest one.

use std::time::{Duration, Instant};

use crate::actor::ReturnAddress;
use crate::options::Cancellation;
use crate::sync::{Arc, Mutex, OnceLock, catch_panic, lock};
use crate::{Error, Store};

/// The compactions of the whole log of one server.
#[derive(Default)]
pub(crate) struct LogRewrites {
    actor: OnceLock<ReturnAddress<RewriteRequest>>,
    cancellation: Cancellation,
    state: Mutex<LatestRewrites>,
}

/// A request for a compaction of the whole log.
pub(crate) struct RewriteRequest;

/// The state of the compactions of one server.
#[derive(Clone, Default)]
pub(crate) struct LatestRewrites {
    /// The beginning of the one that runs.
    pub(crate) running: Option<Instant>,
    /// The time that the last one took, and why it failed, if it did.
    pub(crate) last: Option<(Duration, Result<(), Arc<Error>>)>,
    /// The number of those that were begun.
    pub(crate) begun: u64,
}

/// A reason why none is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RewriteRefusal {
    /// One runs.
    Running,
    /// The server stops.
    Stopping,
}

impl LogRewrites {
    /// Takes the address of the actor that makes them.
    pub(crate) fn connect(&self, actor: ReturnAddress<RewriteRequest>) {
        // Nobody else sets it: a server runs once.
        let _ = self.actor.set(actor);
    }

    /// Begins one, if none runs. Never waits.
    pub(crate) fn begin(&self) -> Result<(), RewriteRefusal> {
        let mut state = lock(&self.state);
        if state.running.is_some() {
            return Err(RewriteRefusal::Running);
        }
        // There is room: the actor took the request before.
        let sent = self.actor.get().map(|actor| actor.send(RewriteRequest));
        if !matches!(sent, Some(Ok(()))) {
            return Err(RewriteRefusal::Stopping);
        }
        state.running = Some(Instant::now());
        state.begun += 1;
        Ok(())
    }

    /// Compacts what was asked for, and notes the result.
    pub(crate) fn make(&self, store: &Store) {
        let compacted = catch_panic(|| store.compact_until(&self.cancellation));
        let result = compacted.unwrap_or_else(|_| Err(Error::Poisoned("it panicked".to_owned())));
        let mut state = lock(&self.state);
        let took = state.running.take().map_or(Duration::ZERO, |begun| begun.elapsed());
        match &result {
            Ok(report) => {
                let (freed, seconds) = (report.bytes_freed(), took.as_secs());
                log::info!("the log was compacted: {freed} bytes freed in {seconds} s");
            }
            Err(error) => log::error!("the log could not be compacted: {error}"),
        }
        state.last = Some((took, result.map(drop).map_err(Arc::new)));
    }

    /// Waits no longer for the one that runs, which ends with the store.
    pub(crate) fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Returns the state at this moment.
    pub(crate) fn latest(&self) -> LatestRewrites {
        lock(&self.state).clone()
    }
}
