//! The reader of the `kvs` engine, and the way from the index to a segment.

use std::path::Path;

use crate::bugs::if_planted;
use crate::engine::EntryMeta;
use crate::storage::cache::{RecordCache, RecordRef};
use crate::storage::format::file_name;
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::sequence::Sequence;
use crate::storage::fs::Directory;
use crate::storage::index::{IndexReader, IndexReaders, Slot};
use crate::storage::segment::{Location, ReadFailure, Segment, SegmentTable};
use crate::sync::Arc;
use crate::{Error, error};

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
    pub(super) directory: Arc<dyn Directory>,
}

impl KvsReader {
    /// Returns the result of `read`, called with the segment of the version that `find` returns.
    /// Asks `find` again if that segment was compacted away.
    pub(super) fn locate<T, E: ReadFailure>(
        &self,
        key: PlacedKey<'_>,
        mut find: impl FnMut() -> Option<(Sequence, Location)>,
        recall: impl Fn(EntryMeta) -> Option<T>,
        mut read: impl FnMut(&Segment, EntryMeta, &Location) -> std::result::Result<T, E>,
    ) -> std::result::Result<Option<T>, E> {
        let mut missed = None;
        while let Some((version, location)) = find().filter(|(_, slot)| !slot.is_tombstone()) {
            let meta = meta(version, &location);
            if let Some(recalled) = recall(meta) {
                return Ok(Some(recalled));
            }
            let read = |segment: &Segment| read(segment, meta, &location);
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
            return fetched.map(Some);
        }
        Ok(None)
    }
}

/// Returns the record of a key with its value, as the cache takes it.
pub(super) fn record<'a>(
    (keyspace, key): PlacedKey<'a>,
    value: &'a [u8],
    meta: EntryMeta,
) -> RecordRef<'a> {
    let EntryMeta { version, expires_at, value_type } = meta;
    RecordRef { keyspace, key, value, version, value_type, expires_at }
}

/// Returns the metadata of a version.
pub(super) fn meta(version: Sequence, slot: &Location) -> EntryMeta {
    EntryMeta { version, expires_at: slot.expires_at(), value_type: slot.value_type() }
}
