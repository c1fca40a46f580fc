//! The write half of the `kvs` engine: appends to the log, keeps the index and the garbage
//! accounting, and hands out jobs.

use std::collections::VecDeque;

use super::KvsReader;
use super::jobs::{CompactionJob, HintJob, StandbyJob, SyncJob};
use crate::bugs::{Bug, if_planted, planted};
use crate::engine::job::JobResult;
use crate::engine::threads::Threads;
use crate::engine::{BackgroundJob, Delivery, Group, JobKind, Mutation, MutationKind, WriteHalf};
use crate::storage::cache::RecordCache;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::compaction::{
    CompactionDelivery, CompactionInput, CompactionPlan, CompactionState,
};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_header::Origin;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::index::{KeyVersion, KeyspaceChanges, KeyspaceIndexes, Slot};
use crate::storage::key_range::KeyInterval;
use crate::storage::log::LogWriter;
use crate::storage::log::reserve::{Reserve, with_reserve};
use crate::storage::recovery::hint_writer::HintWriter;
use crate::storage::recovery::{Recovered, RecoveryReport, recover};
use crate::storage::segment::{Location, Segment, SegmentTable};
use crate::sync::Arc;
use crate::{Error, Result};

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
    indexes: KeyspaceIndexes<Location>,
    pub(super) accounting: Accounting,
    cache: Arc<RecordCache>,
    pub(super) compaction_bytes_min: u64,
    pub(super) compaction: CompactionState,
    pub(super) reserve: Reserve,
    /// Sealed segments that have no hint, in the order in which they are to get one.
    unhinted: VecDeque<Arc<Segment>>,
    /// The segment whose hint is being written in the background.
    pub(super) hint_in_progress: Option<Arc<Segment>>,
    /// A sync runs in the background.
    is_syncing: bool,
}

impl KvsWriter {
    /// Recovers the log of an environment.
    pub(crate) fn open(
        environment: LogEnvironment,
        compaction_bytes_min: u64,
        cache_bytes: usize,
    ) -> Result<(Self, KvsReader, RecoveryReport)> {
        let mut indexes = KeyspaceIndexes::new();
        let recovered = recover(&environment, &mut indexes, &Threads::new())?;
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
            reserve,
            unhinted,
            hint_in_progress: None,
            is_syncing: false,
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
                    accounting.add_live(&slot);
                    changes.push(keyspace, KeyVersion { key, version, slot });
                }
                MutationKind::RemoveRange { start, end } => {
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

    fn prune(&mut self) {
        let Self { indexes, accounting, .. } = self;
        indexes.prune(|location, gone| accounting.note_forgotten(&location, gone));
    }

    /// Reports every unreachable version as garbage. Returns true if an open snapshot may still see
    /// overwritten versions.
    fn prune_all(&mut self) -> bool {
        // Before: a snapshot that goes while it prunes may have kept something back.
        let has_old_snapshots = self.indexes.readers().horizon().has_old_snapshots();
        self.prune();
        has_old_snapshots
    }

    /// Chooses the segments to compact.
    fn choose(&mut self) -> Result<Vec<SegmentId>> {
        if self.reserve.full().is_some() {
            return self.choose_when_full();
        }
        let garbage_bytes_min = self.compaction_bytes_min;
        if !self.accounting.look(garbage_bytes_min) {
            return Ok(Vec::new());
        }
        // The segment that begins where another ends may be all that says where that is.
        self.log.mark_sealed(&mut self.accounting)?;
        if let Some(active) = self.log.active()
            && self.accounting.is_mostly_garbage(active, garbage_bytes_min)
        {
            self.log.seal(&mut self.accounting)?;
        }
        let output_bytes_max = self.log.environment().segment_bytes_max;
        Ok(self.accounting.choose(garbage_bytes_min, output_bytes_max))
    }

    /// Chooses the segments to compact, and plans the compaction.
    fn plan_compaction(&mut self, has_old_snapshots: bool) -> Result<Option<CompactionPlan>> {
        let chosen = self.choose()?;
        if chosen.is_empty() {
            return Ok(None);
        }
        let unsynced = self.log.unsynced().map(|segment| segment.id()).min();
        let mut inputs = self.log.table().all();
        inputs.retain(|segment| chosen.contains(&segment.id()));
        let accounting = &mut self.accounting;
        let input = |segment: Arc<Segment>| {
            let may_hold_unmarked =
                accounting.get(segment.id()).is_none_or(|usage| usage.may_hold_unmarked);
            let may_hold_unmarked =
                (has_old_snapshots || may_hold_unmarked) && !planted(Bug::TrustMarks);
            CompactionInput {
                dead: accounting.dead_bitmap(segment.id()),
                may_hold_unmarked,
                segment,
            }
        };
        let inputs = inputs.into_iter().map(input).collect();
        let next = self.log.next_begun();
        let output = self.log.take_segment_id()?;
        let plan = CompactionPlan {
            environment: self.log.environment().clone(),
            indexes: self.indexes.readers(),
            table: Arc::clone(self.log.table()),
            inputs,
            output,
            outside: self.accounting.outside(&chosen),
            // The next segment may have been made ahead, and then has a lower id than the output.
            unsynced_from: unsynced.or(self.log.active()).unwrap_or(next),
        };
        self.compaction = CompactionState::Copying(plan.replacement());
        Ok(Some(plan))
    }

    fn take_compaction(&mut self, delivery: CompactionDelivery) {
        match delivery {
            CompactionDelivery::Output(segment, removals) => {
                let bytes = segment.file.length().unwrap_or(0);
                self.accounting.add(segment.id(), Origin::Compacted, bytes, true);
                for (sequence, location) in removals {
                    self.accounting.note_sequence(location.segment, sequence);
                    self.accounting.note_kept_tombstone(&location);
                }
                self.log.table().add(Arc::clone(&segment));
                self.unhinted.push_back(segment);
                self.compaction.note_output();
            }
            CompactionDelivery::Moves(moves) => {
                let has_old_snapshots = self.prune_all();
                let accounting = &mut self.accounting;
                for (keyspace, moved) in &moves {
                    accounting.note_sequence(moved.to.segment, moved.version);
                    if !moved.to.is_tombstone() {
                        accounting.note_key(moved.to.segment, (*keyspace, &moved.key));
                    }
                    if has_old_snapshots {
                        accounting.note_unmarked(moved.to.segment);
                    }
                }
                self.indexes.repoint(moves, |moved, is_there| {
                    if is_there {
                        accounting.move_live(&moved.from, &moved.to);
                    } else if moved.to.is_tombstone() {
                        accounting.note_kept_tombstone(&moved.to);
                    } else {
                        accounting.mark_never_live(&moved.to);
                    }
                });
            }
            CompactionDelivery::Removed(inputs) => {
                // The last handle of a removed file frees its space, which takes long: none stays
                // here.
                self.log.table().remove(&inputs);
                self.log.forget(&inputs);
                self.unhinted.retain(|segment| !inputs.contains(&segment.id()));
                for input in inputs {
                    self.accounting.remove(input);
                }
                self.compaction = CompactionState::Releasing;
                let (bytes, live) = (self.accounting.bytes(), self.accounting.live_bytes());
                log::info!("compaction finished: {live} of {bytes} bytes are live");
            }
            CompactionDelivery::Released => {
                self.compaction = CompactionState::Idle;
                self.reserve.look_again();
            }
        }
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
            return if durable { self.log.sync() } else { Ok(()) };
        }
        if durable && !planted(Bug::AcknowledgeBeforeSync) {
            self.log.sync()?;
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
        self.log.sync()
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
            Ok(plan) => {
                plan.map(|plan| Box::new(CompactionJob::new(plan)) as Box<dyn BackgroundJob>)
            }
            Err(error) => {
                self.note_failed_compaction(&error);
                log::warn!("cannot start a compaction: {error}");
                None
            }
        }
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
            JobResult::Synced(sequence) => {
                self.is_syncing = false;
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
                self.compaction.note_failure();
            }
        }
    }

    fn due(&self, now: UnixMillis, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        self.indexes.due(now, limit)
    }

    fn check_files(&mut self) -> Result<()> {
        self.log.check_files(self.compaction.inputs())
    }

    fn next_deadline(&self) -> Option<UnixMillis> {
        self.indexes.next_deadline()
    }

    fn close(&mut self) -> Result<()> {
        let Self { log, reserve, accounting, compaction, .. } = self;
        let environment = log.environment().clone();
        with_reserve(reserve, &environment, || log.close(accounting, compaction))
    }
}
