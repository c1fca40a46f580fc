//! The half of an engine that writes.

use super::engine_stats::WriteHalfStats;
use super::job::{BackgroundJob, Delivery, JobKind};
use crate::storage::backup::BackupPoint;
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::log::group::Group;
use crate::{CompactProgress, CompactReport, Error, Result};

/// The half that writes, owned by one thread; see the [module](super) for the contract.
pub(crate) trait WriteHalf: Send {
    /// Returns the sequence number that the next batch gets.
    fn next_sequence(&self) -> Sequence;

    /// Applies every batch of the group in order; with `durable`, waits until it survives power
    /// loss. A group that failed stays as it is, and what is left of one that was applied is of no
    /// use.
    fn commit(&mut self, group: &mut Group, durable: bool) -> Result<()>;

    /// Returns true if a commit waits for the disk, whatever the durability.
    fn waits_for_disk(&self) -> bool {
        false
    }

    /// Returns true if the next group needs no file to be made before it.
    fn is_ready(&self) -> bool {
        true
    }

    /// Returns true if it has a job to offer, or finds out whether it has one when it is asked.
    fn has_upkeep(&self) -> bool {
        false
    }

    /// Notes that a keyspace was dropped: nothing is written to it any more.
    fn note_dropped(&mut self, _keyspace: KeyspaceId) {}

    /// Returns true if what a clear removed is still in memory, or the log does not know of it.
    fn is_draining(&self) -> bool {
        false
    }

    /// Does some of what a clear left to be done, so little that writes may wait for it.
    fn drain(&mut self) {}

    /// Returns the error of the write that found the disk full, while only batches are taken that
    /// free space.
    fn full(&self) -> Option<&Error> {
        None
    }

    /// Notes that time has passed; returns an error if nothing may be written any more.
    fn tick(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes everything committed as durable as the engine can before it returns.
    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    /// Returns a job that makes everything committed durable, if something is not.
    fn offer_sync(&mut self) -> Option<Box<dyn BackgroundJob>> {
        None
    }

    /// Returns a job that reclaims space, if one is worth it and none runs.
    fn offer_compaction(&mut self) -> Option<Box<dyn BackgroundJob>> {
        None
    }

    /// Asks for a compaction pass: from now on [`offer_compaction`](Self::offer_compaction) returns
    /// one job after the other, until every segment was compacted that holds something dead at the
    /// beginning. Returns false if the engine has no such thing.
    fn request_pass(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// Returns the progress of the pass, once it has begun.
    fn pass_progress(&self) -> Option<CompactProgress> {
        None
    }

    /// Takes the result of the pass, if it has ended.
    fn take_pass_result(&mut self) -> Option<Result<CompactReport>> {
        None
    }

    /// Returns a job that makes what later commits will need, if there is something to make and
    /// none runs.
    fn offer_preparation(&mut self) -> Option<Box<dyn BackgroundJob>> {
        None
    }

    /// Returns a job that makes the next open faster, if there is one and no other job but a sync
    /// runs.
    fn offer_hint(&mut self) -> Option<Box<dyn BackgroundJob>> {
        None
    }

    /// Takes the result of a job that this half handed out.
    fn take_delivery(&mut self, _delivery: Delivery) {}

    /// Notes that a job that this half handed out failed.
    fn note_failed_job(&mut self, _kind: JobKind, _error: &Error) {}

    /// Returns up to `limit` keys whose expiry is at or before `now`.
    fn due(&self, _now: UnixMillis, _limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        Vec::new()
    }

    /// Returns the soonest expiry of any key.
    fn next_deadline(&self) -> Option<UnixMillis> {
        None
    }

    /// Returns the bytes of memory that the keys of all keyspaces take, those left out that only
    /// snapshots see; zero if the engine has no index in memory.
    fn index_bytes(&self) -> u64 {
        0
    }

    /// Returns the number of keys of all keyspaces.
    fn live_keys(&self) -> u64 {
        0
    }

    /// Returns the bytes of the records that are cached.
    fn cache_bytes(&self) -> u64 {
        0
    }

    /// Sets the most bytes of the records that are cached, if that is less than what the options
    /// allow.
    fn limit_cache(&self, _bytes: u64) {}

    /// Returns a key at random, with `expires` one that has an expiry, of any keyspace but the
    /// catalogue; `None` if it came upon none.
    fn sample(
        &self,
        _expires: bool,
        _random: &mut dyn FnMut() -> u64,
    ) -> Option<(KeyspaceId, Vec<u8>)> {
        None
    }

    /// Returns up to `limit` keys that expire soonest.
    fn soonest(&self, _limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        Vec::new()
    }

    /// Returns the figures that it has. It may drop versions first that nobody sees any more.
    fn stats(&mut self) -> WriteHalfStats {
        WriteHalfStats::default()
    }

    /// Returns the files of everything committed, to be copied while more is committed; `None` if
    /// it has none that can be copied so.
    fn backup_point(&mut self) -> Result<Option<BackupPoint>> {
        Ok(None)
    }

    /// Returns [`Error::Removed`](crate::Error::Removed) if the directory or a file of the store
    /// was removed or replaced, so that nothing more is acknowledged that nobody would find again.
    fn check_files(&mut self) -> Result<()> {
        Ok(())
    }

    /// Syncs and records a clean shutdown; nothing is committed after it.
    fn close(&mut self) -> Result<()> {
        self.sync()
    }
}
