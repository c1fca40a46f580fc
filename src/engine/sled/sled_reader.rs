//! The reads of the `sled` engine.

use sled::IVec;

use super::sled_database::{Database, KeyspaceTree};
use crate::engine::{
    Access, EngineSnapshot, Entry, EntryMeta, KeyspaceId, ReadError, ReadHalf, ScanPage,
    ScanVisitor, ScannedEntry, SharedStats,
};
use crate::sync::{Arc, Ordering};
use crate::{Error, Result};

/// The read half: one tree of the database.
pub(super) struct SledReader {
    database: Database,
    tree: KeyspaceTree,
}

impl SledReader {
    /// Returns the half that reads a keyspace.
    pub(super) fn new(database: Database, keyspace: KeyspaceId) -> Result<Self> {
        let tree = database.tree(keyspace)?;
        Ok(Self { database, tree })
    }

    fn stored(&self, key: &[u8]) -> Result<Option<IVec>> {
        self.database.stored(&self.tree.tree, key)
    }
}

impl ReadHalf for SledReader {
    fn keyspace(&self, keyspace: KeyspaceId) -> Result<Arc<dyn ReadHalf>> {
        Ok(Arc::new(Self::new(self.database.clone(), keyspace)?))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Entry>> {
        self.stored(key)?.map(|stored| self.database.entry(key, &stored)).transpose()
    }

    fn try_get(&self, key: &[u8], access: Access) -> std::result::Result<Option<Entry>, ReadError> {
        if access == Access::MemoryOnly {
            return Err(ReadError::WouldBlock);
        }
        let Some(stored) = self.stored(key)? else { return Ok(None) };
        access.check(stored.len())?;
        Ok(Some(self.database.entry(key, &stored)?))
    }

    fn get_at(&self, _key: &[u8], _snapshot: &EngineSnapshot) -> Result<Option<Entry>> {
        Err(NO_SNAPSHOTS)
    }

    fn try_get_at(
        &self,
        _key: &[u8],
        _snapshot: &EngineSnapshot,
        _access: Access,
    ) -> std::result::Result<Option<Entry>, ReadError> {
        Err(NO_SNAPSHOTS.into())
    }

    fn metadata_at(&self, _key: &[u8], _snapshot: &EngineSnapshot) -> Result<Option<EntryMeta>> {
        Err(NO_SNAPSHOTS)
    }

    fn metadata(&self, key: &[u8]) -> Result<Option<EntryMeta>> {
        self.database.metadata(&self.tree.tree, key)
    }

    fn scan(&self, page: &ScanPage<'_>, visit: &mut ScanVisitor<'_>) -> Result<Option<Vec<u8>>> {
        if page.snapshot.is_some() {
            return Err(NO_SNAPSHOTS);
        }
        if page.range.is_empty() {
            return Ok(None);
        }
        let bounds = (page.range.start.as_ref(), page.range.end.as_ref());
        let mut items = self.tree.tree.range::<Vec<u8>, _>(bounds);
        for visited in 1..=page.limit {
            let next = if page.range.reverse { items.next_back() } else { items.next() };
            let Some(next) = next else { break };
            let (key, stored) = next.map_err(|error| self.database.failed(error))?;
            let (meta, start) = self.database.decode(&key, &stored)?;
            let value = if page.keys_only { &[][..] } else { &stored[start..] };
            let shown = visit(ScannedEntry { key: &key, value, meta });
            if shown.is_break() || visited == page.limit {
                return Ok(Some(key.to_vec()));
            }
        }
        Ok(None)
    }

    fn snapshot(&self) -> Result<EngineSnapshot> {
        Err(NO_SNAPSHOTS)
    }

    fn shared_stats(&self) -> SharedStats {
        SharedStats { disk_bytes: self.database.db.size_on_disk().ok(), ..SharedStats::default() }
    }

    fn count(&self) -> u64 {
        self.tree.counts.live.load(Ordering::Relaxed)
    }

    fn expiring(&self) -> u64 {
        self.tree.counts.expiring.load(Ordering::Relaxed)
    }
}

const NO_SNAPSHOTS: Error = Error::Unsupported { engine: "sled", feature: "snapshots" };
