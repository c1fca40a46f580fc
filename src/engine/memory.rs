//! The in-memory engine: the index with the values in its slots. Nothing survives the process.

use std::ops::ControlFlow;

use super::scan::scan_index;
use super::{
    Access, BackgroundJob, Capabilities, Engine, EngineSnapshot, Entry, EntryMeta, Group,
    KeyspaceId, KeyspaceUsage, MutationKind, ReadError, ReadHalf, ScanPage, ScanVisitor,
    ScannedEntry, SegmentId, SharedStats, ValueType, WriteHalf, WriteHalfStats,
};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::index::{
    IndexReader, IndexReaders, KeyVersion, KeyspaceChanges, KeyspaceIndexes, PointerCell, Slot,
};
use crate::storage::key_range::KeyInterval;
use crate::sync::Arc;
use crate::{EngineKind, Result};

/// A version of a key.
#[derive(Clone)]
struct MemorySlot {
    /// `None` where the key was removed.
    value: Option<Arc<[u8]>>,
    value_type: ValueType,
    expires_at: Option<UnixMillis>,
}

impl Slot for MemorySlot {
    type Cell = PointerCell<Self>;

    fn is_tombstone(&self) -> bool {
        self.value.is_none()
    }

    fn expires_at(&self) -> Option<UnixMillis> {
        self.expires_at
    }

    fn bytes(&self) -> u64 {
        self.value.as_ref().map_or(0, |value| value.len() as u64)
    }

    fn memory(&self) -> u64 {
        let cell = size_of::<(Sequence, Self)>() + SHARED_BYTES;
        let value = self.value.as_ref().map_or(0, |value| value.len() + SHARED_BYTES);
        (cell + value) as u64
    }
}

/// The counts of an allocation that is shared.
const SHARED_BYTES: usize = 2 * size_of::<usize>();

/// Opens an empty store.
pub(crate) fn open() -> Engine {
    let (indexes, keyspace) = (KeyspaceIndexes::new(), KeyspaceId::DEFAULT);
    let readers = indexes.readers();
    let reader = Arc::new(MemoryReader { index: readers.reader(keyspace), indexes: readers });
    let writer = Box::new(MemoryWriter { indexes, next_sequence: Sequence::FIRST });
    let capabilities =
        Capabilities { snapshots: true, metadata_in_memory: true, clears_at_once: true };
    Engine { writer, reader, kind: EngineKind::Memory, capabilities, lock: None }
}

struct MemoryReader {
    index: IndexReader<MemorySlot>,
    /// Of all keyspaces.
    indexes: IndexReaders<MemorySlot>,
}

fn entry((version, slot): (Sequence, MemorySlot)) -> Option<Entry> {
    let value = slot.value.as_ref()?.to_vec();
    Some(metadata((version, slot))?.with(value))
}

fn metadata((version, slot): (Sequence, MemorySlot)) -> Option<EntryMeta> {
    let MemorySlot { value_type, expires_at, .. } = slot;
    (!slot.is_tombstone()).then_some(EntryMeta { version, expires_at, value_type })
}

/// Returns the entry that was found, unless it is longer than `access` allows.
fn short(entry: Option<Entry>, access: Access) -> std::result::Result<Option<Entry>, ReadError> {
    access.check(entry.as_ref().map_or(0, |entry| entry.value.len()))?;
    Ok(entry)
}

impl ReadHalf for MemoryReader {
    fn keyspace(&self, keyspace: KeyspaceId) -> Result<Arc<dyn ReadHalf>> {
        let (index, indexes) = (self.indexes.reader(keyspace), self.indexes.clone());
        Ok(Arc::new(Self { index, indexes }))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Entry>> {
        Ok(self.index.newest(key).and_then(entry))
    }

    fn try_get(&self, key: &[u8], access: Access) -> std::result::Result<Option<Entry>, ReadError> {
        short(self.get(key)?, access)
    }

    fn get_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<Entry>> {
        Ok(self.index.at(key, &snapshot.0).and_then(entry))
    }

    fn try_get_at(
        &self,
        key: &[u8],
        snapshot: &EngineSnapshot,
        access: Access,
    ) -> std::result::Result<Option<Entry>, ReadError> {
        short(self.get_at(key, snapshot)?, access)
    }

    fn metadata(&self, key: &[u8]) -> Result<Option<EntryMeta>> {
        Ok(self.index.newest(key).and_then(metadata))
    }

    fn metadata_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<EntryMeta>> {
        Ok(self.index.at(key, &snapshot.0).and_then(metadata))
    }

    fn scan(&self, page: &ScanPage<'_>, visit: &mut ScanVisitor<'_>) -> Result<Option<Vec<u8>>> {
        scan_index(&self.index, page, |batch, _| {
            for position in 0..batch.len() {
                let (version, slot) = batch.version(position);
                let MemorySlot { value: Some(value), value_type, expires_at } = slot else {
                    continue;
                };
                let (value_type, expires_at) = (*value_type, *expires_at);
                let meta = EntryMeta { version, expires_at, value_type };
                let value = if page.keys_only { &[][..] } else { value };
                if visit(ScannedEntry { key: batch.key(position), value, meta }).is_break() {
                    return Ok(ControlFlow::Break(position));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn random_key(&self, mut random: &mut dyn FnMut() -> u64) -> Result<Option<Vec<u8>>> {
        Ok(self.index.random_key(&mut random))
    }

    fn snapshot(&self) -> Result<EngineSnapshot> {
        Ok(EngineSnapshot(self.index.snapshot()))
    }

    fn snapshot_at(&self, now: UnixMillis) -> Result<EngineSnapshot> {
        Ok(EngineSnapshot(self.index.snapshot_at(now)))
    }

    fn shared_stats(&self) -> SharedStats {
        SharedStats { snapshots: Some(self.indexes.registered()), ..SharedStats::default() }
    }

    fn usages(&self, _visit: &mut dyn FnMut(SegmentId)) -> Vec<(KeyspaceId, KeyspaceUsage)> {
        let usage = |index: IndexReader<MemorySlot>| {
            let mut live_bytes = 0;
            let (keys, keys_expiring) = (index.live(), index.expiring());
            let index = index.usage(&mut |slot| live_bytes += slot.bytes());
            KeyspaceUsage { keys, keys_expiring, index, live_bytes }
        };
        self.indexes.all().map(|(keyspace, index)| (keyspace, usage(index))).collect()
    }

    fn count(&self) -> u64 {
        self.index.live()
    }

    fn expiring(&self) -> u64 {
        self.index.expiring()
    }
}

struct MemoryWriter {
    indexes: KeyspaceIndexes<MemorySlot>,
    next_sequence: Sequence,
}

impl WriteHalf for MemoryWriter {
    fn next_sequence(&self) -> Sequence {
        self.next_sequence
    }

    fn commit(&mut self, group: &mut Group, _durable: bool) -> Result<()> {
        let first = self.next_sequence;
        self.next_sequence = first.plus(group.len());
        let mut changes = KeyspaceChanges::with_capacity(group.mutations());
        for (batch, mutation) in std::mem::take(group).into_mutations() {
            let (version, keyspace) = (first.plus(batch), mutation.keyspace);
            let (key, slot) = match mutation.kind {
                MutationKind::Put { key, value, value_type, expires_at } => {
                    (key, MemorySlot { value: Some(value.into()), value_type, expires_at })
                }
                MutationKind::Remove { key } => (key, TOMBSTONE),
                MutationKind::RemoveRange { start, end } => {
                    let interval = KeyInterval { start: &start, end: &end };
                    let before = std::iter::once((keyspace, changes.take(keyspace)));
                    self.indexes.insert(before, |_| {});
                    self.indexes.remove_range(keyspace, interval, (version, &TOMBSTONE), |_| {});
                    continue;
                }
            };
            changes.push(keyspace, KeyVersion { key, version, slot });
        }
        self.indexes.insert(changes.take_all(), |_| {});
        self.indexes.publish(self.next_sequence.previous());
        self.indexes.prune(|_, _| {});
        Ok(())
    }

    fn offer_compaction(&mut self) -> Option<Box<dyn BackgroundJob>> {
        // A write prunes what it replaced; this catches what a snapshot held back.
        self.indexes.prune(|_, _| {});
        None
    }

    fn note_dropped(&mut self, keyspace: KeyspaceId) {
        self.indexes.retire(keyspace);
    }

    fn is_draining(&self) -> bool {
        self.indexes.is_draining()
    }

    fn drain(&mut self) {
        self.indexes.drain(|_, _| {});
    }

    fn index_bytes(&self) -> u64 {
        self.indexes.bytes_without_held()
    }

    fn live_keys(&self) -> u64 {
        self.indexes.live()
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
        self.indexes.prune(|_, _| {});
        WriteHalfStats { held: self.indexes.held(), ..WriteHalfStats::default() }
    }

    fn due(&self, now: UnixMillis, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        self.indexes.due(now, limit)
    }

    fn next_deadline(&self) -> Option<UnixMillis> {
        self.indexes.next_deadline()
    }
}

const TOMBSTONE: MemorySlot =
    MemorySlot { value: None, value_type: ValueType::STRING, expires_at: None };
