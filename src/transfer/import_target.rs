//! The store that an import writes to.

use std::collections::{HashMap, VecDeque};

use super::entry::ImportedEntry;
use super::error::TransferError;
use super::export::DEFAULT_KEYSPACE;
use crate::expiry::Expiry;
use crate::{Error, Keyspace, Store, WriteBatch, WriteTicket};

/// The batches that may be under way: the next ones are read while these are written.
const BATCHES_UNDER_WAY: usize = 4;

/// A store that an import writes to.
pub(super) trait ImportTarget {
    /// Returns the time that decides what has expired, in milliseconds since the Unix epoch.
    fn now(&self) -> u64;

    /// Returns the most entries of one batch.
    fn batch_entries_max(&self) -> usize;

    /// Returns true if any keyspace has keys.
    fn has_keys(&mut self) -> Result<bool, TransferError>;

    /// Opens a keyspace, or makes an empty one.
    fn open(&mut self, keyspace: &str) -> Result<(), TransferError>;

    /// Returns an error for an entry that is known to be refused.
    fn check(&self, entry: &ImportedEntry) -> Result<(), TransferError>;

    /// Writes entries to keyspaces that were opened: all of them or nothing. Of those, `keys` are
    /// there afterwards. Returns how many keys are known to be written since the last call.
    fn write(&mut self, entries: Vec<ImportedEntry>, keys: u64) -> Result<u64, TransferError>;

    /// Waits for what was written; returns how many keys are known to be written since the last
    /// call.
    fn settle(&mut self) -> (u64, Result<(), TransferError>);

    /// Waits until what was written survives power loss.
    fn sync(&mut self) -> Result<(), TransferError>;
}

/// A store of this process.
pub(super) struct StoreTarget<'a> {
    store: &'a Store,
    keyspaces: HashMap<String, Keyspace>,
    /// Batches that were handed over, with the keys that they write.
    under_way: VecDeque<(WriteTicket, u64)>,
}

impl<'a> StoreTarget<'a> {
    /// Returns the target that is a store.
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, keyspaces: HashMap::new(), under_way: VecDeque::new() }
    }

    /// Returns a batch of the entries.
    fn batch(&self, entries: Vec<ImportedEntry>) -> Result<WriteBatch, Error> {
        let mut batch = WriteBatch::new();
        for ImportedEntry { keyspace, key, value, expires_at } in entries {
            let name = keyspace.as_deref().unwrap_or(DEFAULT_KEYSPACE);
            let missing = || Error::NoSuchKeyspace { name: name.to_owned() };
            let keyspace = self.keyspaces.get(name).ok_or_else(missing)?;
            let mut writes = batch.on(keyspace);
            match expires_at {
                Some(time) => writes.set_expiring(key, value, Expiry::at_milliseconds(time)),
                None => writes.set(key, value),
            }
        }
        Ok(batch)
    }
}

impl ImportTarget for StoreTarget<'_> {
    fn now(&self) -> u64 {
        self.store.now().0
    }

    fn batch_entries_max(&self) -> usize {
        self.store.batch_operations_max()
    }

    fn has_keys(&mut self) -> Result<bool, TransferError> {
        for name in self.store.keyspaces()? {
            let keyspace = self.store.find_keyspace(&name)?;
            if let Some(keyspace) = keyspace
                && !keyspace.is_empty()?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn open(&mut self, keyspace: &str) -> Result<(), TransferError> {
        if !self.keyspaces.contains_key(keyspace) {
            let opened = self.store.keyspace(keyspace)?;
            self.keyspaces.insert(keyspace.to_owned(), opened);
        }
        Ok(())
    }

    fn check(&self, entry: &ImportedEntry) -> Result<(), TransferError> {
        Ok(self.store.check_entry(&entry.key, &entry.value)?)
    }

    fn write(&mut self, entries: Vec<ImportedEntry>, keys: u64) -> Result<u64, TransferError> {
        let mut written = 0;
        if self.under_way.len() >= BATCHES_UNDER_WAY
            && let Some((ticket, keys)) = self.under_way.pop_front()
        {
            ticket.wait()?;
            written += keys;
        }
        let ticket = self.store.submit(self.batch(entries)?)?;
        self.under_way.push_back((ticket, keys));
        Ok(written)
    }

    fn settle(&mut self) -> (u64, Result<(), TransferError>) {
        let (mut written, mut result) = (0, Ok(()));
        for (ticket, keys) in self.under_way.drain(..) {
            match ticket.wait() {
                Ok(()) => written += keys,
                Err(error) if result.is_ok() => result = Err(error.into()),
                Err(_) => {}
            }
        }
        (written, result)
    }

    fn sync(&mut self) -> Result<(), TransferError> {
        Ok(self.store.sync()?)
    }
}
