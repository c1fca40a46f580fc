//! The write half of a store that is open for reading only.

use super::{Delivery, Group, Job, WriteHalf};
use crate::{Error, Result};

/// A write half that changes nothing.
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

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    fn offer_sync(&mut self) -> Option<Box<dyn Job>> {
        None
    }

    fn offer_compaction(&mut self) -> Option<Box<dyn Job>> {
        None
    }

    fn take(&mut self, _delivery: Delivery) -> Result<()> {
        Ok(())
    }

    fn due(&self, _now: u64, _limit: usize) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn next_deadline(&self) -> Option<u64> {
        None
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
