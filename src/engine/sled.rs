//! The `sled` engine. What sled lacks is added beside it: versions and expiry in front of each
//! value, which versions may have been used in a tree of its own, and the number of keys and their
//! deadlines, which are counted when the store is opened.
//!
//! Left out: snapshots, which sled does not have, so a scan reads what is newest page by page.
//!
//! sled keeps writes in buffers of the process until they are flushed, so the writer flushes once
//! per group before the group is acknowledged, whatever the durability: a killed process loses
//! nothing. A flush of sled writes its log and waits until the disk has it (`sync_file_range`), but
//! syncs neither the length of the file nor the cache of the disk, so no durability holds after a
//! power loss.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sled::{Batch as SledBatch, Db, IVec, Tree};

use super::data_directory::{DataDirectory, LOCK_RETRY};
use super::{
    Access, Capabilities, Engine, EngineSnapshot, Entry, EntryMeta, Group, KeyRange, KeyspaceId,
    MutationKind, ReadError, ReadHalf, ScanPage, ScanVisitor, ScannedEntry, ValueType, WriteHalf,
};
use crate::storage::environment::check_linked;
use crate::storage::format::file_name;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::fs::{self, FileAccess, FileSystem, RealFileSystem};
use crate::storage::key_range::KeyInterval;
use crate::sync::{Arc, AtomicU64, Ordering, sleep};
use crate::{EngineKind, Error, Options, Result, error};

/// Version and expiry, eight bytes each and little-endian, precede every value.
const ENTRY_HEADER_BYTES: usize = 16;

/// Holds, beside the keys, the version below which all may have been used.
const VERSIONS_TREE: &str = "versions";

/// The name of sled's log.
const LOG: &str = "db";

const RESERVED_KEY: &str = "reserved";

/// The number of versions that are reserved at once, and at most left out at a reopen.
const VERSIONS_RESERVED: usize = 1 << 20;

/// The words of sled where its lock is taken; its error has no kind of its own for that.
const LOCKED: &str = "could not acquire lock";

/// Logged at every opening, because no option can make it otherwise.
const PROMISE: &str = "engine sled: acknowledged writes survive a killed process, \
                       but a power loss may undo some, whatever the durability";

/// An open database of sled, and its directory for errors.
#[derive(Clone)]
struct Database {
    trees: Db,
    directory: Arc<PathBuf>,
}

impl Database {
    /// Returns the entry that sled stores for the key, still encoded.
    fn stored(&self, key: &[u8]) -> Result<Option<IVec>> {
        self.trees.get(key).map_err(|error| self.failed(error))
    }

    fn metadata(&self, key: &[u8]) -> Result<Option<EntryMeta>> {
        self.stored(key)?.map(|stored| Ok(self.decode(key, &stored)?.0)).transpose()
    }

    fn entry(&self, key: &[u8], stored: &[u8]) -> Result<Entry> {
        let (meta, start) = self.decode(key, stored)?;
        Ok(meta.with(stored[start..].to_vec()))
    }

    /// Returns the metadata of a stored entry, and where its value begins.
    fn decode(&self, key: &[u8], stored: &[u8]) -> Result<(EntryMeta, usize)> {
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
    fn flush(&self) -> Result<()> {
        let flushed = self.trees.flush();
        flushed.map(drop).map_err(|error| Error::UnknownOutcome(Arc::new(self.failed(error))))
    }

    fn corrupt(&self, reason: impl Display) -> Error {
        failed_with(&self.directory, None, reason)
    }

    fn failed(&self, error: sled::Error) -> Error {
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
fn number(stored: &[u8], at: usize) -> Option<u64> {
    let bytes = stored.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn encode(version: Sequence, expires_at: Option<UnixMillis>, value: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(ENTRY_HEADER_BYTES + value.len());
    stored.extend_from_slice(&version.0.to_le_bytes());
    stored.extend_from_slice(&UnixMillis::or_zero(expires_at).to_le_bytes());
    stored.extend_from_slice(value);
    stored
}

/// sled cannot work with none.
const CACHE_BYTES_MIN: usize = 1 << 20;

/// Keys in all, and those that expire.
#[derive(Default)]
struct SledCounts {
    live: AtomicU64,
    expiring: AtomicU64,
}

/// Opens sled in its own directory inside the data directory.
pub(crate) fn open(options: &Options, directory: DataDirectory) -> Result<Engine> {
    if options.read_only {
        return Err(Error::Unsupported { engine: "sled", feature: "opening for reading only" });
    }
    let DataDirectory { path, handle, lock, .. } = directory;
    let database = open_database(path.join(file_name::SLED), options)?;
    let files = OpenFiles::of(handle, &database)?;
    log::warn!("{PROMISE}");
    let counts = Arc::new(SledCounts::default());
    let failed = |error| database.failed(error);
    let versions = database.trees.open_tree(VERSIONS_TREE).map_err(failed)?;
    let reserved = match versions.get(RESERVED_KEY).map_err(failed)? {
        Some(stored) => number(&stored, 0)
            .map(Sequence)
            .ok_or_else(|| database.corrupt("the highest reserved version is not a number"))?,
        None => Sequence::FIRST,
    };
    let mut writer = SledWriter {
        database: database.clone(),
        counts: Arc::clone(&counts),
        deadlines: BTreeSet::new(),
        versions,
        // What is removed takes its version with it, so the entries do not tell which were used.
        next_sequence: reserved,
        reserved,
        files,
    };
    for item in database.trees.iter() {
        let (key, stored) = item.map_err(failed)?;
        let (metadata, _) = database.decode(&key, &stored)?;
        writer.next_sequence = writer.next_sequence.max(metadata.version.next());
        writer.count(&key, None, Some(metadata));
    }
    Ok(Engine {
        writer: Box::new(writer),
        reader: Arc::new(SledReader { database, counts }),
        kind: EngineKind::Sled,
        capabilities: Capabilities { snapshots: false, metadata_in_memory: false },
        lock: Some(lock),
    })
}

/// Opens sled's own files, waiting for their lock.
///
/// sled lets go of its own lock some time after it was dropped, so a handle that follows another
/// may have to wait for it, although the directory is already its own.
fn open_database(directory: PathBuf, options: &Options) -> Result<Database> {
    let config = sled::Config::new().path(&directory).flush_every_ms(None);
    let config = config.cache_capacity(options.cache_bytes.max(CACHE_BYTES_MIN) as u64);
    RealFileSystem
        .restrict(&directory)
        .map_err(|e| Error::io("restrict access to", &directory, e))?;
    let start = Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains(LOCKED) && start.elapsed() < options.lock_wait =>
            {
                sleep(LOCK_RETRY);
            }
            Err(error) => return Err(failed(&directory, error)),
            Ok(trees) => return Ok(Database { trees, directory: Arc::new(directory) }),
        }
    }
}

#[derive(Clone)]
struct SledReader {
    database: Database,
    counts: Arc<SledCounts>,
}

impl ReadHalf for SledReader {
    fn keyspace(&self, keyspace: KeyspaceId) -> Result<Arc<dyn ReadHalf>> {
        if keyspace != KeyspaceId::DEFAULT {
            return Err(NO_KEYSPACES);
        }
        Ok(Arc::new(self.clone()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Entry>> {
        self.database.stored(key)?.map(|stored| self.database.entry(key, &stored)).transpose()
    }

    fn try_get(&self, key: &[u8], access: Access) -> std::result::Result<Option<Entry>, ReadError> {
        if access == Access::MemoryOnly {
            return Err(ReadError::WouldBlock);
        }
        let Some(stored) = self.database.stored(key)? else { return Ok(None) };
        access.check(stored.len())?;
        Ok(Some(self.database.entry(key, &stored)?))
    }

    fn get_at(&self, _key: &[u8], _snapshot: &EngineSnapshot) -> Result<Option<Entry>> {
        Err(NO_SNAPSHOTS)
    }

    fn try_get_at(
        &self,
        _key: &[u8],
        _snapshot: &EngineSnapshot,
        _access: Access,
    ) -> std::result::Result<Option<Entry>, ReadError> {
        Err(NO_SNAPSHOTS.into())
    }

    fn metadata_at(&self, _key: &[u8], _snapshot: &EngineSnapshot) -> Result<Option<EntryMeta>> {
        Err(NO_SNAPSHOTS)
    }

    fn metadata(&self, key: &[u8]) -> Result<Option<EntryMeta>> {
        self.database.metadata(key)
    }

    fn scan(&self, page: &ScanPage<'_>, visit: &mut ScanVisitor<'_>) -> Result<Option<Vec<u8>>> {
        if page.snapshot.is_some() {
            return Err(NO_SNAPSHOTS);
        }
        if page.range.is_empty() {
            return Ok(None);
        }
        let bounds = (page.range.start.as_ref(), page.range.end.as_ref());
        let mut items = self.database.trees.range::<Vec<u8>, _>(bounds);
        for visited in 1..=page.limit {
            let next = if page.range.reverse { items.next_back() } else { items.next() };
            let Some(next) = next else { break };
            let (key, stored) = next.map_err(|error| self.database.failed(error))?;
            let (meta, start) = self.database.decode(&key, &stored)?;
            let value = if page.keys_only { &[][..] } else { &stored[start..] };
            let shown = visit(ScannedEntry { key: &key, value, meta });
            if shown.is_break() || visited == page.limit {
                return Ok(Some(key.to_vec()));
            }
        }
        Ok(None)
    }

    fn snapshot(&self) -> Result<EngineSnapshot> {
        Err(NO_SNAPSHOTS)
    }

    fn count(&self) -> u64 {
        self.counts.live.load(Ordering::Relaxed)
    }

    fn expiring(&self) -> u64 {
        self.counts.expiring.load(Ordering::Relaxed)
    }
}

const NO_SNAPSHOTS: Error = Error::Unsupported { engine: "sled", feature: "snapshots" };

const NO_KEYSPACES: Error = Error::Unsupported { engine: "sled", feature: "keyspaces" };

/// Refuses a group of which something is not about strings of the default keyspace.
fn refuse_unsupported(group: &Group) -> Result<()> {
    for mutation in group.batches().flatten() {
        if mutation.keyspace != KeyspaceId::DEFAULT {
            return Err(NO_KEYSPACES);
        }
        if let MutationKind::Put { value_type, .. } = mutation.kind
            && value_type != ValueType::STRING
        {
            return Err(Error::Unsupported { engine: "sled", feature: "types of values" });
        }
    }
    Ok(())
}

struct SledWriter {
    database: Database,
    counts: Arc<SledCounts>,
    deadlines: BTreeSet<(UnixMillis, IVec)>,
    versions: Tree,
    next_sequence: Sequence,
    /// Every version below this may have been used.
    reserved: Sequence,
    files: OpenFiles,
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

impl SledWriter {
    fn count(&mut self, key: &[u8], old: Option<EntryMeta>, new: Option<EntryMeta>) {
        match (old, new) {
            (None, Some(_)) => drop(self.counts.live.fetch_add(1, Ordering::Relaxed)),
            (Some(_), None) => drop(self.counts.live.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        if let Some(time) = old.and_then(|metadata| metadata.expires_at) {
            self.deadlines.remove(&(time, key.into()));
        }
        if let Some(time) = new.and_then(|metadata| metadata.expires_at) {
            self.deadlines.insert((time, key.into()));
        }
        self.counts.expiring.store(self.deadlines.len() as u64, Ordering::Relaxed);
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

    /// Applies changes, which sled makes visible and durable as a whole.
    fn apply(&mut self, changes: Changes<'_>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut batch = SledBatch::default();
        let mut counted = Vec::with_capacity(changes.len());
        for (key, (new, stored)) in changes {
            counted.push((key, self.database.metadata(key)?, new));
            match stored {
                Some(stored) => batch.insert(key, stored),
                None => batch.remove(key),
            }
        }
        let applied = self.database.trees.apply_batch(batch);
        applied.map_err(|error| self.database.failed(error))?;
        for (key, old, new) in counted {
            self.count(key, old, new);
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        self.database.trees.clear().map_err(|error| self.database.failed(error))?;
        self.deadlines.clear();
        self.counts.live.store(0, Ordering::Relaxed);
        self.counts.expiring.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn remove_range(&mut self, range: &KeyRange) -> Result<()> {
        let bounds = (range.start.as_ref(), range.end.as_ref());
        let keys = self.database.trees.range::<Vec<u8>, _>(bounds).keys();
        let keys = keys.collect::<sled::Result<Vec<_>>>().map_err(|e| self.database.failed(e))?;
        self.apply(keys.iter().map(|key| (&key[..], (None, None))).collect())
    }

    /// Applies a group at once, as sled writes every batch of its own to the disk by itself.
    fn apply_group(&mut self, group: &Group) -> Result<()> {
        let mut changes = Changes::new();
        for (position, batch) in group.batches().enumerate() {
            let version = self.next_sequence.plus(position);
            for mutation in batch {
                match &mutation.kind {
                    MutationKind::Put { key, value, value_type, expires_at } => {
                        let stored = encode(version, *expires_at, value);
                        let (value_type, expires_at) = (*value_type, *expires_at);
                        let metadata = EntryMeta { version, expires_at, value_type };
                        changes.insert(key, (Some(metadata), Some(stored)));
                    }
                    MutationKind::Remove { key } => drop(changes.insert(key, (None, None))),
                    MutationKind::RemoveRange { start, end } => {
                        self.apply(std::mem::take(&mut changes))?;
                        let interval = KeyInterval { start, end };
                        match interval == KeyInterval::ALL {
                            true => self.clear()?,
                            false => self.remove_range(&interval.range())?,
                        }
                    }
                }
            }
        }
        self.apply(changes)
    }
}

/// The last change of each key: its metadata and what is stored, unless it is removed.
type Changes<'a> = BTreeMap<&'a [u8], (Option<EntryMeta>, Option<Vec<u8>>)>;

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
        let due = self.deadlines.iter().take_while(|(time, _)| *time <= now);
        due.take(limit).map(|(_, key)| (KeyspaceId::DEFAULT, key.to_vec())).collect()
    }

    fn next_deadline(&self) -> Option<UnixMillis> {
        self.deadlines.first().map(|(time, _)| *time)
    }

    fn check_files(&mut self) -> Result<()> {
        self.files.check()
    }
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
