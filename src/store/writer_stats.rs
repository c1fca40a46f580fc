//! The figures that only the writer has.

use crate::GroupStats;
use crate::engine::WriteHalfStats;

/// The figures that the writer has, as of one of its turns.
pub(crate) struct WriterStats {
    /// The groups that it committed.
    pub(super) groups: GroupStats,
    /// The figures of its half of the engine.
    pub(super) engine: WriteHalfStats,
}
