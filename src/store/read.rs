//! The one door for reads of one key or many.
//!
//! Every read of a store goes through this file and [`scan`](super::scan). They own the rules that
//! a caller must not have to know: a key over the limit is refused, as is a value that is no
//! string, an expired entry is absent, and an engine without snapshots is read key by key. A read
//! that may not wait for the disk, or may not be long, fails with [`ReadError::WouldBlock`] or
//! [`ReadError::TooLong`], so that nobody takes it for an absent key.

use super::keyspace_view::KeyspaceView;
use crate::Result;
use crate::engine::{EngineSnapshot, Entry, EntryMeta, UnixMillis};

#[cfg(test)]
pub(crate) use crate::engine::SHORT_READ_BYTES;
pub(crate) use crate::engine::{Access, ReadError};

/// The result of a read that may be forbidden to wait.
pub(crate) type ReadResult<T> = std::result::Result<T, ReadError>;

/// The store at one moment, so that no read sees a part of a batch.
///
/// An engine without snapshots gives each key as it is when it is read. Old versions of what the
/// snapshot sees are kept until it is dropped.
pub(crate) struct ReadSnapshot<'a> {
    view: &'a KeyspaceView,
    snapshot: Option<EngineSnapshot>,
    /// The time of expiry: keys that expire together are gone together.
    now: UnixMillis,
}

impl KeyspaceView {
    /// Returns the value of the key, or `None` if the key is not there or has expired.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`](crate::Error::KeyTooLarge); [`Error::Corrupt`](crate::Error::Corrupt)
    /// or [`Error::Io`](crate::Error::Io) if the value cannot be read; never for an absent key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(self.get_entry(key.as_ref())?.map(|entry| entry.value))
    }

    /// Returns the number of keys of the keyspace, from a counter. Keys that have expired count
    /// until they are removed, which is soon.
    ///
    /// # Errors
    /// None.
    pub fn len(&self) -> Result<u64> {
        Ok(self.reader.count())
    }

    /// Returns the entry of the key unless it has expired; waits for the disk if it has to.
    pub(crate) fn get_entry(&self, key: &[u8]) -> Result<Option<Entry>> {
        self.shared.limits.check_key(key)?;
        let entry = self.reader.get(key)?;
        string(entry, |expires_at| self.shared.clock.is_past(expires_at))
    }

    /// Returns the entry of the key unless it has expired.
    pub(crate) fn read_entry(&self, key: &[u8], access: Access) -> ReadResult<Option<Entry>> {
        self.shared.limits.check_key(key)?;
        let entry = self.reader.try_get(key, access)?;
        Ok(string(entry, |expires_at| self.shared.clock.is_past(expires_at))?)
    }

    /// Returns the metadata of the entry of the key unless it has expired.
    ///
    /// A key over the limit is not refused: it cannot be there, and so it is absent.
    pub(crate) fn read_metadata(
        &self,
        key: &[u8],
        access: Access,
    ) -> ReadResult<Option<EntryMeta>> {
        self.check_metadata_access(access)?;
        let metadata = self.reader.metadata(key)?;
        Ok(metadata.filter(|found| !self.shared.clock.is_past(found.expires_at)))
    }

    /// Returns the entries of the keys at one moment, in their order; an absent key has none.
    ///
    /// Stops before the entry with which all of them take more than `bytes_max` of memory: then
    /// the result is shorter than `keys`.
    pub(crate) fn read_entries<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k [u8]>,
        access: Access,
        bytes_max: usize,
    ) -> ReadResult<Vec<Option<Entry>>> {
        let snapshot = self.read_snapshot()?;
        let mut entries =
            Vec::with_capacity(keys.len().min(bytes_max / size_of::<Option<Entry>>()));
        let mut bytes = 0;
        for key in keys {
            let entry = snapshot.entry(key, access)?;
            bytes += size_of_val(&entry) + entry.as_ref().map_or(0, |entry| entry.value.len());
            if bytes > bytes_max {
                break;
            }
            access.check(bytes)?;
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Returns the store as it is now.
    pub(crate) fn read_snapshot(&self) -> Result<ReadSnapshot<'_>> {
        Ok(ReadSnapshot { view: self, snapshot: self.engine_snapshot()?, now: self.now() })
    }

    /// Returns the number of keys that have an expiry.
    pub(crate) fn count_expiring(&self) -> Result<u64> {
        Ok(self.reader.expiring())
    }

    /// Returns the time that decides what has expired.
    pub(crate) fn now(&self) -> UnixMillis {
        self.shared.clock.now()
    }

    /// Returns a snapshot of the engine, or `None` if it has none.
    pub(super) fn engine_snapshot(&self) -> Result<Option<EngineSnapshot>> {
        let is_capable = self.shared.capabilities.snapshots;
        is_capable.then(|| self.reader.snapshot()).transpose()
    }

    /// Returns the engine's half that reads, for tests that need it without this door.
    #[cfg(test)]
    pub(crate) fn reader(&self) -> &crate::sync::Arc<dyn crate::engine::ReadHalf> {
        &self.reader
    }

    fn check_metadata_access(&self, access: Access) -> ReadResult<()> {
        if access == Access::MemoryOnly && !self.shared.capabilities.metadata_in_memory {
            return Err(ReadError::WouldBlock);
        }
        Ok(())
    }
}

/// Returns the entry that was found unless it has expired; a value that is no string is refused.
fn string(
    entry: Option<Entry>,
    is_past: impl FnOnce(Option<UnixMillis>) -> bool,
) -> Result<Option<Entry>> {
    let entry = entry.filter(|entry| !is_past(entry.expiry()));
    if let Some(entry) = &entry {
        entry.value_type.require_string()?;
    }
    Ok(entry)
}

impl ReadSnapshot<'_> {
    /// Returns the entry of the key unless it has expired.
    pub(crate) fn entry(&self, key: &[u8], access: Access) -> ReadResult<Option<Entry>> {
        self.view.shared.limits.check_key(key)?;
        let reader = &self.view.reader;
        let entry = match &self.snapshot {
            Some(snapshot) => reader.try_get_at(key, snapshot, access)?,
            None => reader.try_get(key, access)?,
        };
        Ok(string(entry, |expires_at| self.is_past(expires_at))?)
    }

    /// Returns the metadata of the entry of the key unless it has expired.
    pub(crate) fn metadata(&self, key: &[u8], access: Access) -> ReadResult<Option<EntryMeta>> {
        self.view.check_metadata_access(access)?;
        let reader = &self.view.reader;
        let metadata = match &self.snapshot {
            Some(snapshot) => reader.metadata_at(key, snapshot)?,
            None => reader.metadata(key)?,
        };
        Ok(metadata.filter(|found| !self.is_past(found.expires_at)))
    }

    fn is_past(&self, expires_at: Option<UnixMillis>) -> bool {
        expires_at.is_some_and(|time| time <= self.now)
    }
}
