//! The writer and maintenance actors over a simulated disk, driven by hand.

use std::time::Duration;

use super::Model;
use super::effect::{effect, placed, unplaced};
use crate::actor::{Actor, Address, Mailbox, PendingReply, Reply, Wait, mailbox};
use crate::engine::{
    self, DirectoryLock, Engine, KeyRange, KeyspaceId, Page, ReadHalf, ScanPage, Sequence,
    WriteHalfStats,
};
use crate::storage::fs::simulated::{Promised, SimulatedDisk};
use crate::store::clock::{Clock, manual};
use crate::store::compaction_calls::{CompactionCall, SharedProgress};
use crate::store::eviction_state::EvictedKey;
use crate::store::health::Health;
use crate::store::maintenance::Maintenance;
use crate::store::maintenance_message::MaintenanceMessage;
use crate::store::memory_limit::MemoryLimit;
use crate::store::writer::{Writer, WriterParts};
use crate::store::writer_message::WriterMessage;
use crate::store::{
    Applied, Batch, BatchOutcome, SizeLimits, Update, WriteAnswers, WriteOperation,
};
use crate::sync::Arc;
use crate::{CompactReport, Durability, Error, Options, Result};

/// The least number of keyspaces that are looked into, as operations name some by their numbers.
const KEYSPACES_MIN: u32 = 5;

/// More than anything here has.
const MANY: usize = 1 << 20;

/// A state the store was in, after the batch with this sequence number.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) sequence: u64,
    pub(super) model: Model,
}

/// An open store, and every state it was in.
pub(super) struct Machine {
    pub(super) disk: SimulatedDisk,
    options: Options,
    writer: Writer,
    requests: Mailbox<WriterMessage>,
    address: Address<WriterMessage>,
    maintenance: Maintenance,
    jobs: Mailbox<MaintenanceMessage>,
    pub(super) reader: Arc<dyn ReadHalf>,
    pub(super) health: Arc<Health>,
    _lock: Option<DirectoryLock>,
    /// The state when it was made, and the one after each batch since.
    pub(super) pasts: Vec<Past>,
    pub(super) promised: Promised,
    writes: usize,
    /// The writes for which the caller took the turn.
    pub(super) direct_turns: u64,
}

impl Machine {
    /// Opens what is on the disk, which is the last of these states, and durable.
    pub(super) fn open(disk: &SimulatedDisk, options: &Options, pasts: Vec<Past>) -> Result<Self> {
        let opened = engine::open_in(options, Arc::new(disk.clone()))?;
        let Engine { writer, reader, lock, .. } = opened;
        let (address, requests) = mailbox(64);
        let (jobs_address, jobs) = mailbox(crate::store::maintenance::MAILBOX_JOBS);
        let health = Arc::new(Health::default());
        let parts = WriterParts {
            engine: writer,
            reader: Arc::clone(&reader),
            clock: Clock::manual(),
            limits: SizeLimits::new(options),
            durability: options.durability,
            health: Arc::clone(&health),
            memory: Arc::new(MemoryLimit::new(options, Clock::manual().instant())),
            removed: Arc::default(),
            seed: 1,
            catalogue_version: Arc::default(),
            watch_bytes: options.watch_bytes,
        };
        let last = pasts.len() - 1;
        Ok(Self {
            disk: disk.clone(),
            options: options.clone(),
            writer: Writer::new(parts, jobs_address),
            requests,
            maintenance: Maintenance::new(address.downgrade(), Duration::MAX),
            address,
            jobs,
            reader,
            health,
            _lock: lock,
            pasts,
            promised: Promised { killed: last, power_lost: last },
            writes: 0,
            direct_turns: 0,
        })
    }

    /// Writes batches in one turn of the writer: two in three in a turn of the caller, where that
    /// can be, others handed over, each by a caller of its own.
    pub(super) fn write(&mut self, batches: Vec<Batch>) -> Vec<BatchOutcome> {
        self.writes += 1;
        let is_direct = !self.writes.is_multiple_of(3);
        if is_direct
            && self.address.is_empty()
            && self.writer.may_be_direct(self.writer.waits_for_disk())
        {
            return self.write_directly(batches);
        }
        let mut answers = Vec::new();
        let mut effects = Vec::new();
        for batch in batches {
            effects.push((effect(&batch), self.syncs(&batch)));
            let (reply, answer) = Reply::channel();
            let message = WriterMessage::Write { batches: vec![batch], reply };
            assert!(self.address.try_send(message).is_ok());
            answers.push(answer);
        }
        let had_failed = self.take_turn();
        let outcomes: Vec<_> =
            answers.into_iter().flat_map(|answer| answer.wait().expect("answered")).collect();
        for ((effect, syncs), outcome) in effects.iter().zip(&outcomes) {
            self.note_evicted(outcome);
            self.note(effect, *syncs, outcome);
        }
        self.note_all_evicted();
        self.note_expired(had_failed);
        self.disk.promise(self.promised);
        outcomes
    }

    /// Writes batches as a caller does that has the turn, and then lets the writer's thread do what
    /// the turn left to it.
    fn write_directly(&mut self, batches: Vec<Batch>) -> Vec<BatchOutcome> {
        self.direct_turns += 1;
        let effects: Vec<_> =
            batches.iter().map(|batch| (effect(batch), self.syncs(batch))).collect();
        let outcomes = match <[Batch; 1]>::try_from(batches) {
            Ok([batch]) => vec![self.writer.write(batch)],
            Err(batches) => self.writer.write_all(batches),
        };
        for ((effect, syncs), outcome) in effects.iter().zip(&outcomes) {
            self.note_evicted(outcome);
            self.note(effect, *syncs, outcome);
        }
        self.disk.promise(self.promised);
        if self.writer.take_upkeep() {
            assert!(self.address.try_send(WriterMessage::Upkeep).is_ok());
            self.turn();
        }
        outcomes
    }

    /// Returns true if a batch is acknowledged only once it survives power loss.
    fn syncs(&self, batch: &Batch) -> bool {
        batch.sync.unwrap_or(self.options.durability == Durability::Always)
    }

    /// Notes what became of a batch; `syncs` is true if its acknowledgement is a promise for power
    /// loss, too.
    fn note(&mut self, effect: &dyn Fn(&mut Model), syncs: bool, outcome: &BatchOutcome) {
        let after = |past: &Past, sequence| {
            let mut model = past.model.clone();
            effect(&mut model);
            Past { sequence, model }
        };
        match outcome {
            Ok(applied) => {
                let Some(version) = applied.version else { return };
                let past = after(&self.pasts[self.pasts.len() - 1], version.0);
                self.pasts.push(past);
                let last = self.pasts.len() - 1;
                self.promised.killed = last;
                if syncs {
                    self.promised.power_lost = last;
                }
            }
            // It may be on the disk with or without the others of its group.
            Err(Error::UnknownOutcome(_)) => {
                let doubtful = &self.pasts[self.promised.killed..];
                let more: Vec<_> = doubtful.iter().map(|past| after(past, u64::MAX)).collect();
                self.pasts.extend(more);
            }
            Err(_) => {}
        }
    }

    /// Returns the newest state.
    pub(super) fn now(&self) -> &Model {
        &self.pasts[self.pasts.len() - 1].model
    }

    /// Notes the keys that the writer evicted before the batch with this outcome.
    fn note_evicted(&mut self, outcome: &BatchOutcome) {
        let version = outcome.as_ref().ok().and_then(|applied| applied.version);
        let groups = &self.writer.eviction.groups;
        let count = groups.iter().take_while(|(first, ..)| version.is_some_and(|it| *first < it));
        let count = count.count();
        let before: Vec<_> = self.writer.eviction.groups.drain(..count).collect();
        self.note_evicted_groups(before);
    }

    /// Notes the keys that the writer evicted in this turn and that are not noted yet.
    fn note_all_evicted(&mut self) {
        let all = std::mem::take(&mut self.writer.eviction.groups);
        self.note_evicted_groups(all);
    }

    fn note_evicted_groups(&mut self, groups: Vec<(Sequence, Vec<EvictedKey>, Result<usize>)>) {
        let syncs = self.options.durability == Durability::Always;
        for (first, keys, outcome) in groups {
            let keys: Vec<_> = keys.iter().map(|(keyspace, key)| placed(*keyspace, key)).collect();
            if let Err(Error::UnknownOutcome(_)) = outcome {
                // Some of them are gone, the first ones first.
                let doubtful = self.pasts[self.promised.killed..].to_vec();
                for gone in 1..=keys.len() {
                    self.pasts.extend(doubtful.iter().cloned().map(
                        |Past { mut model, .. }| {
                            model.retain(|key, _| !keys[..gone].contains(key));
                            Past { sequence: u64::MAX, model }
                        },
                    ));
                }
            } else if let Ok(removed) = outcome {
                assert_eq!(removed, keys.len(), "only keys are chosen that are there");
                for (position, key) in keys.iter().enumerate() {
                    let version = Some(first.plus(position));
                    let applied = Ok(Applied { version, answers: WriteAnswers::new() });
                    self.note(&|model: &mut Model| drop(model.remove(key)), syncs, &applied);
                }
            }
        }
    }

    /// Notes the expired keys that the writer removed in this turn, the soonest first as it does.
    fn note_expired(&mut self, had_failed: bool) {
        let due = self.expired();
        let is_gone = |key: &&Vec<u8>| {
            let (keyspace, key) = unplaced(key);
            let reader = self.reader.keyspace(keyspace);
            reader.and_then(|reader| reader.metadata(key)).is_ok_and(|found| found.is_none())
        };
        let gone = due.iter().take_while(is_gone).count();
        let is_in_doubt = gone == 0 && !had_failed && self.health.failure().is_some();
        if gone > 0 {
            let newest = self.reader.snapshot().expect("the engine has snapshots").sequence();
            for (version, key) in (newest.0 + 1 - gone as u64..).zip(&due[..gone]) {
                let applied =
                    Applied { version: Some(Sequence(version)), answers: WriteAnswers::new() };
                let syncs = self.options.durability == Durability::Always;
                self.note(&|model: &mut Model| drop(model.remove(key)), syncs, &Ok(applied));
            }
        } else if is_in_doubt {
            for key in &due {
                let unknown = Err(Error::UnknownOutcome(Arc::new(Error::Closed)));
                self.note(&|model: &mut Model| drop(model.remove(key)), false, &unknown);
            }
        }
    }

    /// Returns the acknowledged keys whose time has passed, the soonest first.
    pub(super) fn expired(&self) -> Vec<Vec<u8>> {
        let model = &self.pasts[self.promised.killed].model;
        let due = model.iter().filter_map(|(key, (_, expires_at))| {
            expires_at.filter(|time| *time <= manual::now()).map(|time| (time, key.clone()))
        });
        let mut due: Vec<_> = due.collect();
        due.sort();
        due.into_iter().map(|(_, key)| key).collect()
    }

    /// Lets the writer take what waits for it, and what its clock says is to be done.
    pub(super) fn turn(&mut self) {
        let had_failed = self.take_turn();
        self.note_all_evicted();
        self.note_expired(had_failed);
        self.disk.promise(self.promised);
    }

    /// Does the work of [`turn`](Self::turn) before anything is noted; returns true if the store
    /// had failed before.
    fn take_turn(&mut self) -> bool {
        let had_failed = self.health.failure().is_some();
        let mut messages = Vec::new();
        self.requests.receive_now(&mut messages, MANY);
        for message in &messages {
            if let WriterMessage::Delivered { delivery, .. } = message
                && let Some(sequence) = delivery.synced()
            {
                let durable = self.pasts.iter().rposition(|past| past.sequence <= sequence.0);
                self.promised.power_lost = self.promised.power_lost.max(durable.unwrap_or(0));
            }
        }
        self.writer.handle(&mut messages);
        if matches!(self.writer.wait(), Wait::NotAtAll | Wait::For(Duration::ZERO)) {
            self.writer.idle();
        }
        had_failed
    }

    /// Lets time pass, after which the writer does what has become due.
    pub(super) fn pass(&mut self, time: Duration) {
        manual::pass(time);
        self.turn();
    }

    /// Lets time pass: hands to maintenance what is not durable.
    pub(super) fn tick(&mut self) {
        assert!(self.address.try_send(WriterMessage::Tick).is_ok());
        self.turn();
    }

    /// Asks for a sync and waits for it.
    pub(super) fn sync(&mut self) -> Result<()> {
        let (reply, answer) = Reply::channel();
        assert!(self.address.try_send(WriterMessage::Sync { reply }).is_ok());
        self.turn();
        let synced = answer.wait().expect("answered");
        if synced.is_ok() {
            self.promised.power_lost = self.promised.killed;
        }
        self.disk.promise(self.promised);
        synced
    }

    /// Asks for a compaction pass, which [`step`](Self::step) runs.
    pub(super) fn ask_to_compact(&mut self) -> PendingReply<Result<Option<CompactReport>>> {
        let (reply, answer) = Reply::channel();
        let call = CompactionCall { reply, progress: SharedProgress::default() };
        assert!(self.address.try_send(WriterMessage::Compact(call)).is_ok());
        self.turn();
        answer
    }

    /// Returns the figures of the log.
    pub(super) fn figures(&mut self) -> WriteHalfStats {
        self.writer.engine.stats()
    }

    /// Lets maintenance do one step, and the writer take what it brought and do a step of what
    /// clears left to it; false if there was nothing to do.
    pub(super) fn step(&mut self) -> bool {
        let mut jobs = Vec::new();
        self.jobs.receive_now(&mut jobs, MANY);
        self.maintenance.handle(&mut jobs);
        let is_busy = matches!(self.maintenance.wait(), Wait::NotAtAll);
        if is_busy {
            self.maintenance.idle();
        }
        let has_work = is_busy || self.writer.engine.is_draining();
        if has_work {
            self.turn();
        }
        has_work
    }

    /// Lets maintenance finish.
    pub(super) fn maintain(&mut self) {
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < 10_000, "maintenance does not end");
        }
    }

    /// Returns the options that it was opened with.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Sets the states since it was opened, the last one durable.
    pub(super) fn restore(&mut self, pasts: Vec<Past>) {
        let last = pasts.len() - 1;
        self.pasts = pasts;
        self.promised = Promised { killed: last, power_lost: last };
        self.disk.promise(self.promised);
    }

    /// Closes cleanly, if it can.
    pub(super) fn close(&mut self) {
        self.writer.stop();
    }

    /// Closes cleanly and opens again.
    pub(super) fn reopen(mut self) -> Result<Self> {
        self.close();
        let Self { disk, options, pasts, writer, _lock, .. } = self;
        drop((writer, _lock));
        Self::open(&disk, &options, pasts)
    }

    /// Returns everything that is stored, read in the ways there are.
    pub(super) fn contents(&self) -> Result<Model> {
        contents(&*self.reader)
    }
}

/// Returns everything that is stored, by a scan and key by key.
pub(super) fn contents(reader: &dyn ReadHalf) -> Result<Model> {
    let mut model = Model::new();
    let next = reader.keyspace(KeyspaceId::CATALOGUE)?.get(b"")?;
    let keyspaces = next.map_or(0, |next| u32::from(next.value[0])).max(KEYSPACES_MIN);
    for keyspace in (0..keyspaces).map(KeyspaceId) {
        let reader = reader.keyspace(keyspace)?;
        let found = keyspace_contents(&*reader)?.into_iter();
        model.extend(found.map(|(key, entry)| (placed(keyspace, &key), entry)));
    }
    Ok(model)
}

fn keyspace_contents(reader: &dyn ReadHalf) -> Result<Model> {
    let range = KeyRange::all();
    let page = ScanPage { range: &range, snapshot: None, limit: MANY, keys_only: false };
    let mut model = Model::new();
    for found in Page::of(reader, &page)?.entries {
        let looked_up = reader.get(&found.key)?;
        let same = Some(found.entry.clone());
        assert_eq!(looked_up, same, "a scan and a get differ");
        model.insert(found.key, (found.entry.value, found.entry.expires_at));
    }
    assert_eq!(reader.count(), model.len() as u64, "the count differs from what a scan finds");
    Ok(model)
}

/// Puts a value.
pub(super) fn put(key: &str, value: impl Into<Vec<u8>>) -> WriteOperation {
    WriteOperation::Put { key: key.into(), value: value.into(), expires_at: None }
}

/// Removes a key.
pub(super) fn remove(key: &str) -> WriteOperation {
    WriteOperation::Remove { key: key.into() }
}

/// Lengthens a value by one character, so that a lost update shows.
pub(super) fn lengthen(key: &str) -> WriteOperation {
    let update = Update::Append(b"+".to_vec());
    WriteOperation::Update { key: key.into(), update }
}
