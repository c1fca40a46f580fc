//! The in-memory engine: the index with the values in its slots. Nothing survives the process.

use super::scan::scan_index;
use super::{
    BackgroundJob, Capabilities, Engine, EngineSnapshot, Entry, EntryMeta, Group, Mutation, Page,
    ReadError, ReadHalf, ScanPage, WriteHalf,
};
use crate::storage::index::{IndexReader, IndexWriter, KeyVersion, PointerCell, Slot};
use crate::sync::Arc;
use crate::{EngineKind, Result};

/// A version of a key.
#[derive(Clone)]
struct MemorySlot {
    /// `None` where the key was removed.
    value: Option<Arc<[u8]>>,
    expires_at: Option<u64>,
}

impl Slot for MemorySlot {
    type Cell = PointerCell<Self>;

    fn is_tombstone(&self) -> bool {
        self.value.is_none()
    }

    fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }
}

/// Opens an empty store.
pub(crate) fn open() -> Engine {
    let index = IndexWriter::new();
    let reader = Arc::new(MemoryReader { index: index.reader() });
    let writer = Box::new(MemoryWriter { index, next_sequence: 1 });
    let capabilities = Capabilities { snapshots: true, metadata_in_memory: true };
    Engine { writer, reader, kind: EngineKind::Memory, capabilities, lock: None }
}

struct MemoryReader {
    index: IndexReader<MemorySlot>,
}

fn entry(version: u64, slot: &MemorySlot) -> Option<Entry> {
    let value = slot.value.as_ref()?.to_vec();
    Some(Entry { value, version, expires_at: slot.expires_at })
}

fn metadata((version, slot): (u64, MemorySlot)) -> Option<EntryMeta> {
    (!slot.is_tombstone()).then_some(EntryMeta { version, expires_at: slot.expires_at })
}

impl ReadHalf for MemoryReader {
    fn get(&self, key: &[u8]) -> Result<Option<Entry>> {
        Ok(self.index.newest(key).and_then(|(version, slot)| entry(version, &slot)))
    }

    fn try_get(&self, key: &[u8]) -> std::result::Result<Option<Entry>, ReadError> {
        Ok(self.get(key)?)
    }

    fn get_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<Entry>> {
        Ok(self.index.at(key, &snapshot.0).and_then(|(version, slot)| entry(version, &slot)))
    }

    fn try_get_at(
        &self,
        key: &[u8],
        snapshot: &EngineSnapshot,
    ) -> std::result::Result<Option<Entry>, ReadError> {
        Ok(self.get_at(key, snapshot)?)
    }

    fn metadata(&self, key: &[u8]) -> Result<Option<EntryMeta>> {
        Ok(self.index.newest(key).and_then(metadata))
    }

    fn metadata_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<EntryMeta>> {
        Ok(self.index.at(key, &snapshot.0).and_then(metadata))
    }

    fn scan(&self, page: &ScanPage<'_>) -> Result<Page> {
        scan_index(&self.index, page, |found, _| {
            let MemorySlot { value, expires_at } = &found.slot;
            let value = if page.keys_only { None } else { value.as_deref() };
            let value = value.unwrap_or_default().to_vec();
            let entry = Entry { value, version: found.version, expires_at: *expires_at };
            Ok(Some(entry))
        })
    }

    fn snapshot(&self) -> Result<EngineSnapshot> {
        Ok(EngineSnapshot(self.index.snapshot()))
    }

    fn count(&self) -> u64 {
        self.index.live()
    }

    fn expiring(&self) -> u64 {
        self.index.expiring()
    }
}

struct MemoryWriter {
    index: IndexWriter<MemorySlot>,
    next_sequence: u64,
}

impl WriteHalf for MemoryWriter {
    fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn commit(&mut self, group: &mut Group, _durable: bool) -> Result<()> {
        let first = self.next_sequence;
        self.next_sequence += group.len() as u64;
        let mut changes = Vec::new();
        for (batch, mutation) in std::mem::take(group).into_mutations() {
            let version = first + batch as u64;
            let (key, slot) = match mutation {
                Mutation::Put { key, value, expires_at } => {
                    (key, MemorySlot { value: Some(value.into()), expires_at })
                }
                Mutation::Remove { key } => (key, TOMBSTONE),
                Mutation::Clear => {
                    self.index.insert(std::mem::take(&mut changes), |_| {});
                    self.index.remove_all(version, &TOMBSTONE, |_| {});
                    continue;
                }
            };
            changes.push(KeyVersion { key, version, slot });
        }
        self.index.insert(changes, |_| {});
        self.index.publish(self.next_sequence - 1);
        self.index.prune(|_, _| {});
        Ok(())
    }

    fn offer_compaction(&mut self) -> Option<Box<dyn BackgroundJob>> {
        // A write prunes what it replaced; this catches what a snapshot held back.
        self.index.prune(|_, _| {});
        None
    }

    fn due(&self, now: u64, limit: usize) -> Vec<Vec<u8>> {
        self.index.due(now, limit)
    }

    fn next_deadline(&self) -> Option<u64> {
        self.index.next_deadline()
    }
}

const TOMBSTONE: MemorySlot = MemorySlot { value: None, expires_at: None };
