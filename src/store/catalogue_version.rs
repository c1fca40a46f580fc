//! How often the names of keyspaces have changed, for those who keep what a name stood for.

use crate::sync::{AtomicU64, Ordering};

/// The number of changes of the catalogue.
#[derive(Default)]
pub(crate) struct CatalogueVersion(AtomicU64);

impl CatalogueVersion {
    /// Counts a change that is visible now, before it is acknowledged.
    pub(super) fn note_change(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    /// Returns the number of changes: what was looked up after this call holds as long as the
    /// number stays.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}
