//! The write half of the `kvs` engine: appends to the log, keeps the index and the garbage
//! accounting, and hands out jobs.

use std::collections::VecDeque;

use super::KvsReader;
use super::engine_work::EngineWork;
use super::jobs::{CompactionJob, HintJob, StandbyJob, SyncJob};
use super::pass_state::PassState;
use crate::bugs::{Bug, if_planted, planted};
use crate::engine::job::JobResult;
use crate::engine::threads::Threads;
use crate::engine::{
    BackgroundJob, Delivery, Group, JobKind, Mutation, MutationKind, WriteHalf, WriteHalfStats,
};
use crate::storage::backup::BackupPoint;
use crate::storage::cache::RecordCache;
use crate::storage::compaction::CompactionState;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::{CleanShutdown, SegmentSet};
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::index::{KeyVersion, KeyspaceChanges, KeyspaceIndexes, Slot};
use crate::storage::key_range::KeyInterval;
use crate::storage::log::LogWriter;
use crate::storage::log::reserve::{Reserve, with_reserve};
use crate::storage::recovery::hint_writer::HintWriter;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::storage::recovery::{Recovered, RecoveryReport, recover};
use crate::storage::segment::{Location, Segment, SegmentTable};
use crate::sync::Arc;
use crate::{CompactProgress, CompactReport, Error, Result};

/// A segment that is shorter than this part of a full one is read as fast as its hint.
const HINTED_PART: u64 = 16;

/// The share of a segment that may be garbage, one in so many, if it gets a hint. A segment with
/// more of it so soon is likely to be compacted before the hint is of use, and writing the hint
/// reads all of the segment, as compacting it does.
const HINTED_GARBAGE: u64 = 64;

/// The bytes of a segment whose hint costs so little that it gets one in any case.
const ALWAYS_HINTED_BYTES: u64 = 1 << 20;

/// The positions of the records of a group, in order.
pub(super) type Placed = Vec<(SegmentId, Extent)>;

/// The write half of the `kvs` engine.
pub(crate) struct KvsWriter {
    pub(super) log: LogWriter,
    pub(super) indexes: KeyspaceIndexes<Location>,
    pub(super) accounting: Accounting,
    cache: Arc<RecordCache>,
    pub(super) compaction_bytes_min: u64,
    pub(super) compaction: CompactionState,
    /// The error of a compaction after which no other may begin.
    compaction_failure: Option<Error>,
    pub(super) pass: PassState,
    pub(super) reserve: Reserve,
    /// Sealed segments that have no hint, in the order in which they are to get one.
    pub(super) unhinted: VecDeque<Arc<Segment>>,
    /// The segment whose hint is being written in the background.
    pub(super) hint_in_progress: Option<Arc<Segment>>,
    /// A sync runs in the background.
    is_syncing: bool,
    pub(super) work: EngineWork,
}

impl KvsWriter {
    /// Recovers the log of an environment, of whose progress nobody is told.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn open(
        environment: LogEnvironment,
        compaction_bytes_min: u64,
        cache_bytes: usize,
    ) -> Result<(Self, KvsReader, RecoveryReport)> {
        let progress = RecoveryProgress::new(None);
        Self::open_telling(environment, compaction_bytes_min, cache_bytes, &progress)
    }

    /// Recovers the log of an environment.
    pub(crate) fn open_telling(
        environment: LogEnvironment,
        compaction_bytes_min: u64,
        cache_bytes: usize,
        progress: &RecoveryProgress,
    ) -> Result<(Self, KvsReader, RecoveryReport)> {
        let mut indexes = KeyspaceIndexes::new();
        let recovered = recover(&environment, &mut indexes, &Threads::new(), progress)?;
        let Recovered { end, segments, unhinted, accounting, report } = recovered;
        let table = Arc::new(SegmentTable::new(segments));
        let (keyspace, readers) = (KeyspaceId::DEFAULT, indexes.readers());
        let index = readers.reader(keyspace);
        let cache = Arc::new(RecordCache::new(cache_bytes));
        let reader = KvsReader {
            keyspace,
            index,
            indexes: readers,
            table: Arc::clone(&table),
            cache: Arc::clone(&cache),
            directory: Arc::clone(&environment.directory),
        };
        let mut reserve = Reserve::new();
        reserve.make_if_scarce(&environment, accounting.bytes());
        let writer = Self {
            log: LogWriter::new(environment, end, table),
            indexes,
            accounting,
            cache,
            compaction_bytes_min,
            compaction: CompactionState::Idle,
            compaction_failure: None,
            pass: PassState::None,
            reserve,
            unhinted,
            hint_in_progress: None,
            is_syncing: false,
            work: EngineWork::default(),
        };
        writer.make_room_in_cache();
        Ok((writer, reader, report))
    }

    /// Returns the bytes of the active segment from which on the next one is made ahead: well
    /// before it is full, or sealed because it is mostly garbage.
    fn standby_bytes_min(&self) -> u64 {
        self.log.environment().segment_bytes_max.min(self.compaction_bytes_min) / 2
    }

    /// Inserts an appended group into the index, makes it visible, and invalidates cached records
    /// of its keys.
    fn publish(&mut self, first: Sequence, group: Group, placed: &[(SegmentId, Extent)]) {
        if planted(Bug::RaiseLate) {
            let batches: Vec<_> = group.batches().map(<[_]>::to_vec).collect();
            self.make_visible(first, group, placed);
            raise_epochs(&self.cache, first, batches.iter().map(Vec::as_slice));
        } else {
            raise_epochs(&self.cache, first, group.batches());
            self.make_visible(first, group, placed);
        }
        self.make_room_in_cache();
        self.prune();
    }

    /// Makes the cache ready for as many keys as there are.
    fn make_room_in_cache(&self) {
        self.cache.make_room(usize::try_from(self.indexes.live()).unwrap_or(usize::MAX));
    }

    fn make_visible(&mut self, first: Sequence, group: Group, placed: &[(SegmentId, Extent)]) {
        let Self { log, indexes, accounting, .. } = self;
        let mut changes = KeyspaceChanges::with_capacity(placed.len());
        for ((batch, mutation), (segment, extent)) in group.into_mutations().zip(placed) {
            let (version, keyspace) = (first.plus(batch), mutation.keyspace);
            let slot = Location::of(&Record::from(&mutation), *segment, *extent);
            match mutation.kind {
                MutationKind::Put { key, .. } | MutationKind::Remove { key } => {
                    if !slot.is_tombstone() {
                        accounting.note_key(*segment, (keyspace, &key));
                    }
                    accounting.add_written(keyspace, &slot);
                    changes.push(keyspace, KeyVersion { key, version, slot });
                }
                MutationKind::RemoveRange { start, end } => {
                    accounting.note_record(keyspace, &slot);
                    accounting.note_kept_tombstone(&slot);
                    let interval = KeyInterval { start: &start, end: &end };
                    let covered = (version, &Location::covered(*segment));
                    let before = std::iter::once((keyspace, changes.take(keyspace)));
                    indexes.insert(before, |old| accounting.mark_dead(&old));
                    indexes.remove_range(keyspace, interval, covered, |old| {
                        accounting.mark_dead(&old)
                    });
                }
            }
        }
        if planted(Bug::PublishPiecemeal) {
            for (keyspace, changes) in changes.take_all() {
                for change in changes {
                    let version = change.version;
                    indexes.of(keyspace).insert(vec![change], |old| accounting.mark_dead(&old));
                    indexes.publish(version);
                }
            }
        }
        indexes.insert(changes.take_all(), |overwritten| accounting.mark_dead(&overwritten));
        if !planted(Bug::AcknowledgeBeforePublish) {
            indexes.publish(log.last_sequence());
        }
    }

    /// Makes everything appended durable.
    fn sync_log(&mut self) -> Result<()> {
        let is_needed = self.log.unsynced().next().is_some();
        self.work.time_sync(is_needed, || self.log.sync())
    }

    fn prune(&mut self) {
        let Self { indexes, accounting, .. } = self;
        indexes.prune(|location, gone| accounting.note_forgotten(&location, gone));
    }

    /// Reports every unreachable version as garbage. Returns true if an open snapshot may still see
    /// overwritten versions.
    pub(super) fn prune_all(&mut self) -> bool {
        // Before: a snapshot that goes while it prunes may have kept something back.
        let has_old_snapshots = self.indexes.readers().horizon().has_old_snapshots();
        self.prune();
        has_old_snapshots
    }
}

/// Raises the epochs of the keys that the batches change; the first batch has this sequence number.
fn raise_epochs<'a>(
    cache: &RecordCache,
    first: Sequence,
    batches: impl Iterator<Item = &'a [Mutation]>,
) {
    for (position, batch) in batches.enumerate() {
        let version = first.plus(position);
        for mutation in batch {
            match mutation.key() {
                Some(key) => cache.raise((mutation.keyspace, key), version),
                None => cache.raise_all(mutation.keyspace, version),
            }
        }
    }
}

impl WriteHalf for KvsWriter {
    fn next_sequence(&self) -> Sequence {
        self.log.next_sequence()
    }

    fn commit(&mut self, group: &mut Group, durable: bool) -> Result<()> {
        let first = self.log.next_sequence();
        let mut placed = Placed::new();
        self.append(group, &mut placed)?;
        if planted(Bug::PublishBeforeSync) {
            self.publish(first, std::mem::take(group), &placed);
            return if durable { self.sync_log() } else { Ok(()) };
        }
        if durable && !planted(Bug::AcknowledgeBeforeSync) {
            self.sync_log()?;
        }
        self.publish(first, std::mem::take(group), &placed);
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.log.has_active()
    }

    fn has_upkeep(&self) -> bool {
        self.reserve.is_worth_a_look(self.accounting.bytes())
            || !self.reserve.is_making() && self.log.is_standby_due(self.standby_bytes_min())
            || self.may_compact() && self.accounting.is_worth_a_look(self.compaction_bytes_min)
    }

    fn note_dropped(&mut self, keyspace: KeyspaceId) {
        self.indexes.retire(keyspace);
    }

    fn is_draining(&self) -> bool {
        self.indexes.is_draining()
    }

    fn drain(&mut self) {
        let Self { indexes, accounting, .. } = self;
        indexes.drain(|location, gone| accounting.note_forgotten(&location, gone));
    }

    fn sync(&mut self) -> Result<()> {
        self.sync_log()
    }

    fn offer_sync(&mut self) -> Option<Box<dyn BackgroundJob>> {
        if self.is_syncing || self.log.unsynced().next().is_none() {
            return None;
        }
        self.is_syncing = true;
        let segments = self.log.begin_sync();
        Some(Box::new(SyncJob { segments, sequence: self.log.last_sequence() }))
    }

    fn offer_compaction(&mut self) -> Option<Box<dyn BackgroundJob>> {
        if_planted!(AcknowledgeBeforePublish => self.indexes.publish(self.log.last_sequence()));
        // A write prunes what it replaced; this catches what a snapshot held back.
        let has_old_snapshots = self.prune_all();
        if !self.may_compact() || !self.is_compaction_due() {
            return None;
        }
        match self.plan_compaction(has_old_snapshots) {
            Ok(Some(plan)) => Some(Box::new(CompactionJob::new(plan))),
            Ok(None) => {
                self.finish_pass();
                None
            }
            Err(error) => {
                self.note_failed_compaction(&error);
                if !self.fail_pass(&error) {
                    log::warn!("cannot start a compaction: {error}");
                }
                None
            }
        }
    }

    fn request_pass(&mut self) -> Result<bool> {
        if let Some(error) = &self.compaction_failure {
            return Err(error.clone());
        }
        self.pass = PassState::Requested;
        Ok(true)
    }

    fn pass_progress(&self) -> Option<CompactProgress> {
        self.pass.progress()
    }

    fn take_pass_result(&mut self) -> Option<Result<CompactReport>> {
        self.pass.take_result()
    }

    fn tick(&mut self) -> Result<()> {
        self.reserve.look_again();
        self.log.table().refuse_damage()
    }

    fn full(&self) -> Option<&Error> {
        self.reserve.full()
    }

    fn offer_preparation(&mut self) -> Option<Box<dyn BackgroundJob>> {
        if let Some(job) = self.offer_reserve() {
            return Some(job);
        }
        if self.reserve.is_making() || self.reserve.full().is_some() {
            return None;
        }
        match self.log.request_standby(self.standby_bytes_min()) {
            Ok(id) => id.map(|id| {
                Box::new(StandbyJob { environment: self.log.environment().clone(), id })
                    as Box<dyn BackgroundJob>
            }),
            Err(error) => {
                log::warn!("cannot prepare a standby segment: {error}");
                None
            }
        }
    }

    fn offer_hint(&mut self) -> Option<Box<dyn BackgroundJob>> {
        self.unhinted.extend(self.log.take_sealed());
        // A compaction might remove the segment meanwhile, and a full disk has no space for a hint.
        let is_full = self.reserve.full().is_some();
        if !self.compaction.is_idle() || self.hint_in_progress.is_some() || is_full {
            return None;
        }
        let bytes_min = self.log.environment().segment_bytes_max / HINTED_PART;
        while let Some(segment) = self.unhinted.pop_front() {
            let is_worth_it = self.accounting.get(segment.id()).is_some_and(|usage| {
                let lasts = usage.garbage_bytes() <= usage.bytes / HINTED_GARBAGE;
                usage.bytes >= bytes_min && (lasts || usage.bytes < ALWAYS_HINTED_BYTES)
            });
            if is_worth_it {
                self.hint_in_progress = Some(Arc::clone(&segment));
                let is_before = |other: &&Arc<Segment>| other.id() <= segment.id();
                let unsynced = self.log.unsynced().filter(is_before).map(Arc::clone).collect();
                let writer = HintWriter::new(self.log.environment().clone(), segment, unsynced);
                return Some(Box::new(HintJob(writer)));
            }
        }
        None
    }

    fn take_delivery(&mut self, delivery: Delivery) {
        match delivery.0 {
            JobResult::Synced(sequence, took) => {
                self.is_syncing = false;
                self.work.note_sync(took);
                self.log.finish_sync(sequence);
            }
            JobResult::Compaction(delivery) => self.take_compaction(delivery),
            JobResult::Standby(standby) => self.log.receive_standby(Some(standby)),
            JobResult::Reserved(outcome) => self.reserve.note_outcome(&outcome),
            JobResult::Hinted => {
                if let Some(segment) = self.hint_in_progress.take() {
                    segment.set_hinted(true);
                }
            }
        }
    }

    fn note_failed_job(&mut self, kind: JobKind, error: &Error) {
        match kind {
            JobKind::Sync => self.is_syncing = false,
            JobKind::Preparation => self.log.receive_standby(None),
            // Left to the next open, which wants another.
            JobKind::Hint => {
                if let Some(segment) = self.hint_in_progress.take() {
                    self.log.table().note_failed_read(segment.id(), error);
                }
            }
            // Tried again once more garbage was made.
            JobKind::Compaction => {
                self.note_failed_compaction(error);
                self.work.abandon_compaction();
                self.compaction.note_failure();
                if !self.compaction.is_idle() {
                    self.compaction_failure = Some(error.clone());
                }
                self.fail_pass(error);
            }
        }
    }

    fn due(&self, now: UnixMillis, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        self.indexes.due(now, limit)
    }

    fn index_bytes(&self) -> u64 {
        self.indexes.bytes_without_held()
    }

    fn live_keys(&self) -> u64 {
        self.indexes.live()
    }

    fn cache_bytes(&self) -> u64 {
        self.cache.bytes() as u64
    }

    fn limit_cache(&self, bytes: u64) {
        self.cache.set_limit(usize::try_from(bytes).unwrap_or(usize::MAX));
    }

    fn sample(
        &self,
        expires: bool,
        mut random: &mut dyn FnMut() -> u64,
    ) -> Option<(KeyspaceId, Vec<u8>)> {
        self.indexes.sample(expires, &mut random)
    }

    fn soonest(&self, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        self.indexes.soonest(limit)
    }

    fn stats(&mut self) -> WriteHalfStats {
        self.prune();
        let Self { log, indexes, accounting, work, .. } = self;
        work.stats(&log.table().all(), accounting, indexes.held())
    }

    fn check_files(&mut self) -> Result<()> {
        self.log.check_files(self.compaction.inputs())
    }

    fn next_deadline(&self) -> Option<UnixMillis> {
        self.indexes.next_deadline()
    }

    fn backup_point(&mut self) -> Result<Option<BackupPoint>> {
        let Self { log, accounting, reserve, compaction, .. } = self;
        let environment = log.environment().clone();
        let sealed = with_reserve(reserve, &environment, || log.seal_written(accounting));
        let mut segments = sealed?;
        segments.retain(|segment| !compaction.replaced().contains(&segment.id()));
        let marker = CleanShutdown {
            sequence: log.last_sequence(),
            segments: SegmentSet::of(segments.iter().map(|segment| segment.id())),
            output: None,
        };
        let marker = (!segments.is_empty()).then_some(marker);
        Ok(Some(BackupPoint { environment, segments, marker }))
    }

    fn close(&mut self) -> Result<()> {
        let Self { log, reserve, accounting, compaction, .. } = self;
        let environment = log.environment().clone();
        with_reserve(reserve, &environment, || log.close(accounting, compaction))
    }
}
