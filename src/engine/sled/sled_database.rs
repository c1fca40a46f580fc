//! The database of the `sled` engine: a tree of sled for each keyspace.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use sled::{Db, IVec, Tree};

use super::sled_opening::open_unlocked;
use crate::engine::{Entry, EntryMeta, KeyspaceId, ValueType};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::fs::RealFileSystem;
use crate::sync::{Arc, AtomicU64, Mutex, lock};

use crate::{Error, Options, Result, error};

/// Version and expiry, eight bytes each and little-endian, precede every value.
const ENTRY_HEADER_BYTES: usize = 16;

/// The names of the trees of keyspaces begin like this; the number follows. The default keyspace is
/// in sled's default tree.
const KEYSPACE_TREE: &str = "keyspace.";

/// sled cannot work with none.
const CACHE_BYTES_MIN: usize = 1 << 20;

/// An open database of sled, and its directory for errors.
#[derive(Clone)]
pub(super) struct Database {
    pub(super) db: Db,
    pub(super) directory: Arc<PathBuf>,
    trees: Arc<Mutex<BTreeMap<KeyspaceId, KeyspaceTree>>>,
}

/// The tree of a keyspace.
#[derive(Clone)]
pub(super) struct KeyspaceTree {
    pub(super) tree: Tree,
    pub(super) counts: Arc<SledCounts>,
}

/// Keys in all, and those that expire.
#[derive(Default)]
pub(super) struct SledCounts {
    pub(super) live: AtomicU64,
    pub(super) expiring: AtomicU64,
}

impl Database {
    /// Opens sled's own files, waiting for their lock, which may still be taken although the
    /// directory is already its own.
    pub(super) fn open(directory: PathBuf, options: &Options) -> Result<Self> {
        let config = sled::Config::new().path(&directory).flush_every_ms(None);
        let config = config.cache_capacity(options.cache_bytes.max(CACHE_BYTES_MIN) as u64);
        RealFileSystem
            .restrict(&directory)
            .map_err(|e| Error::io("restrict access to", &directory, e))?;
        let opened = open_unlocked(&config, options.lock_wait);
        let db = opened.map_err(|error| failed(&directory, error))?;
        Ok(Self { db, directory: Arc::new(directory), trees: Arc::default() })
    }

    /// Returns the keyspaces that have a tree.
    pub(super) fn keyspaces(&self) -> Vec<KeyspaceId> {
        let names = self.db.tree_names().into_iter();
        let named = names.filter_map(|name| {
            let number = name.strip_prefix(KEYSPACE_TREE.as_bytes())?;
            Some(KeyspaceId(std::str::from_utf8(number).ok()?.parse().ok()?))
        });
        named.chain([KeyspaceId::DEFAULT]).collect()
    }

    /// Returns the tree of a keyspace, which is made if there is none.
    pub(super) fn tree(&self, keyspace: KeyspaceId) -> Result<KeyspaceTree> {
        let mut trees = lock(&self.trees);
        if let Some(tree) = trees.get(&keyspace) {
            return Ok(tree.clone());
        }
        let tree = match keyspace {
            KeyspaceId::DEFAULT => Tree::clone(&self.db),
            KeyspaceId(number) => {
                let opened = self.db.open_tree(format!("{KEYSPACE_TREE}{number}"));
                opened.map_err(|error| self.failed(error))?
            }
        };
        let made = KeyspaceTree { tree, counts: Arc::default() };
        trees.insert(keyspace, made.clone());
        Ok(made)
    }

    /// Returns the entry that a tree stores for the key, still encoded.
    pub(super) fn stored(&self, tree: &Tree, key: &[u8]) -> Result<Option<IVec>> {
        tree.get(key).map_err(|error| self.failed(error))
    }

    /// Returns the metadata of the entry that a tree stores for the key.
    pub(super) fn metadata(&self, tree: &Tree, key: &[u8]) -> Result<Option<EntryMeta>> {
        self.stored(tree, key)?.map(|stored| Ok(self.decode(key, &stored)?.0)).transpose()
    }

    /// Returns a stored entry.
    pub(super) fn entry(&self, key: &[u8], stored: &[u8]) -> Result<Entry> {
        let (meta, start) = self.decode(key, stored)?;
        Ok(meta.with(stored[start..].to_vec()))
    }

    /// Returns the metadata of a stored entry, and where its value begins.
    pub(super) fn decode(&self, key: &[u8], stored: &[u8]) -> Result<(EntryMeta, usize)> {
        let (Some(version), Some(expires_at)) = (number(stored, 0), number(stored, 8)) else {
            let key = error::printable(key);
            return Err(
                self.corrupt(format!("the stored entry of key \"{key}\" cannot be decoded"))
            );
        };
        let (version, expires_at) = (Sequence(version), UnixMillis::unless_zero(expires_at));
        Ok((EntryMeta { version, expires_at, value_type: ValueType::STRING }, ENTRY_HEADER_BYTES))
    }

    /// Makes everything that was applied survive the process.
    pub(super) fn flush(&self) -> Result<()> {
        let flushed = self.db.flush();
        flushed.map(drop).map_err(|error| Error::UnknownOutcome(Arc::new(self.failed(error))))
    }

    /// Names damage that only this engine can see.
    pub(super) fn corrupt(&self, reason: impl Display) -> Error {
        failed_with(&self.directory, None, reason)
    }

    /// Turns an error of sled into the one of the same meaning.
    pub(super) fn failed(&self, error: sled::Error) -> Error {
        failed(&self.directory, error)
    }
}

/// Names damage of sled's files, of which only sled knows which one it is.
fn failed_with(directory: &Path, offset: Option<u64>, reason: impl Display) -> Error {
    Error::Corrupt { path: directory.to_path_buf(), offset, reason: reason.to_string() }
}

/// Turns an error of sled into the one of the same meaning.
fn failed(directory: &Path, error: sled::Error) -> Error {
    match error {
        sled::Error::Corruption { at, .. } => {
            let offset = at.map(|at| at.lid());
            failed_with(directory, offset, "sled found a damaged page")
        }
        sled::Error::Io(source) => Error::io("use sled's files in", directory, source),
        error => Error::Sled(error),
    }
}

/// Returns the number at this place of a stored entry.
pub(super) fn number(stored: &[u8], at: usize) -> Option<u64> {
    let bytes = stored.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Returns an entry as it is stored.
pub(super) fn encode(version: Sequence, expires_at: Option<UnixMillis>, value: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(ENTRY_HEADER_BYTES + value.len());
    stored.extend_from_slice(&version.0.to_le_bytes());
    stored.extend_from_slice(&UnixMillis::or_zero(expires_at).to_le_bytes());
    stored.extend_from_slice(value);
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_sled_keep_their_meaning() {
        let translated = |error| failed(Path::new("data/sled"), error);
        let damaged = translated(sled::Error::Corruption { at: None, bt: () });
        assert!(matches!(damaged, Error::Corrupt { offset: None, .. }), "{damaged}");
        assert!(damaged.to_string().starts_with("data/sled is damaged: "), "{damaged}");
        let full = translated(sled::Error::Io(std::io::ErrorKind::StorageFull.into()));
        assert!(full.is_disk_full(), "{full}");
        let other = translated(sled::Error::Unsupported("a reason".to_owned()));
        assert!(other.to_string().contains("a reason"), "{other}");
    }
}
