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

    /// Shows the entries whose keys begin with `prefix`, in key order; tells how many there are.
    fn scan_prefix(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Outcome<usize>;

    /// Sets many keys, each in a write of its own, and returns once all of them survive power loss.
    fn set_deferred(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        entries.iter().try_for_each(|(key, value)| self.set(key, value))?;
        self.sync()
    }

    /// Lets `read` read from a snapshot, if the store has those.
    fn with_snapshot(&self, read: &mut dyn FnMut(&mut Getter<'_>) -> Outcome<()>) -> Outcome<()> {
        let _ = read;
        Err("this store has no snapshots".into())
    }

    /// Returns a watch of all keys from now on, if the store has those.
    fn watch(&self) -> Outcome<Watch> {
        Err("this store has no watches".into())
    }

    /// Makes everything that was written survive power loss.
    fn sync(&self) -> Outcome<()>;

    /// Closes the store as its documentation says.
    fn close(self: Box<Self>) -> Outcome<()>;
}

/// A read of one key, as [`Peer::get`] does it.
pub type Getter<'a> = dyn FnMut(&Key, &mut dyn FnMut(&[u8])) -> Outcome<bool> + 'a;

/// A watch: waits for the next change and shows its key, if the watch was not too slow for it.
pub type Watch = Box<dyn FnMut(&mut dyn FnMut(&[u8])) -> Outcome<()> + Send>;

/// A store that is open for transactions, used from many threads.
pub trait Exchange: Send + Sync {
    /// Sets two keys to what `change` makes of their values, in one serializable transaction, which
    /// is run anew until it meets no conflict. Tells how often it was run.
    fn exchange(&self, keys: [&Key; 2], change: &Change<'_>) -> Outcome<u64>;
}

/// New values of two keys, made of their present ones.
pub type Change<'a> = dyn Fn([&[u8]; 2]) -> [Vec<u8>; 2] + 'a;

/// Returns the value of a key that must be there.
fn present<T>(value: Option<T>) -> Outcome<T> {
    value.ok_or_else(|| "a key of a transaction is missing".into())
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
    /// Opens it for serializable transactions.
    pub open_transactional: fn(&Settings<'_>) -> Outcome<Box<dyn Exchange>>,
    /// True if it has snapshots.
    pub has_snapshots: bool,
    /// True if it tells of changes.
    pub has_watches: bool,
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
