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

    /// Looks behind random bytes between the first key and the last one, and returns one of the
    /// next keys there are. Behind a long gap keys are more likely than elsewhere.
    fn random_key(&self, random: &mut dyn FnMut() -> u64) -> Result<Option<Vec<u8>>> {
        let tree = &self.tree.tree;
        let ends = (tree.first().transpose(), tree.last().transpose());
        let (Some(first), Some(last)) = ends else { return Ok(None) };
        let key = |found: sled::Result<(IVec, IVec)>| {
            found.map(|(key, _)| key).map_err(|error| self.database.failed(error))
        };
        let start = between(&key(first)?, &key(last)?, random());
        let mut keys = Vec::new();
        for found in tree.range(start..).take(RANDOM_KEYS) {
            keys.push(key(found)?);
        }
        let missing = RANDOM_KEYS - keys.len();
        for found in tree.iter().take(missing) {
            keys.push(key(found)?);
        }
        let position = usize::try_from(random() % keys.len().max(1) as u64).unwrap_or(0);
        Ok(keys.get(position).map(|key| key.to_vec()))
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

/// The number of keys of which a random one is chosen.
const RANDOM_KEYS: usize = 256;

/// Returns a key between two others, as far behind the lower one as `random` says.
fn between(low: &[u8], high: &[u8], random: u64) -> Vec<u8> {
    let common = low.iter().zip(high).take_while(|(low, high)| low == high).count();
    let word = |key: &[u8]| {
        let mut word = [0; size_of::<u64>()];
        word.iter_mut().zip(key.iter().skip(common)).for_each(|(place, byte)| *place = *byte);
        u64::from_be_bytes(word)
    };
    let span = word(high).saturating_sub(word(low));
    let behind = (u128::from(span) * u128::from(random)) >> u64::BITS;
    let place = word(low).saturating_add(u64::try_from(behind).unwrap_or(span));
    [low.get(..common).unwrap_or_default(), &place.to_be_bytes()].concat()
}

const NO_SNAPSHOTS: Error = Error::Unsupported { engine: "sled", feature: "snapshots" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_between_two_is_none_below_and_none_above_them() {
        let keys: [&[u8]; 6] = [b"", b"a", b"ab", b"abcdef", b"abz", b"\xff\xff"];
        for (position, low) in keys.iter().enumerate() {
            for high in &keys[position..] {
                for random in [0, 1, 1 << 40, u64::MAX / 2, u64::MAX] {
                    let found = between(low, high, random);
                    // Zeros behind a key are behind it, and before whatever follows.
                    let ends = low.iter().chain(&[0; 8]).copied().collect::<Vec<u8>>();
                    assert!(found.as_slice() >= *low && (found <= ends || found[..] <= **high));
                }
            }
        }
        assert!(between(b"a", b"c", 1 << 63).starts_with(b"b"));
    }
}
