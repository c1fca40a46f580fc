//! A request to end a long piece of work early.

use crate::sync::{Arc, AtomicBool, Ordering};
use crate::{Error, Result};

/// A request to end work early, shared by whoever asks and whoever works.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Asks for the end.
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns [`Error::Closed`] once the end was asked for.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Closed) } else { Ok(()) }
    }
}
