//! The read half of the `kvs` engine.

use std::path::Path;

use crate::bugs::if_planted;
use crate::engine::scan::scan_index;
use crate::engine::{EngineSnapshot, Entry, EntryMeta, Page, ReadHalf, ScanPage};
use crate::storage::cache::{Hit, KeyHash, RecordCache, RecordRef};
use crate::storage::format::file_name;
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::sequence::Sequence;
use crate::storage::index::{IndexReader, IndexReaders, KeyVersion, Slot};
use crate::storage::segment::{Access, Location, ReadError, ReadFailure, Segment, SegmentTable};
use crate::sync::Arc;
use crate::{Error, Result, error};

/// The read half: the index, the segments that it points into, and the record cache.
#[derive(Clone)]
pub(crate) struct KvsReader {
    pub(super) keyspace: KeyspaceId,
    /// Of the keyspace.
    pub(super) index: IndexReader<Location>,
    /// Of all keyspaces.
    pub(super) indexes: IndexReaders<Location>,
    pub(super) table: Arc<SegmentTable>,
    pub(super) cache: Arc<RecordCache>,
}

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
    /// Returns the entry of the version that `find` returns. Asks `find` again if the segment of
    /// that version was compacted away.
    fn fetch<E: ReadFailure>(
        &self,
        wanted: PointRead<'_>,
        read: impl Fn(&Segment, PlacedKey<'_>, Sequence, &Location) -> FetchedValue<E>,
        mut find: impl FnMut() -> Option<(Sequence, Location)>,
    ) -> std::result::Result<Option<Entry>, E> {
        let PointRead { key, hash, seen } = wanted;
        let mut missed = None;
        while let Some((version, location)) = find().filter(|(_, slot)| !slot.is_tombstone()) {
            let meta = meta(version, &location);
            let confirm = |hash| self.cache.confirm(hash, key, version, seen);
            if let Some(value) = hash.and_then(confirm) {
                return Ok(Some(meta.with(value)));
            }
            let read = |segment: &Segment| read(segment, key, version, &location);
            let Some(fetched) = self.table.with(location.segment, read) else {
                if_planted!(SkipRetry => return Ok(None));
                // The index is repointed before a segment leaves the table, so the same place twice
                // means that the index is wrong.
                if missed.replace(location) == Some(location) {
                    let key = error::printable(key.1);
                    return Err(Error::corrupt(
                        Path::new(&file_name::segment(location.segment)),
                        location.extent.offset.into(),
                        format!("the segment is gone, and the index places key \"{key}\" in it"),
                    )
                    .into());
                }
                continue;
            };
            if let Some(error) = fetched.as_ref().err().and_then(E::failure) {
                self.table.note_failed_read(location.segment, error);
                if_planted!(ReadErrorIsAbsence => return Ok(None));
            }
            let value = fetched?;
            if let Some(hash) = hash {
                let EntryMeta { version, expires_at, value_type } = meta;
                let ((keyspace, key), value) = (key, &value);
                let record = RecordRef { keyspace, key, value, version, value_type, expires_at };
                self.cache.insert(hash, record, seen);
            }
            return Ok(Some(meta.with(value)));
        }
        Ok(None)
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
            return Ok(Some(entry(hit)));
        }
        let wanted = PointRead { key: placed, hash, seen: self.index.visible() };
        self.fetch(wanted, read, || self.index.newest(key))
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
            return Ok(Some(entry(hit)));
        }
        self.fetch(PointRead { key: placed, hash, seen }, read, || self.index.at(key, &snapshot.0))
    }
}

/// Returns the metadata of a version.
fn meta(version: Sequence, slot: &Location) -> EntryMeta {
    EntryMeta { version, expires_at: slot.expires_at(), value_type: slot.value_type() }
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

    fn scan(&self, page: &ScanPage<'_>) -> Result<Page> {
        scan_index(&self.index, page, |found, snapshot| {
            let KeyVersion { version, slot, .. } = *found;
            let meta = meta(version, &slot);
            if page.keys_only {
                return Ok(Some(meta.with(Vec::new())));
            }
            let key = (self.keyspace, &*found.key);
            let hash = self.cache.hash_key(key);
            if let Some(value) = hash.and_then(|hash| self.cache.recall(hash, key, version)) {
                return Ok(Some(meta.with(value)));
            }
            let mut first = Some((version, found.slot));
            let find = || first.take().or_else(|| self.index.at(key.1, snapshot));
            let wanted = PointRead { key, hash, seen: snapshot.sequence() };
            self.fetch(wanted, Segment::fetch, find)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::record::{Extent, Record};
    use crate::storage::format::segment_id::SegmentId;
    use crate::storage::index::KeyspaceIndexes;

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
