//! The writes of the `sled` engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sled::transaction::TransactionError;
use sled::{Batch as SledBatch, IVec, Transactional, Tree};

use super::sled_database::{Database, KeyspaceTree, encode, number};
use crate::engine::{EntryMeta, Group, KeyRange, KeyspaceId, MutationKind, ValueType, WriteHalf};
use crate::storage::environment::check_linked;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::fs::{self, FileAccess, FileSystem, RealFileSystem};
use crate::storage::key_range::KeyInterval;
use crate::sync::{Arc, Ordering};
use crate::{Error, Result};

/// Holds, beside the keys, the version below which all may have been used.
const VERSIONS_TREE: &str = "versions";

/// The name of sled's log.
const LOG: &str = "db";

const RESERVED_KEY: &str = "reserved";

/// The number of versions that are reserved at once, and at most left out at a reopen.
const VERSIONS_RESERVED: usize = 1 << 20;

/// The write half.
pub(super) struct SledWriter {
    database: Database,
    deadlines: BTreeSet<(UnixMillis, KeyspaceId, IVec)>,
    versions: Tree,
    next_sequence: Sequence,
    /// Every version below this may have been used.
    reserved: Sequence,
    files: OpenFiles,
}

/// Refuses a group of which something is not about strings.
fn refuse_unsupported(group: &Group) -> Result<()> {
    for mutation in group.batches().flatten() {
        if let MutationKind::Put { value_type, .. } = mutation.kind
            && value_type != ValueType::STRING
        {
            return Err(Error::Unsupported { engine: "sled", feature: "types of values" });
        }
    }
    Ok(())
}

/// Handles of what must not be removed while the store is open, with their paths for errors.
struct OpenFiles {
    data: Arc<dyn fs::Directory>,
    sled: Arc<dyn fs::Directory>,
    log: Arc<dyn fs::File>,
    directory: Arc<PathBuf>,
}

impl OpenFiles {
    fn of(data: Arc<dyn fs::Directory>, database: &Database) -> Result<Self> {
        let directory = Arc::clone(&database.directory);
        let failed = |error| Error::io("open", &directory, error);
        let sled = RealFileSystem.open_directory(&directory, FileAccess::ReadOnly);
        let sled = sled.map_err(failed)?;
        let log = sled.open(LOG).map_err(failed)?;
        Ok(Self { data, sled, log, directory })
    }

    fn check(&self) -> Result<()> {
        check_linked(&self.directory, self.data.links())?;
        check_linked(&self.directory, self.sled.links())?;
        check_linked(&self.directory.join(LOG), self.log.links())
    }
}

/// The last change of each key: its metadata and what is stored, unless it is removed.
type Changes<'a> = BTreeMap<&'a [u8], (Option<EntryMeta>, Option<Vec<u8>>)>;

impl SledWriter {
    /// Returns the writer of a database, after a look at every key.
    pub(super) fn open(database: Database, data: Arc<dyn fs::Directory>) -> Result<Self> {
        let failed = |error| database.failed(error);
        let versions = database.db.open_tree(VERSIONS_TREE).map_err(failed)?;
        let reserved = match versions.get(RESERVED_KEY).map_err(failed)? {
            Some(stored) => number(&stored, 0)
                .map(Sequence)
                .ok_or_else(|| database.corrupt("the highest reserved version is not a number"))?,
            None => Sequence::FIRST,
        };
        let mut writer = Self {
            database: database.clone(),
            deadlines: BTreeSet::new(),
            versions,
            // A removed key takes its version with it, so the entries do not tell which were used.
            next_sequence: reserved,
            reserved,
            files: OpenFiles::of(data, &database)?,
        };
        for keyspace in database.keyspaces() {
            let tree = database.tree(keyspace)?;
            for item in &tree.tree {
                let (key, stored) = item.map_err(failed)?;
                let (metadata, _) = database.decode(&key, &stored)?;
                writer.next_sequence = writer.next_sequence.max(metadata.version.next());
                writer.count((keyspace, &tree), &key, None, Some(metadata));
            }
        }
        Ok(writer)
    }

    fn count(
        &mut self,
        (keyspace, tree): (KeyspaceId, &KeyspaceTree),
        key: &[u8],
        old: Option<EntryMeta>,
        new: Option<EntryMeta>,
    ) {
        let counts = &tree.counts;
        match (old, new) {
            (None, Some(_)) => drop(counts.live.fetch_add(1, Ordering::Relaxed)),
            (Some(_), None) => drop(counts.live.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        if let Some(time) = old.and_then(|metadata| metadata.expires_at) {
            self.deadlines.remove(&(time, keyspace, key.into()));
            counts.expiring.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(time) = new.and_then(|metadata| metadata.expires_at) {
            self.deadlines.insert((time, keyspace, key.into()));
            counts.expiring.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Makes sure that no version of the group is used again after a reopen.
    ///
    /// It survives if the group does, because what survives of sled's log is its beginning.
    fn reserve(&mut self, group: &Group) -> Result<()> {
        let needed = self.next_sequence.plus(group.len());
        if needed > self.reserved {
            let reserved = needed.plus(VERSIONS_RESERVED);
            let inserted = self.versions.insert(RESERVED_KEY, &reserved.0.to_le_bytes());
            inserted.map_err(|error| self.database.failed(error))?;
            self.reserved = reserved;
        }
        Ok(())
    }

    /// Applies changes, which sled makes durable as a whole.
    fn apply(&mut self, changes: BTreeMap<KeyspaceId, Changes<'_>>) -> Result<()> {
        let (mut trees, mut batches) = (Vec::new(), Vec::new());
        let mut counted = Vec::new();
        for (keyspace, changes) in changes.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            let tree = self.database.tree(keyspace)?;
            let mut batch = SledBatch::default();
            for (key, (new, stored)) in changes {
                let old = self.database.metadata(&tree.tree, key)?;
                counted.push((keyspace, tree.clone(), key, old, new));
                match stored {
                    Some(stored) => batch.insert(key, stored),
                    None => batch.remove(key),
                }
            }
            trees.push(tree.tree);
            batches.push(batch);
        }
        self.apply_batches(&trees, batches)?;
        for (keyspace, tree, key, old, new) in counted {
            self.count((keyspace, &tree), key, old, new);
        }
        Ok(())
    }

    /// Applies a batch to each of the trees.
    fn apply_batches(&self, trees: &[Tree], mut batches: Vec<SledBatch>) -> Result<()> {
        let applied = match (trees, &mut batches[..]) {
            ([], _) => return Ok(()),
            ([tree], [batch]) => tree.apply_batch(std::mem::take(batch)),
            (trees, batches) => {
                let applied = trees.transaction(|views| {
                    let mut both = views.iter().zip(&*batches);
                    both.try_for_each(|(view, batch)| view.apply_batch(batch).map_err(Into::into))
                });
                applied.map_err(|error| match error {
                    TransactionError::Abort(()) => unreachable!("nothing aborts it"),
                    TransactionError::Storage(error) => error,
                })
            }
        };
        applied.map_err(|error| self.database.failed(error))
    }

    fn clear(&mut self, keyspace: KeyspaceId) -> Result<()> {
        let KeyspaceTree { tree, counts } = self.database.tree(keyspace)?;
        tree.clear().map_err(|error| self.database.failed(error))?;
        self.deadlines.retain(|(_, other, _)| *other != keyspace);
        counts.live.store(0, Ordering::Relaxed);
        counts.expiring.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn remove_range(&mut self, keyspace: KeyspaceId, range: &KeyRange) -> Result<()> {
        let bounds = (range.start.as_ref(), range.end.as_ref());
        let keys = self.database.tree(keyspace)?.tree.range::<Vec<u8>, _>(bounds).keys();
        let keys = keys.collect::<sled::Result<Vec<_>>>().map_err(|e| self.database.failed(e))?;
        let changes = keys.iter().map(|key| (&key[..], (None, None))).collect();
        self.apply(BTreeMap::from([(keyspace, changes)]))
    }

    /// Applies a group at once, as sled writes every batch of its own to the disk by itself.
    fn apply_group(&mut self, group: &Group) -> Result<()> {
        let mut changes: BTreeMap<KeyspaceId, Changes<'_>> = BTreeMap::new();
        for (position, batch) in group.batches().enumerate() {
            let version = self.next_sequence.plus(position);
            for mutation in batch {
                let keyspace = mutation.keyspace;
                match &mutation.kind {
                    MutationKind::Put { key, value, value_type, expires_at } => {
                        let stored = encode(version, *expires_at, value);
                        let (value_type, expires_at) = (*value_type, *expires_at);
                        let metadata = EntryMeta { version, expires_at, value_type };
                        let change = (Some(metadata), Some(stored));
                        changes.entry(keyspace).or_default().insert(key, change);
                    }
                    MutationKind::Remove { key } => {
                        changes.entry(keyspace).or_default().insert(key, (None, None));
                    }
                    MutationKind::RemoveRange { start, end } => {
                        self.apply(std::mem::take(&mut changes))?;
                        let interval = KeyInterval { start, end };
                        match interval == KeyInterval::ALL {
                            true => self.clear(keyspace)?,
                            false => self.remove_range(keyspace, &interval.range())?,
                        }
                    }
                }
            }
        }
        self.apply(changes)
    }
}

impl WriteHalf for SledWriter {
    fn next_sequence(&self) -> Sequence {
        self.next_sequence
    }

    fn waits_for_disk(&self) -> bool {
        true
    }

    fn commit(&mut self, group: &mut Group, _durable: bool) -> Result<()> {
        refuse_unsupported(group)?;
        self.reserve(group)?;
        // A range may have been done already, so a failure leaves the group in doubt.
        self.apply_group(group).map_err(|error| Error::UnknownOutcome(Arc::new(error)))?;
        self.next_sequence = self.next_sequence.plus(group.len());
        self.database.flush()
    }

    fn due(&self, now: UnixMillis, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        let due = self.deadlines.iter().take_while(|(time, ..)| *time <= now);
        due.take(limit).map(|(_, keyspace, key)| (*keyspace, key.to_vec())).collect()
    }

    fn next_deadline(&self) -> Option<UnixMillis> {
        self.deadlines.first().map(|(time, ..)| *time)
    }

    fn check_files(&mut self) -> Result<()> {
        self.files.check()
    }
}
