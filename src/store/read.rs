//! The one door for reads of one key or many.
//!
//! Every read of a store goes through this file and [`scan`](super::scan). They own the rules that
//! a caller must not have to know: a key over the limit is refused, as is a value that is no
//! string, an expired entry is absent, and an engine without snapshots is read key by key. A read
//! that may not wait for the disk, or may not be long, fails with [`ReadError::WouldBlock`] or
//! [`ReadError::TooLong`], so that nobody takes it for an absent key.

use std::time::Duration;

use super::keyspace_view::KeyspaceView;
use super::read_moment::{HeldMoment, ReadMoment};
use crate::Result;
use crate::engine::{Entry, EntryMeta, Metadata, UnixMillis};

#[cfg(test)]
pub(crate) use crate::engine::SHORT_READ_BYTES;
pub(crate) use crate::engine::{Access, ReadError};

/// The result of a read that may be forbidden to wait.
pub(crate) type ReadResult<T> = std::result::Result<T, ReadError>;

/// A keyspace at one moment, so that no read sees a part of a batch.
///
/// An engine without snapshots gives each key as it is when it is read. Old versions of what the
/// snapshot sees are kept until it is dropped.
pub(crate) struct ReadSnapshot<'a> {
    view: &'a KeyspaceView,
    moment: HeldMoment<'a>,
}

impl KeyspaceView {
    /// Returns the value of the key, or `None` if the key is not there or has expired.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`](crate::Error::KeyTooLarge); [`Error::Corrupt`](crate::Error::Corrupt)
    /// or [`Error::Io`](crate::Error::Io) if the value cannot be read; never for an absent key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(self.entry(key)?.map(|entry| entry.value))
    }

    /// Returns the result of `read`, called with the value of the key, or `None` if the key is not
    /// there or has expired.
    ///
    /// A value that is cached is not copied. The closure may use the store.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// store.set("a", "seven")?;
    /// assert_eq!(store.get_with("a", <[u8]>::len)?, Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_with<T>(
        &self,
        key: impl AsRef<[u8]>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>> {
        let key = key.as_ref();
        if let Some(moment) = &self.moment {
            return Ok(self.entry_at(key, moment)?.map(|entry| read(&entry.value)));
        }
        self.shared.limits.check_key(key)?;
        let (mut read, mut result) = (Some(read), Ok(None));
        self.reader.show(key, &mut |meta, value| {
            if !self.shared.clock.is_past(meta.expires_at) {
                self.shared.note_use(key);
                let is_string = meta.value_type.require_string();
                result = is_string.map(|()| read.take().map(|read| read(value)));
            }
        })?;
        result
    }

    /// Returns the value of the key with its metadata, as [`get`](Self::get) does.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn entry(&self, key: impl AsRef<[u8]>) -> Result<Option<Entry>> {
        let key = key.as_ref();
        if let Some(moment) = &self.moment {
            return self.entry_at(key, moment);
        }
        self.shared.limits.check_key(key)?;
        let entry = self.reader.get(key)?;
        self.used_string(key, entry, |expires_at| self.shared.clock.is_past(expires_at))
    }

    /// Returns the values of the keys at one point in time, in their order; an absent key has
    /// `None`.
    ///
    /// All of them are in memory together. The `sled` engine has no points in time: of a batch that
    /// is written meanwhile some keys may be seen and others not.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// store.set("a", "1")?;
    /// assert_eq!(store.get_many(["b", "a"])?, [None, Some(b"1".to_vec())]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let moment = self.hold_moment()?;
        let entries = keys.into_iter().map(|key| self.entry_at(key.as_ref(), &moment));
        entries.map(|entry| Ok(entry?.map(|entry| entry.value))).collect()
    }

    /// Returns true if the key is there and has not expired. No value is read but by `sled`.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) or [`Error::Io`](crate::Error::Io) from the `sled`
    /// engine. A key over the limit is not there.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.metadata(key)?.is_some())
    }

    /// Returns the metadata of the key, or `None` if the key is not there or has expired. No value
    /// is read but by `sled`.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// store.set("a", "1")?;
    /// let before = store.metadata("a")?.expect("it was set");
    /// store.set("a", "2")?;
    /// let after = store.metadata("a")?.expect("it was set");
    /// assert!(after.version > before.version);
    /// assert_eq!(after.expires_at, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    pub fn metadata(&self, key: impl AsRef<[u8]>) -> Result<Option<Metadata>> {
        let key = key.as_ref();
        let found = match &self.moment {
            Some(moment) => metadata_at(self, key, moment)?,
            None => metadata_of(self, key)?,
        };
        Ok(found.map(Metadata::from))
    }

    /// Returns the number of keys of the keyspace, from a counter. Keys that have expired count
    /// until they are removed, which is soon.
    ///
    /// In a snapshot the keys are counted, each is visited, and expired ones are left out.
    ///
    /// # Errors
    /// Those of [`count`](Self::count) in a snapshot.
    pub fn len(&self) -> Result<u64> {
        match &self.moment {
            Some(_) => self.count(..),
            None => Ok(self.reader.count()),
        }
    }

    fn entry_at(&self, key: &[u8], moment: &ReadMoment) -> Result<Option<Entry>> {
        self.shared.limits.check_key(key)?;
        let entry = match &moment.snapshot {
            Some(snapshot) => self.reader.get_at(key, snapshot)?,
            None => self.reader.get(key)?,
        };
        self.used_string(key, entry, |expires_at| moment.is_past(expires_at))
    }

    /// Returns the entry that was found unless it has expired, and notes that the key is used; a
    /// value that is no string is refused.
    fn used_string(
        &self,
        key: &[u8],
        entry: Option<Entry>,
        is_past: impl FnOnce(Option<UnixMillis>) -> bool,
    ) -> Result<Option<Entry>> {
        let entry = entry.filter(|entry| !is_past(entry.expiry()));
        if let Some(entry) = &entry {
            self.shared.note_use(key);
            entry.value_type.require_string()?;
        }
        Ok(entry)
    }
}

fn metadata_of(view: &KeyspaceView, key: &[u8]) -> Result<Option<EntryMeta>> {
    let found = view.reader.metadata(key)?;
    Ok(found.filter(|found| !view.shared.clock.is_past(found.expires_at)))
}

fn metadata_at(view: &KeyspaceView, key: &[u8], moment: &ReadMoment) -> Result<Option<EntryMeta>> {
    let found = match &moment.snapshot {
        Some(snapshot) => view.reader.metadata_at(key, snapshot)?,
        None => view.reader.metadata(key)?,
    };
    Ok(found.filter(|found| !moment.is_past(found.expires_at)))
}

/// The reads of a server.
impl KeyspaceView {
    /// Returns the entry of the key unless it has expired.
    pub(crate) fn read_entry(&self, key: &[u8], access: Access) -> ReadResult<Option<Entry>> {
        if let Some(moment) = &self.moment {
            return try_entry_at(self, key, moment, access);
        }
        self.shared.limits.check_key(key)?;
        let entry = self.reader.try_get(key, access)?;
        Ok(self.used_string(key, entry, |expires_at| self.shared.clock.is_past(expires_at))?)
    }

    /// Returns the metadata of the entry of the key unless it has expired.
    ///
    /// A key over the limit is not refused: it cannot be there, and so it is absent.
    pub(crate) fn read_metadata(
        &self,
        key: &[u8],
        access: Access,
    ) -> ReadResult<Option<EntryMeta>> {
        check_metadata_access(self, access)?;
        Ok(match &self.moment {
            Some(moment) => metadata_at(self, key, moment)?,
            None => metadata_of(self, key)?,
        })
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

    /// Returns the keyspace at the moment that the view shows.
    pub(crate) fn read_snapshot(&self) -> Result<ReadSnapshot<'_>> {
        Ok(ReadSnapshot { view: self, moment: self.hold_moment()? })
    }

    /// Returns the number of keys that have an expiry.
    pub(crate) fn count_expiring(&self) -> Result<u64> {
        Ok(self.reader.expiring())
    }

    /// Notes that a key that is there is used, for those who choose keys to evict.
    pub(crate) fn note_use(&self, key: &[u8]) {
        self.shared.note_use(key);
    }

    /// Returns the time since the last use of a key, if that is noted and known.
    pub(crate) fn idle_time(&self, key: &[u8]) -> Option<Duration> {
        self.shared.memory.idle_time(key, self.shared.clock.instant())
    }

    /// Returns a number that grows with the number of uses of a key, if these are noted.
    pub(crate) fn frequency(&self, key: &[u8]) -> Option<u8> {
        self.shared.memory.frequency(key, self.shared.clock.instant())
    }

    /// Returns the time that decides what has expired.
    pub(crate) fn now(&self) -> UnixMillis {
        self.shared.clock.now()
    }

    /// Returns the engine's half that reads, for tests that need it without this door.
    #[cfg(test)]
    pub(crate) fn reader(&self) -> &crate::sync::Arc<dyn crate::engine::ReadHalf> {
        &self.reader
    }
}

fn try_entry_at(
    view: &KeyspaceView,
    key: &[u8],
    moment: &ReadMoment,
    access: Access,
) -> ReadResult<Option<Entry>> {
    view.shared.limits.check_key(key)?;
    let entry = match &moment.snapshot {
        Some(snapshot) => view.reader.try_get_at(key, snapshot, access)?,
        None => view.reader.try_get(key, access)?,
    };
    Ok(view.used_string(key, entry, |expires_at| moment.is_past(expires_at))?)
}

fn check_metadata_access(view: &KeyspaceView, access: Access) -> ReadResult<()> {
    if access == Access::MemoryOnly && !view.shared.capabilities.metadata_in_memory {
        return Err(ReadError::WouldBlock);
    }
    Ok(())
}

impl ReadSnapshot<'_> {
    /// Returns the entry of the key unless it has expired.
    pub(crate) fn entry(&self, key: &[u8], access: Access) -> ReadResult<Option<Entry>> {
        try_entry_at(self.view, key, &self.moment, access)
    }

    /// Returns the metadata of the entry of the key unless it has expired.
    pub(crate) fn metadata(&self, key: &[u8], access: Access) -> ReadResult<Option<EntryMeta>> {
        check_metadata_access(self.view, access)?;
        Ok(metadata_at(self.view, key, &self.moment)?)
    }
}
