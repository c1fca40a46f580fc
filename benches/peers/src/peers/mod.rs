//! The stores that are compared: one trait, one file for each.

mod fjall;
mod kvs;
mod lmdb;
mod redb;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod sled;

use std::path::Path;

use crate::Outcome;
use crate::data::Key;

/// An open store, used from many threads.
///
/// Writes take the durability that the store was opened with. Reads see what was written last: a
/// store with transactions begins one for each call.
pub trait Peer: Send + Sync {
    /// Sets one key.
    fn set(&self, key: &Key, value: &[u8]) -> Outcome<()>;

    /// Sets many keys, all or none where the store has such a thing.
    fn set_many(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()>;

    /// Shows the value of a key; false if it is absent.
    fn get(&self, key: &Key, visit: &mut dyn FnMut(&[u8])) -> Outcome<bool>;

    /// Shows the values of many keys with their positions, in one transaction where there is one,
    /// and tells how many were there.
    fn get_many(&self, keys: &[Key], visit: &mut dyn FnMut(usize, &[u8])) -> Outcome<usize> {
        let mut found = 0;
        for (position, key) in keys.iter().enumerate() {
            found += usize::from(self.get(key, &mut |value| visit(position, value))?);
        }
        Ok(found)
    }

    /// Shows up to `limit` entries at and behind a key in key order, and tells how many there were.
    fn scan(&self, from: &Key, limit: usize, visit: &mut dyn FnMut(&[u8], &[u8]))
    -> Outcome<usize>;

    /// Makes everything that was written survive power loss.
    fn sync(&self) -> Outcome<()>;

    /// Closes the store as its documentation says.
    fn close(self: Box<Self>) -> Outcome<()>;
}

/// The settings that a store is opened with.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// A directory of its own, which exists.
    pub directory: &'a Path,
    /// True if each write waits for the disk.
    pub synced: bool,
    /// The cache, for stores that have one.
    pub cache_bytes: u64,
    /// True if the data is larger than the memory.
    pub exceeds_memory: bool,
}

/// A store that is compared.
pub struct Profile {
    /// Its name in tables.
    pub name: &'static str,
    /// The package whose version is stated.
    pub package: &'static str,
    /// Settings that differ from the store's defaults, and how it is used.
    pub settings: &'static str,
    /// The writes that may be lost where a write does not wait for the disk.
    pub deferred: &'static str,
    /// True if its synced writes survive power loss; otherwise they are not compared.
    pub is_syncing: bool,
    /// Opens it.
    pub open: fn(&Settings<'_>) -> Outcome<Box<dyn Peer>>,
}

/// All stores, in the order of the tables.
pub const PROFILES: &[Profile] = &[
    kvs::PROFILE,
    sled::PROFILE,
    redb::PROFILE,
    fjall::PROFILE,
    lmdb::PROFILE,
    #[cfg(feature = "rocksdb")]
    rocksdb::PROFILE,
];

/// Returns the store with this name.
pub fn find(name: &str) -> Outcome<&'static Profile> {
    let found = PROFILES.iter().find(|profile| profile.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
        format!("no store is called {name:?}: there are {}", names.join(", ")).into()
    })
}

#[cfg(test)]
mod tests;
