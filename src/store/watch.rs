//! Watching a keyspace, as a program does it.

use std::fmt;
use std::iter::FusedIterator;
use std::time::{Duration, Instant};

use super::catalogue;
use super::change::{Change, ChangeBatch};
use super::change_alarm::ChangeAlarm;
use super::change_cursor::{ChangeCursor, Polled};
use super::change_wait::ChangeWait;
use super::keyspace::{Keyspace, KeyspaceIdentity};
use super::named_keyspaces::StoredCatalogue;
use super::wake_list::Wake;
use super::watch_event::{CommittedBatch, WatchEvent};
use super::watch_filter::WatchFilter;
use crate::engine::KeyspaceId;
use crate::key_bounds::{KeyBounds, KeyPrefix};
use crate::sync::{Arc, now};
use crate::{Error, Result};

/// The committed changes of a range of keys, in the order of their commits, from the call of
/// [`Keyspace::watch`] on: an iterator that blocks until there is one.
///
/// # What is told
/// - Every batch that was committed and is visible to reads, once, with its version, its keys and
///   its values: writes, removals, keys that expired, and the drop of the keyspace. A write that
///   failed, or whose outcome is unknown, is not told; nor are new names of keyspaces.
/// - What is told is as durable as what is acknowledged: a power loss may take it.
/// - [`WatchEvent::Missed`] where the changes were not kept for long enough.
///
/// # What it costs
/// The first watch of a store makes it keep the latest changes in memory, up to
/// [`Options::watch_bytes`](crate::Options::watch_bytes), until it is closed. All watches read this
/// one copy, each at its own pace; the writer copies a batch once, wakes one of those who wait and
/// waits for none. A watch holds up to 64 batches or 64 KiB of the copy, or one larger batch, also
/// when they are not among the latest any more. A hundred watches are fine: each looks at every
/// batch of the store on its own thread, for what concerns it.
///
/// # How it ends
/// A watch does not keep the store open. It ends, after everything was told, when the last handle
/// of the store is dropped or the keyspace is. Nothing of it survives the process: a store that is
/// opened has no changes in memory, and tells a watch that goes on from an earlier version that it
/// missed what came since. Dropping the watch ends it at once.
///
/// ```
/// use kvs::{Change, WatchEvent};
///
/// # let directory = tempfile::tempdir()?;
/// let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// let watch = store.watch_prefix("user:")?;
/// let watching = std::thread::spawn(move || {
///     let mut names = Vec::new();
///     for event in watch {
///         match event {
///             WatchEvent::Committed(batch) => {
///                 for change in batch.changes() {
///                     if let Change::Set { key, value, .. } = change {
///                         names.push((key.to_vec(), value.to_vec()));
///                     }
///                 }
///             }
///             WatchEvent::Missed { first, last } => panic!("{first} to {last} are to be read"),
///         }
///     }
///     names
/// });
/// store.set("user:1", "alice")?;
/// store.set("order:1", "3 apples")?;
/// drop(store);
/// let names = watching.join().unwrap();
/// assert_eq!(names, [(b"user:1".to_vec(), b"alice".to_vec())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Watch {
    cursor: ChangeCursor,
    filter: Arc<WatchFilter>,
    keyspace: Arc<KeyspaceIdentity>,
    wait: ChangeWait,
    /// It has told that the keyspace was dropped, or missed it.
    is_dropped: bool,
}

/// The result of looking at one batch.
pub(crate) enum WatchStep {
    /// It is an event of the watch.
    Event(WatchEvent),
    /// It does not concern the watch.
    Passed,
    /// There is none yet.
    Nothing,
}

impl Keyspace {
    /// Watches a range of keys from now on: every change is told that no read saw before this call,
    /// and so every write that is begun after it.
    ///
    /// Read what is there after this call, and the changes tell what came since; those told first
    /// may be in what was read. The first watch of a store waits for the writes in progress, others
    /// for nothing.
    ///
    /// ```
    /// # use kvs::{Change, WatchEvent};
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let mut watch = store.watch(..)?;
    /// let mut batch = kvs::WriteBatch::new();
    /// batch.set("from", "90");
    /// batch.set("to", "110");
    /// store.write(batch)?;
    /// let Some(WatchEvent::Committed(batch)) = watch.try_next()? else { panic!() };
    /// let set = |key, value| Change::Set { key, value, expires_at: None };
    /// let expected = [set(&b"from"[..], &b"90"[..]), set(b"to", b"110")];
    /// assert!(batch.changes().eq(expected));
    /// assert_eq!(store.metadata("to")?.map(|it| it.version), Some(batch.version()));
    /// assert!(watch.try_next()?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::KeyspaceDropped`]; [`Error::Corrupt`] or [`Error::Io`] if the names of keyspaces
    /// cannot be read; [`Error::Poisoned`] if the writer is gone.
    pub fn watch(&self, range: impl KeyBounds) -> Result<Watch> {
        let shared = &self.view.shared;
        let (start, end) = range.into_bounds();
        let watch = Watch {
            cursor: self.change_cursor()?,
            filter: Arc::new(WatchFilter { keyspace: self.number, start, end }),
            keyspace: Arc::clone(&self.identity),
            wait: ChangeWait::default(),
            is_dropped: false,
        };
        // Afterwards, so that a drop was either before this or will be told.
        if self.number >= KeyspaceId::FIRST_NAMED {
            let named = catalogue::numbers(&StoredCatalogue::of(&*shared.reader)?)?;
            named.binary_search(&self.number).map_err(|_| watch.dropped())?;
        }
        Ok(watch)
    }

    /// Returns a place behind the newest change of all keyspaces. The first one of a store waits
    /// for the writes in progress.
    pub(crate) fn change_cursor(&self) -> Result<ChangeCursor> {
        let shared = &self.view.shared;
        Ok(ChangeCursor::new(shared.writes.changes().map_err(|_| shared.gone())?))
    }

    /// Watches the keys that begin with `prefix`, as [`watch`](Self::watch) does.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let mut watch = store.watch_prefix("user:")?;
    /// store.set("order:1", "")?;
    /// assert!(watch.try_next()?.is_none());
    /// store.set("user:1", "")?;
    /// assert!(watch.try_next()?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_prefix(&self, prefix: impl AsRef<[u8]>) -> Result<Watch> {
        self.watch(KeyPrefix(prefix.as_ref()))
    }

    /// Watches one key, be it there or not, as [`watch`](Self::watch) does.
    ///
    /// ```
    /// # use kvs::{Change, WatchEvent};
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let users = store.keyspace("users")?;
    /// let mut watch = users.watch_key("alice")?;
    /// users.set("alice", "1")?;
    /// users.remove("alice")?;
    /// assert!(watch.try_next()?.is_some() && watch.try_next()?.is_some());
    /// store.drop_keyspace("users")?;
    /// let Some(WatchEvent::Committed(batch)) = watch.next() else { panic!() };
    /// assert!(batch.changes().eq([Change::Dropped]));
    /// assert!(watch.next().is_none()); // it has ended
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_key(&self, key: impl AsRef<[u8]>) -> Result<Watch> {
        let key = key.as_ref();
        self.watch(key..=key)
    }
}

impl Watch {
    /// Has the watch tell what came after this version instead, as far as it is kept: of a watch
    /// that saw everything up to there. [`WatchEvent::Missed`] comes first if it is not.
    ///
    /// A version above the newest one counts as the newest. Versions that a power loss took are
    /// given again, so start anew, rather than from a version, where one may have happened.
    ///
    /// ```
    /// # use kvs::WatchEvent;
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let watch = store.watch_key("a")?;
    /// let seen = watch.version();
    /// drop(watch);
    /// store.set("a", "1")?;
    /// let mut watch = store.watch_key("a")?.after(seen);
    /// assert!(matches!(watch.next(), Some(WatchEvent::Committed(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn after(mut self, version: u64) -> Self {
        self.cursor.move_behind(version);
        self
    }

    /// Returns the version up to which the watch has told everything that concerns it, for
    /// [`after`](Self::after): that of the last event, or a later one of other keys.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let mut watch = store.watch_key("a")?;
    /// store.set("a", "1")?;
    /// store.set("b", "1")?;
    /// while watch.try_next()?.is_some() {}
    /// assert_eq!(store.metadata("b")?.map(|it| it.version), Some(watch.version()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> u64 {
        self.cursor.told().0
    }

    /// Returns the next event, or `None` if there is none yet. It never blocks.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let mut watch = store.watch(..)?;
    /// store.set("a", "1")?;
    /// drop(store);
    /// assert!(watch.try_next()?.is_some());
    /// assert!(matches!(watch.try_next(), Err(kvs::Error::Closed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// After the last event [`Error::KeyspaceDropped`], or [`Error::Closed`] if the store was
    /// closed, or its writer ended by a panic.
    pub fn try_next(&mut self) -> Result<Option<WatchEvent>> {
        if self.is_dropped {
            return Err(self.dropped());
        }
        // What comes meanwhile is left to the next call, so that this one ends.
        let end = self.cursor.end();
        while self.cursor.told().next() < end {
            match self.step()? {
                WatchStep::Event(event) => return Ok(Some(event)),
                WatchStep::Passed => {}
                WatchStep::Nothing => break,
            }
        }
        Ok(None)
    }

    /// Looks at one batch, be it of any keyspace. It never blocks.
    pub(crate) fn step(&mut self) -> Result<WatchStep> {
        if self.is_dropped {
            return Err(self.dropped());
        }
        Ok(match self.cursor.poll() {
            Polled::Batch(batch) => self.event(batch).map_or(WatchStep::Passed, WatchStep::Event),
            Polled::Missed(first, last) => {
                self.is_dropped = self.cursor.is_dropped(self.filter.keyspace, first, last);
                WatchStep::Event(WatchEvent::Missed { first: first.0, last: last.0 })
            }
            Polled::Nothing => WatchStep::Nothing,
            Polled::Closed => return Err(Error::Closed),
        })
    }

    /// Returns the bytes of memory that it holds, about.
    pub(crate) fn memory(&self) -> usize {
        self.filter.bytes() + self.cursor.memory()
    }

    /// Returns an alarm for the store that it watches.
    pub(crate) fn alarm(&self, wake: Arc<dyn Wake>) -> ChangeAlarm {
        ChangeAlarm::new(self.cursor.another(), wake)
    }

    /// Blocks until there is an event, but no longer than this; `None` if there was none.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let mut watch = store.watch(..)?;
    /// assert!(watch.next_timeout(std::time::Duration::from_millis(1))?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn next_timeout(&mut self, time: Duration) -> Result<Option<WatchEvent>> {
        // A time that ends never is as good as none.
        self.next_until(now().checked_add(time))
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Result<Option<WatchEvent>> {
        loop {
            let event = self.try_next()?;
            let is_late = || deadline.is_some_and(|deadline| now() >= deadline);
            if event.is_some() || is_late() || !self.wait.wait(&self.cursor, deadline) {
                return Ok(event);
            }
        }
    }

    /// Returns the event of a batch, if something in it concerns this watch.
    fn event(&mut self, batch: Arc<ChangeBatch>) -> Option<WatchEvent> {
        self.filter.of(&batch).next()?;
        self.is_dropped = self.filter.of(&batch).any(|change| change == Change::Dropped);
        Some(WatchEvent::Committed(CommittedBatch { batch, filter: Arc::clone(&self.filter) }))
    }

    fn dropped(&self) -> Error {
        let KeyspaceIdentity { number, name, .. } = &*self.keyspace;
        Error::KeyspaceDropped { number: number.0, name: name.clone() }
    }
}

/// Blocks for each event; ends with the store or the keyspace.
impl Iterator for Watch {
    type Item = WatchEvent;

    fn next(&mut self) -> Option<WatchEvent> {
        self.next_until(None).ok().flatten()
    }
}

impl FusedIterator for Watch {}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Watch");
        shown.field("keyspace", &self.keyspace.name).field("version", &self.version());
        shown.finish_non_exhaustive()
    }
}
