//! The write half of a store that is open for reading only.

use super::{Group, WriteHalf};
use crate::{Error, Result};

/// A write half that refuses every group.
pub(super) struct ReadOnlyWriter {
    /// The sequence number after the newest batch that was found.
    pub(super) next_sequence: u64,
}

impl WriteHalf for ReadOnlyWriter {
    fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn commit(&mut self, _group: &mut Group, _durable: bool) -> Result<()> {
        Err(Error::ReadOnly)
    }
}
