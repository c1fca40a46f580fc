//! An engine that fails when told to.

use crate::engine::{
    BackgroundJob, Delivery, Group, JobKind, KeyspaceId, Sequence, UnixMillis, WriteHalf,
    WriteHalfStats,
};
use crate::{Error, Result};

/// A write half of which commits fail.
pub(super) struct FailingWriter {
    pub(super) writer: Box<dyn WriteHalf>,
    /// Returns the error of the next commit, if it is to fail.
    pub(super) fault: Box<dyn FnMut() -> Option<Error> + Send>,
    /// False if its store must not be marked as closed cleanly.
    pub(super) may_close: bool,
}

impl WriteHalf for FailingWriter {
    fn next_sequence(&self) -> Sequence {
        self.writer.next_sequence()
    }
    fn commit(&mut self, group: &mut Group, durable: bool) -> Result<()> {
        match (self.fault)() {
            Some(error) => Err(error),
            None => self.writer.commit(group, durable),
        }
    }
    fn is_ready(&self) -> bool {
        self.writer.is_ready()
    }
    fn has_upkeep(&self) -> bool {
        self.writer.has_upkeep()
    }
    fn note_dropped(&mut self, keyspace: KeyspaceId) {
        self.writer.note_dropped(keyspace);
    }
    fn stats(&mut self) -> WriteHalfStats {
        self.writer.stats()
    }
    fn is_draining(&self) -> bool {
        self.writer.is_draining()
    }
    fn drain(&mut self) {
        self.writer.drain();
    }
    fn sync(&mut self) -> Result<()> {
        self.writer.sync()
    }
    fn offer_sync(&mut self) -> Option<Box<dyn BackgroundJob>> {
        self.writer.offer_sync()
    }
    fn offer_compaction(&mut self) -> Option<Box<dyn BackgroundJob>> {
        self.writer.offer_compaction()
    }
    fn take_delivery(&mut self, delivery: Delivery) {
        self.writer.take_delivery(delivery);
    }
    fn note_failed_job(&mut self, kind: JobKind, error: &Error) {
        self.writer.note_failed_job(kind, error);
    }
    fn due(&self, now: UnixMillis, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        self.writer.due(now, limit)
    }
    fn next_deadline(&self) -> Option<UnixMillis> {
        self.writer.next_deadline()
    }
    fn index_bytes(&self) -> u64 {
        self.writer.index_bytes()
    }
    fn live_keys(&self) -> u64 {
        self.writer.live_keys()
    }
    fn sample(
        &self,
        expires: bool,
        random: &mut dyn FnMut() -> u64,
    ) -> Option<(KeyspaceId, Vec<u8>)> {
        self.writer.sample(expires, random)
    }
    fn soonest(&self, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        self.writer.soonest(limit)
    }
    fn close(&mut self) -> Result<()> {
        assert!(self.may_close, "a store that failed is not marked as closed cleanly");
        self.writer.close()
    }
}
