//! The reads of the `kvs` engine: single keys from the cache or a segment, and scans.

use super::reader::{KvsReader, meta, record};
use super::scanned_values::{ScannedValues, show_keys};
use crate::engine::scan::scan_index;
use crate::engine::{
    EngineSnapshot, Entry, EntryMeta, EntryVisitor, KeyspaceUsage, ReadHalf, ScanPage, ScanVisitor,
    SegmentId, SharedStats, UnixMillis,
};
use crate::storage::cache::{CacheUsage, Hit, KeyHash, RecordRef};
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::sequence::Sequence;
use crate::storage::index::{IndexReader, Slot};
use crate::storage::segment::{Access, Location, ReadError, ReadFailure, Segment};
use crate::sync::Arc;
use crate::{CacheStats, Result};

/// A value that was read from a segment.
type FetchedValue<E> = std::result::Result<Vec<u8>, E>;

/// A key that the cache was asked for, to be read at a point in time.
#[derive(Clone, Copy)]
struct PointRead<'a> {
    key: PlacedKey<'a>,
    /// `None` if nothing is cached.
    hash: Option<KeyHash>,
    /// The sequence number at which, or after which, the newest version is looked up.
    seen: Sequence,
}

impl KvsReader {
    /// Returns the entry of the version that `find` returns, from the cache or by `read`.
    fn fetch<E: ReadFailure>(
        &self,
        wanted: PointRead<'_>,
        read: impl Fn(&Segment, PlacedKey<'_>, Sequence, &Location) -> FetchedValue<E>,
        find: impl FnMut() -> Option<(Sequence, Location)>,
    ) -> std::result::Result<Option<Entry>, E> {
        let PointRead { key, hash, seen } = wanted;
        let recall = |meta: EntryMeta| {
            let value = self.cache.confirm(hash?, key, meta.version, seen)?;
            self.cache.note_hit();
            Some(meta.with(value))
        };
        self.locate(key, find, recall, |segment, meta, location| {
            let value = read(segment, key, meta.version, location)?;
            if let Some(hash) = hash {
                self.cache.note_miss();
                self.cache.offer(hash, record(key, &value, meta), seen);
            }
            Ok(meta.with(value))
        })
    }

    /// Returns the newest entry of a key, from the cache or by `read`.
    fn newest<E: ReadFailure>(
        &self,
        key: &[u8],
        read: impl Fn(&Segment, PlacedKey<'_>, Sequence, &Location) -> FetchedValue<E>,
    ) -> std::result::Result<Option<Entry>, E> {
        let placed = (self.keyspace, key);
        let hash = self.cache.hash_key(placed);
        if let Some(hit) = hash.and_then(|hash| self.cache.newest(hash, placed, Sequence::MAX)) {
            self.cache.note_hit();
            return Ok(Some(entry(hit)));
        }
        self.newest_uncached(placed, hash, read)
    }

    /// Returns the newest entry of a key that the cache has no newest version of.
    fn newest_uncached<E: ReadFailure>(
        &self,
        key: PlacedKey<'_>,
        hash: Option<KeyHash>,
        read: impl Fn(&Segment, PlacedKey<'_>, Sequence, &Location) -> FetchedValue<E>,
    ) -> std::result::Result<Option<Entry>, E> {
        let wanted = PointRead { key, hash, seen: self.index.visible() };
        self.fetch(wanted, read, || self.index.newest(key.1))
    }

    /// Returns the entry of a key that a snapshot sees, from the cache or by `read`.
    fn at<E: ReadFailure>(
        &self,
        key: &[u8],
        snapshot: &EngineSnapshot,
        read: impl Fn(&Segment, PlacedKey<'_>, Sequence, &Location) -> FetchedValue<E>,
    ) -> std::result::Result<Option<Entry>, E> {
        let placed = (self.keyspace, key);
        let (hash, seen) = (self.cache.hash_key(placed), snapshot.0.sequence());
        if let Some(hit) = hash.and_then(|hash| self.cache.newest(hash, placed, seen)) {
            self.cache.note_hit();
            return Ok(Some(entry(hit)));
        }
        self.fetch(PointRead { key: placed, hash, seen }, read, || self.index.at(key, &snapshot.0))
    }
}

/// Returns the metadata of a version, unless it is a tombstone.
fn metadata((version, slot): (Sequence, Location)) -> Option<EntryMeta> {
    (!slot.is_tombstone()).then_some(meta(version, &slot))
}

/// Returns the entry of a hit of the cache.
fn entry(hit: Hit) -> Entry {
    let Hit { value, version, value_type, expires_at } = hit;
    EntryMeta { version, expires_at, value_type }.with(value)
}

impl ReadHalf for KvsReader {
    fn keyspace(&self, keyspace: KeyspaceId) -> Result<Arc<dyn ReadHalf>> {
        let index = self.indexes.reader(keyspace);
        Ok(Arc::new(Self { keyspace, index, ..self.clone() }))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Entry>> {
        self.newest(key, Segment::fetch)
    }

    fn show(&self, key: &[u8], visit: &mut EntryVisitor<'_>) -> Result<()> {
        let placed = (self.keyspace, key);
        let hash = self.cache.hash_key(placed);
        let mut show = |record: RecordRef<'_>| {
            let RecordRef { version, expires_at, value_type, value, .. } = record;
            visit(EntryMeta { version, expires_at, value_type }, value);
        };
        let shown =
            hash.and_then(|hash| self.cache.show_newest(hash, placed, Sequence::MAX, &mut show));
        if shown.is_some() {
            self.cache.note_hit();
        } else if let Some(entry) = self.newest_uncached(placed, hash, Segment::fetch)? {
            visit(entry.meta(), &entry.value);
        }
        Ok(())
    }

    fn try_get(&self, key: &[u8], access: Access) -> std::result::Result<Option<Entry>, ReadError> {
        self.newest(key, |segment, key, version, at| segment.try_fetch(key, version, at, access))
    }

    fn get_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<Entry>> {
        self.at(key, snapshot, Segment::fetch)
    }

    fn try_get_at(
        &self,
        key: &[u8],
        snapshot: &EngineSnapshot,
        access: Access,
    ) -> std::result::Result<Option<Entry>, ReadError> {
        self.at(key, snapshot, |segment, key, version, at| {
            segment.try_fetch(key, version, at, access)
        })
    }

    fn metadata(&self, key: &[u8]) -> Result<Option<EntryMeta>> {
        Ok(self.index.newest(key).and_then(metadata))
    }

    fn metadata_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<EntryMeta>> {
        Ok(self.index.at(key, &snapshot.0).and_then(metadata))
    }

    fn scan(&self, page: &ScanPage<'_>, visit: &mut ScanVisitor<'_>) -> Result<Option<Vec<u8>>> {
        let mut values = ScannedValues::new(self);
        scan_index(&self.index, page, |batch, snapshot| {
            if page.keys_only {
                Ok(show_keys(batch, visit))
            } else {
                values.show(batch, snapshot, visit)
            }
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
        let CacheUsage { hits, misses, entries, bytes, bytes_max } = self.cache.usage();
        let (entries, bytes, bytes_max) = (entries as u64, bytes as u64, bytes_max as u64);
        SharedStats {
            cache: Some(CacheStats { hits, misses, entries, bytes, bytes_max }),
            snapshots: Some(self.indexes.registered()),
            disk_bytes: self.directory.bytes().ok(),
        }
    }

    fn usages(&self, visit: &mut dyn FnMut(SegmentId)) -> Vec<(KeyspaceId, KeyspaceUsage)> {
        let mut usage = |index: IndexReader<Location>| {
            let mut live_bytes = 0;
            let (keys, keys_expiring) = (index.live(), index.expiring());
            let index = index.usage(&mut |location| {
                if !location.is_tombstone() {
                    live_bytes += location.cost();
                    visit(location.segment);
                }
            });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::storage::cache::RecordCache;
    use crate::storage::format::record::{Extent, Record};
    use crate::storage::fs::simulated::{SimulatedDisk, State};
    use crate::storage::index::{KeyVersion, KeyspaceIndexes};
    use crate::storage::segment::SegmentTable;

    #[test]
    fn a_key_in_a_segment_that_is_gone_is_damage() {
        let mut indexes = KeyspaceIndexes::new();
        let record = Record::put(b"k", b"v", None);
        let slot = Location::of(&record, SegmentId(7), Extent { offset: 64, length: 30 });
        let (keyspace, key) = (KeyspaceId::DEFAULT, b"k".to_vec());
        indexes.of(keyspace).insert(vec![KeyVersion { key, version: Sequence(1), slot }], |_| {});
        indexes.publish(Sequence(1));
        let indexes = indexes.readers();
        let reader = KvsReader {
            keyspace,
            index: indexes.reader(keyspace),
            indexes,
            table: Arc::new(SegmentTable::new(Vec::new())),
            cache: Arc::new(RecordCache::new(0)),
            directory: Arc::new(SimulatedDisk::new(State::default())),
        };
        let error = reader.get(b"k").unwrap_err();
        assert!(matches!(error, Error::Corrupt { offset: Some(64), .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with("00000000000000000007.log is damaged at offset 64"),
            "{message}"
        );
        assert!(message.contains("key \"k\""), "{message}");
    }
}
