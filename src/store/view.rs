//! Reading several keys at one point in time.

use super::Store;
use crate::engine::{Access, Entry, Lookup, Snapshot, Stamp};
use crate::{Error, Result};

/// The store at one moment, so that nobody sees a part of a batch; where the engine has no snapshots, each
/// key is read as it is found.
pub(crate) struct View<'a> {
    store: &'a Store,
    snapshot: Option<Snapshot>,
    /// Milliseconds since the Unix epoch: keys that expire together are gone together.
    now: u64,
}

impl Store {
    /// The present; old versions of what it sees are kept until it is dropped.
    pub(crate) fn view(&self) -> Result<View<'_>> {
        let snapshot = match self.reader().snapshot() {
            Ok(snapshot) => Some(snapshot),
            Err(Error::Unsupported { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(View { store: self, snapshot, now: self.clock().now() })
    }
}

impl View<'_> {
    /// The entry of the key; an expired one is absent.
    pub(crate) fn lookup(&self, key: &[u8], access: Access) -> Result<Lookup> {
        self.store.shared.limits.check_key(key)?;
        let reader = self.store.reader();
        let lookup = match &self.snapshot {
            Some(snapshot) => reader.get_at(key, snapshot, access)?,
            None => reader.get(key, access)?,
        };
        Ok(match lookup {
            Lookup::Found(Entry { expires_at, .. }) if self.is_past(expires_at) => Lookup::Absent,
            lookup => lookup,
        })
    }

    /// What is known of the key without its value; an expired one is absent.
    pub(crate) fn peek(&self, key: &[u8]) -> Result<Option<Stamp>> {
        let reader = self.store.reader();
        let stamp = match &self.snapshot {
            Some(snapshot) => reader.peek_at(key, snapshot)?,
            None => reader.peek(key)?,
        };
        Ok(stamp.filter(|stamp| !self.is_past(stamp.expires_at)))
    }

    fn is_past(&self, expires_at: Option<u64>) -> bool {
        expires_at.is_some_and(|time| time <= self.now)
    }
}
