//! A database of sled that another program made, as a source.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::entry::ImportedEntry;
use super::entry_source::{EntrySource, SourceItem};
use super::error::TransferError;
use super::export::DEFAULT_KEYSPACE;
use crate::Error;
use crate::options::table::LOCK_WAIT_MILLISECONDS;
use crate::store::open_unlocked;

/// The name that sled gives its default tree.
const DEFAULT_TREE: &[u8] = b"__sled__default";

/// The file that makes a directory a store of this crate.
const MARKER: &str = "ENGINE";

/// The time to wait for the lock of a database, as for that of a store.
const LOCK_WAIT: Duration = Duration::from_millis(LOCK_WAIT_MILLISECONDS);

/// The memory that sled may take for what it has read.
const CACHE_BYTES: u64 = 64 << 20;

/// A tree that is read.
struct ReadTree {
    /// `None` for the default one.
    keyspace: Option<String>,
    entries: sled::Iter,
}

/// A reader of all trees of a database.
pub(super) struct SledSource {
    trees: VecDeque<(Option<String>, sled::Tree)>,
    current: Option<ReadTree>,
    /// Keeps the database open.
    _database: sled::Db,
}

impl SledSource {
    /// Opens the database, which nobody else may have open for longer than a moment.
    pub(super) fn open(directory: &Path) -> Result<Self, TransferError> {
        let refused = |reason: &str| TransferError::Sled {
            path: directory.to_path_buf(),
            reason: reason.to_owned(),
        };
        // sled would make what is missing.
        if !directory.join("db").is_file() || !directory.join("conf").is_file() {
            return Err(refused("there is no database of sled"));
        }
        let above = directory.canonicalize().ok();
        let above = above.as_deref().and_then(Path::parent).map(|above| above.join(MARKER));
        if above.is_some_and(|marker| marker.is_file()) {
            let advice = "it belongs to a store of kvs; export that store, and import the export";
            return Err(refused(advice));
        }
        let config = sled::Config::new().path(directory).cache_capacity(CACHE_BYTES);
        let database = open_unlocked(&config, LOCK_WAIT).map_err(Error::Sled)?;
        let mut trees = VecDeque::new();
        for name in database.tree_names() {
            let tree = database.open_tree(&name).map_err(Error::Sled)?;
            if name == DEFAULT_TREE {
                trees.push_front((None, tree));
                continue;
            }
            let name = std::str::from_utf8(&name).map_err(|_| {
                let name = name.escape_ascii();
                refused(&format!("the tree \"{name}\" has no text for a name, as a keyspace has"))
            })?;
            trees.push_back((Some(name.to_owned()), tree));
        }
        let is_filled = |wanted: Option<&str>| {
            trees.iter().any(|(name, tree)| name.as_deref() == wanted && !tree.is_empty())
        };
        if is_filled(None) && is_filled(Some(DEFAULT_KEYSPACE)) {
            let both = "both the default tree and one called \"default\" have keys, and would go \
                        to the same keyspace";
            return Err(refused(both));
        }
        Ok(Self { trees, current: None, _database: database })
    }
}

impl EntrySource for SledSource {
    fn next(&mut self) -> Result<Option<SourceItem>, TransferError> {
        loop {
            if let Some(ReadTree { keyspace, entries }) = &mut self.current {
                if let Some(entry) = entries.next() {
                    let (key, value) = entry.map_err(Error::Sled)?;
                    let (key, value) = (key.to_vec(), value.to_vec());
                    let keyspace = keyspace.clone();
                    let entry = ImportedEntry { keyspace, key, value, expires_at: None };
                    return Ok(Some(SourceItem::Entry(entry)));
                }
                self.current = None;
            }
            let Some((keyspace, tree)) = self.trees.pop_front() else { return Ok(None) };
            self.current = Some(ReadTree { keyspace: keyspace.clone(), entries: tree.iter() });
            if let Some(name) = keyspace {
                return Ok(Some(SourceItem::Keyspace(name)));
            }
        }
    }
}
