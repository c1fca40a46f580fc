//! Points in time.

use crate::storage::format::sequence::Sequence;
use crate::storage::index::IndexSnapshot;

/// A registered point in time: the engine keeps what it sees until it is dropped.
///
/// Only the engine that made it can look into it.
pub(crate) struct EngineSnapshot(pub(super) IndexSnapshot);

impl EngineSnapshot {
    /// Returns the sequence number of the newest commit that it sees.
    pub(crate) fn sequence(&self) -> Sequence {
        self.0.sequence()
    }
}
