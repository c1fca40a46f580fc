//! The write half of a store that is open for reading only.

use super::{Group, WriteHalf, WriteHalfStats};
use crate::storage::backup::BackupPoint;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::sequence::Sequence;
use crate::{Error, Result};

/// A write half that refuses every group.
pub(super) struct ReadOnlyWriter {
    /// The sequence number after the newest batch that was found.
    pub(super) next_sequence: Sequence,
    /// The figures of what was found.
    pub(super) stats: WriteHalfStats,
    /// The environment of the log, which nobody changes.
    pub(super) environment: LogEnvironment,
}

impl WriteHalf for ReadOnlyWriter {
    fn next_sequence(&self) -> Sequence {
        self.next_sequence
    }

    fn commit(&mut self, _group: &mut Group, _durable: bool) -> Result<()> {
        Err(Error::ReadOnly)
    }

    fn request_pass(&mut self) -> Result<bool> {
        Err(Error::ReadOnly)
    }

    fn backup_point(&mut self) -> Result<Option<BackupPoint>> {
        BackupPoint::at_rest(self.environment.clone()).map(Some)
    }

    fn stats(&mut self) -> WriteHalfStats {
        self.stats.clone()
    }
}
