//! The writer actor: the one owner of the engine's write half.
//!
//! | channel | from | carries | bound and what happens at it |
//! |---|---|---|---|
//! | mailbox | every [`Store`](super::Store) handle, connection workers | [`WriterMessage::Write`], [`WriterMessage::Sync`], [`WriterMessage::Backup`], [`WriterMessage::Compact`], [`WriterMessage::Record`], [`WriterMessage::Stats`] | [`MAILBOX_MESSAGES`]; callers wait, workers stop reading their sockets |
//! | mailbox | maintenance | ticks and what its jobs bring | the same; maintenance waits |
//! | jobs | to maintenance | syncs; preparations; compactions and hints | one of each at a time, so there is always room |
//! | replies | to callers | outcomes | one place per request, so answering never blocks |
//!
//! One turn takes every waiting message up to [`WRITER_MESSAGES_MAX`], commits their batches as one
//! group and answers them: that is group commit. The writer waits for nobody but the disk. After a
//! failure that leaves the log in doubt it answers every later write with the reason.
//!
//! Expired keys are removed by [a group of their own](super::expired_keys): after any group, so that
//! a stream of writes does not hold it off, and when no message came. Before a group keys are
//! [evicted](super::eviction) if the memory is used up. What a clear removed is taken apart [when
//! there is time](super::drain_schedule).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::catalogue_version::CatalogueVersion;
use super::change::RemovalCause;
use super::change_recorder::ChangeRecorder;
use super::change_ring::{ChangeRing, RecordedGroup};
use super::clock::Clock;
use super::compaction_calls::CompactionCalls;
use super::drain_schedule::DrainSchedule;
use super::eviction_state::{Eviction, EvictionEnd};
use super::expiry_schedule::ExpirySchedule;
use super::health::Health;
use super::limits::SizeLimits;
use super::maintenance_message::MaintenanceMessage;
use super::memory_limit::MemoryLimit;
use super::named_keyspaces::{NamedChanges, NamedKeyspaces};
use super::queued_request::QueuedRequest;
use super::removal_counts::RemovalCounts;
use super::request::{FailedGroup, WriteRequest};
use super::resolve::Resolver;
use super::write_path::SyncReply;
use super::writer_message::WriterMessage;
use super::writer_stats::WriterStats;
use super::writer_thread::WriterThread;
use crate::actor::{Actor, Address, Wait};
use crate::bugs::{Bug, if_planted, planted};
use crate::engine::{BackupPoint, Group, ReadHalf, Sequence, WriteHalf};
use crate::sync::Arc;
use crate::{Durability, Error, GroupStats, Result};

/// The most messages that wait for the writer; at the limit senders wait, which is the back
/// pressure.
pub(crate) const MAILBOX_MESSAGES: usize = 1024;

/// The most messages that one group takes; the rest waits for the next group.
const WRITER_MESSAGES_MAX: usize = 1024;

/// The bytes of keys and values that close a group; it is committed and the next one begins.
pub(super) const GROUP_BYTES_MAX: usize = 8 << 20;

/// The longest time that writes are acknowledged without a look at the files they go to.
const FILES_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The writer's state.
pub(crate) struct Writer {
    pub(super) engine: Box<dyn WriteHalf>,
    pub(super) reader: Arc<dyn ReadHalf>,
    pub(super) jobs: Address<MaintenanceMessage>,
    pub(super) clock: Clock,
    pub(super) limits: SizeLimits,
    pub(super) durability: Durability,
    pub(super) health: Arc<Health>,
    pub(super) memory: Arc<MemoryLimit>,
    pub(super) removed: Arc<RemovalCounts>,
    pub(super) eviction: Eviction,
    named: NamedKeyspaces,
    catalogue_version: Arc<CatalogueVersion>,
    pub(super) expiry: ExpirySchedule,
    drain: DrainSchedule,
    pub(super) compactions: CompactionCalls,
    /// Gets every change from the first watch on.
    recorder: Option<ChangeRecorder>,
    watch_bytes: usize,
    groups: GroupStats,
    /// Its own thread, for the turns that others take.
    pub(super) thread: WriterThread,
    /// The last group failed, which was logged, or the disk is full.
    is_failing: bool,
    /// The time of the last look at the files.
    files_checked: Instant,
}

/// The parts that a [`Writer`] is made of.
pub(crate) struct WriterParts {
    pub(crate) engine: Box<dyn WriteHalf>,
    pub(crate) reader: Arc<dyn ReadHalf>,
    pub(crate) clock: Clock,
    pub(crate) limits: SizeLimits,
    pub(crate) durability: Durability,
    pub(crate) health: Arc<Health>,
    pub(crate) memory: Arc<MemoryLimit>,
    pub(crate) removed: Arc<RemovalCounts>,
    /// Decides which keys are looked at when some are to be evicted.
    pub(crate) seed: u64,
    pub(crate) catalogue_version: Arc<CatalogueVersion>,
    /// The memory for the latest changes, once they are watched.
    pub(crate) watch_bytes: usize,
}

/// Requests that concern the group that is being put together.
#[derive(Default)]
struct GroupRequests {
    /// Only the last one may have batches left for the next group.
    writes: Vec<WriteRequest>,
    /// The versions of batches that do nothing but remove keys.
    removals: Vec<Sequence>,
    syncs: Vec<SyncReply>,
}

impl Writer {
    /// Returns the writer of an engine that was just opened; jobs go to maintenance by the address.
    pub(crate) fn new(parts: WriterParts, jobs: Address<MaintenanceMessage>) -> Self {
        let WriterParts { engine, reader, clock, limits, durability, health, memory, .. } = parts;
        Self {
            thread: WriterThread::new(&*engine),
            engine,
            reader,
            jobs,
            clock,
            limits,
            durability,
            health,
            memory,
            removed: parts.removed,
            eviction: Eviction::new(parts.seed),
            named: NamedKeyspaces::default(),
            catalogue_version: parts.catalogue_version,
            expiry: ExpirySchedule::new(clock.instant()),
            drain: DrainSchedule::new(),
            compactions: CompactionCalls::default(),
            recorder: None,
            watch_bytes: parts.watch_bytes,
            groups: GroupStats::default(),
            is_failing: false,
            files_checked: clock.instant(),
        }
    }

    /// Commits what waits in as few groups as its size allows, and answers it.
    fn commit_all(&mut self, mut queue: VecDeque<QueuedRequest>) {
        let reads = queue.iter().any(QueuedRequest::reads);
        while !queue.is_empty() {
            if let Some(failure) = self.health.failure() {
                queue.into_iter().for_each(|waiting| waiting.refuse(failure));
                return;
            }
            self.evict_if_over();
            let (group, pending) = self.gather(&mut queue, reads);
            if let Some(unfinished) = self.commit(group, pending) {
                queue.push_front(QueuedRequest::Write(unfinished));
            }
            // A mailbox that is never empty leaves no idle time.
            self.expire_if_due();
        }
    }

    /// Takes from the queue until the group is large enough.
    ///
    /// A short request may rewrite a large value, so a group may end between two batches of a
    /// request.
    fn gather(&self, queue: &mut VecDeque<QueuedRequest>, reads: bool) -> (Group, GroupRequests) {
        let mut resolver = self.resolver(reads);
        let mut pending = GroupRequests::default();
        while resolver.bytes() < GROUP_BYTES_MAX
            && let Some(waiting) = queue.pop_front()
        {
            match waiting {
                QueuedRequest::Write(mut request) => {
                    request.resolve(&mut resolver, GROUP_BYTES_MAX);
                    pending.writes.push(request);
                }
                QueuedRequest::Sync(reply) => pending.syncs.push(reply),
            }
        }
        let (group, removals) = resolver.finish();
        (group, GroupRequests { removals, ..pending })
    }

    /// Returns an empty group; `reads` is true if an operation of it depends on what is stored.
    pub(super) fn resolver(&self, reads: bool) -> Resolver<'_> {
        let (now, next) = (self.clock.now(), self.engine.next_sequence());
        let resolver = Resolver::new(&*self.reader, self.limits, now, next, reads);
        let resolver = resolver.syncing(self.always_syncs());
        let resolver = resolver.among(&self.named).on_full(self.engine.full());
        resolver.on_memory_full(self.memory_full())
    }

    /// Commits one group and answers its requests; the one that is not finished is given back.
    fn commit(&mut self, group: Group, mut pending: GroupRequests) -> Option<WriteRequest> {
        let committed = self.commit_requests(group, &mut pending.writes, &pending.removals);
        let mut unfinished = None;
        for request in pending.writes {
            unfinished = request.answer();
        }
        if pending.syncs.is_empty() {
            return unfinished;
        }
        // A group that was undone does not concern what was acknowledged before it.
        let synced = match committed {
            Err(error @ Error::UnknownOutcome(_)) => Err(error),
            _ => self.engine.sync().inspect_err(|error| self.fail(error)),
        };
        for reply in pending.syncs {
            reply.send(synced.clone());
        }
        unfinished
    }

    /// Commits the group of these requests and notes in them how it went; `removals` are the
    /// versions of batches that do nothing but remove keys.
    pub(super) fn commit_requests<R>(
        &mut self,
        mut group: Group,
        requests: &mut [WriteRequest<R>],
        removals: &[Sequence],
    ) -> Result<()> {
        // A group that could not be synced has its sequence numbers all the same.
        let mut first = self.engine.next_sequence();
        let mut committed = self.apply(&mut group, RemovalCause::Request);
        if let Err(error) = &committed
            && self.engine.full().is_some()
            && !removals.is_empty()
            && !group.only_removes()
        {
            // They free the space that the others did not find.
            let failed = FailedGroup::new(&group, first, error);
            group = self.separate_removals(&failed, requests, removals);
            first = self.engine.next_sequence();
            committed = self.apply(&mut group, RemovalCause::Request);
        }
        if let Err(error) = &committed {
            let failed = FailedGroup::new(&group, first, error);
            requests.iter_mut().for_each(|request| request.fail(&failed));
        }
        requests.iter_mut().for_each(WriteRequest::settle);
        committed
    }

    /// Returns true if writes wait for the disk unless they say that they do not.
    pub(super) fn always_syncs(&self) -> bool {
        matches!(self.durability, Durability::Always)
    }

    /// Hands a group to the engine, and tells those who watch of it once it is visible.
    pub(super) fn apply(&mut self, group: &mut Group, cause: RemovalCause) -> Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        self.groups.note(group.mutations());
        self.note_uses(group);
        let changes = NamedChanges::of(group);
        let first = self.engine.next_sequence();
        let mut recorded = self.recorder.as_ref().map(|it| it.copy(group, first, cause));
        if_planted!(TellUnpublished => self.tell(recorded.take()));
        let committed = self.commit_group(group);
        if committed.is_ok() {
            changes.dropped.iter().for_each(|keyspace| self.engine.note_dropped(*keyspace));
            if !changes.is_empty() {
                self.catalogue_version.note_change();
            }
            self.named.change(changes);
            self.note_memory();
        }
        self.note(&committed);
        if committed.is_ok() {
            self.tell(recorded.take());
        }
        committed
    }

    fn tell(&self, recorded: Option<RecordedGroup>) {
        if let (Some(recorder), Some(group)) = (&self.recorder, recorded) {
            recorder.tell(group);
        }
    }

    /// Returns the ring that gets every change from now on.
    fn record(&mut self) -> Arc<ChangeRing> {
        let (bytes_max, next) = (self.watch_bytes, self.engine.next_sequence());
        self.recorder.get_or_insert_with(|| ChangeRecorder::new(bytes_max, next)).ring()
    }

    /// Returns the files of everything committed so far.
    fn backup_point(&mut self) -> Result<Option<BackupPoint>> {
        match self.health.failure() {
            Some(failure) => Err(failure.poisoned()),
            None => self.engine.backup_point(),
        }
    }

    fn stats(&mut self) -> WriterStats {
        WriterStats { groups: self.groups.clone(), engine: self.engine.stats() }
    }

    fn commit_group(&mut self, group: &mut Group) -> Result<()> {
        // The tick that does this may be late, and nothing is acknowledged meanwhile.
        if self.clock.instant().saturating_duration_since(self.files_checked)
            >= FILES_CHECK_INTERVAL
        {
            self.check_files()?;
        }
        let needs_sync = group.needs_sync();
        self.engine.commit(group, needs_sync)
    }

    /// Stops taking writes if the directory or a file of the store was removed or replaced.
    pub(super) fn check_files(&mut self) -> Result<()> {
        self.files_checked = self.clock.instant();
        self.engine.check_files().inspect_err(|error| self.fail(error))
    }

    /// Makes a group of those batches of a failed one that do nothing but remove keys, decided anew
    /// without the others, which have failed.
    fn separate_removals<R>(
        &self,
        failed: &FailedGroup<'_>,
        requests: &mut [WriteRequest<R>],
        removals: &[Sequence],
    ) -> Group {
        let (now, next) = (self.clock.now(), self.engine.next_sequence());
        let resolver = Resolver::new(&*self.reader, self.limits, now, next, true);
        let mut resolver = resolver.among(&self.named).syncing(failed.needs_sync());
        for request in requests {
            request.retry_removals(failed, removals, &mut resolver);
        }
        resolver.finish().0
    }

    /// Logs when commits begin to fail and when they succeed again, and stops taking writes if one
    /// leaves the log in doubt, or would lie behind damage.
    fn note(&mut self, committed: &Result<()>) {
        let is_full = self.engine.full().is_some();
        match committed {
            Err(error @ Error::UnknownOutcome(_)) => self.fail(error),
            Err(error @ Error::Corrupt { .. }) => self.stop_at_damage(error),
            // The look at the files has said so.
            Err(Error::Removed { .. }) => {}
            Err(error) if !self.is_failing => {
                log::warn!(
                    "a write failed and was undone: {error} (no more are logged until one succeeds)"
                );
            }
            Ok(()) if self.is_failing && !is_full => log::info!("writes succeed again"),
            _ => {}
        }
        self.set_failing(committed.is_err() || is_full);
    }

    /// Notes whether writes fail at present.
    pub(super) fn set_failing(&mut self, is_failing: bool) {
        if self.is_failing != is_failing {
            self.is_failing = is_failing;
            self.health.set_failing(is_failing);
        }
    }

    /// Stops taking writes because of damage. At the end of the log the next open would take it for
    /// a torn end, and cut it off, but for the mark of a close behind it.
    pub(super) fn stop_at_damage(&mut self, error: &Error) {
        if let Err(failed) = self.engine.close() {
            log::warn!(
                "cannot mark the end of the damaged log: {failed}; the next open may take it for a \
                 torn one"
            );
        }
        self.fail(error);
    }

    /// Stops taking writes.
    pub(super) fn fail(&self, error: &Error) {
        let cause = match error {
            Error::UnknownOutcome(cause) => cause,
            other => other,
        };
        log::error!("the store takes no more writes: {cause}; restart to open it again");
        self.health.fail(|| error.clone());
    }
}

impl Actor for Writer {
    type Message = WriterMessage;
    const MESSAGES_MAX: usize = WRITER_MESSAGES_MAX;

    fn handle(&mut self, messages: &mut Vec<WriterMessage>) {
        self.look_for_maintenance();
        let (mut queue, mut backups) = (VecDeque::new(), Vec::new());
        for message in messages.drain(..) {
            match message {
                WriterMessage::Write { batches, reply } => {
                    queue.push_back(QueuedRequest::Write(WriteRequest::new(batches, reply)));
                }
                WriterMessage::Sync { reply } => queue.push_back(QueuedRequest::Sync(reply)),
                WriterMessage::Backup { reply } => backups.push(reply),
                WriterMessage::Compact(call) => self.compactions.add(call),
                WriterMessage::Record { reply } => reply.send(self.record()),
                WriterMessage::Stats { reply } => reply.send(self.stats()),
                // What maintenance says concerns no request, so its place among them does not
                // matter.
                WriterMessage::Tick => self.tick(),
                WriterMessage::Upkeep => self.expire_if_due(),
                WriterMessage::Delivered { delivery, is_last } => {
                    self.deliver(Ok(delivery));
                    if !is_last {
                        self.tell_maintenance(MaintenanceMessage::Resume);
                    }
                }
                WriterMessage::JobFailed(kind, error) => self.deliver(Err((kind, error))),
            }
        }
        self.thread.note_requests(queue.len());
        self.commit_all(queue);
        backups.into_iter().for_each(|reply| reply.send(self.backup_point()));
        self.evict_between_writes();
        self.drain.step(&mut *self.engine, self.clock);
        self.offer_upkeep();
        self.thread.note_turn(&*self.engine);
    }

    fn wait(&self) -> Wait {
        if self.eviction.ended == EvictionEnd::Turn {
            return Wait::NotAtAll;
        }
        let is_expiring = self.engine.next_deadline().is_some() && self.health.failure().is_none();
        let expiry =
            if is_expiring { self.expiry.wait(self.clock.instant()) } else { Wait::Forever };
        self.drain.wait(&*self.engine, expiry)
    }

    fn idle(&mut self) {
        self.expire_if_due();
        self.evict_between_writes();
        self.drain.step(&mut *self.engine, self.clock);
        self.offer_upkeep();
        self.thread.note_turn(&*self.engine);
    }

    fn stop(&mut self) {
        if self.health.failure().is_some() || planted(Bug::SkipClose) {
            return;
        }
        if let Err(error) = self.engine.close() {
            self.fail(&error);
        }
    }
}
