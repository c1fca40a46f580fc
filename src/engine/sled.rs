//! The `sled` engine. What sled lacks is added beside it: versions and expiry in front of each value, which
//! versions may have been used in a tree of its own, and the number of keys and their deadlines, which are
//! counted when the store is opened.
//!
//! Left out: snapshots, which sled does not have, so a scan reads what is newest page by page. sled's own
//! crash safety applies: it has its own log and checksums, and `flush` is what makes a group durable.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use sled::{Batch as SledBatch, Db, IVec, Tree};

use super::directory::{Directory, LOCK_RETRY};
use super::{
    Access, Delivery, Engine, EngineKind, Entry, Group, Job, JobKind, Lookup, Mutation, Page,
    ReadHalf, ScanPage, Scanned, Stamp, Step, WriteHalf,
};
use crate::storage::index::Snapshot;
use crate::storage::names;
use crate::sync::{Arc, AtomicU64, Ordering, sleep};
use crate::{Error, Options, Result, error};

/// Version and expiry, eight bytes each and little-endian, precede every value.
const HEADER_BYTES: usize = 16;

/// Holds, beside the keys, the version below which all may have been used.
const VERSIONS_TREE: &str = "versions";

const RESERVED_KEY: &str = "reserved";

/// How many versions are reserved at once, and at most left out at a reopen.
const VERSIONS_RESERVED: u64 = 1 << 20;

/// What sled says where its lock is taken; its error has no kind of its own for that.
const LOCKED: &str = "could not acquire lock";

/// What a stored entry begins with.
fn decode(key: &[u8], stored: &[u8]) -> Result<(Stamp, usize)> {
    let number = |at: usize| {
        let bytes = stored.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let (Some(version), Some(expires_at)) = (number(0), number(8)) else {
        let key = error::printable(key);
        return Err(Error::Refused(format!("what sled holds for key \"{key}\" is not an entry")));
    };
    let expires_at = Some(expires_at).filter(|time| *time > 0);
    Ok((Stamp { version, expires_at }, HEADER_BYTES))
}

fn encode(version: u64, expires_at: Option<u64>, value: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEADER_BYTES + value.len());
    stored.extend_from_slice(&version.to_le_bytes());
    stored.extend_from_slice(&expires_at.unwrap_or(0).to_le_bytes());
    stored.extend_from_slice(value);
    stored
}

fn entry(key: &[u8], stored: &[u8]) -> Result<Entry> {
    let (Stamp { version, expires_at }, start) = decode(key, stored)?;
    Ok(Entry { value: stored[start..].to_vec(), version, expires_at })
}

/// sled cannot work with none.
const CACHE_BYTES_MIN: usize = 1 << 20;

/// Keys in all, and those that expire.
#[derive(Default)]
struct Counts {
    live: AtomicU64,
    expiring: AtomicU64,
}

/// Opens sled in its own directory inside the data directory.
pub(crate) fn open(options: &Options, directory: Directory) -> Result<Engine> {
    if options.read_only {
        return Err(Error::Unsupported { engine: "sled", feature: "opening for reading only" });
    }
    let Directory { path, lock, .. } = directory;
    let database = open_database(&path, options)?;
    let counts = Arc::new(Counts::default());
    let versions = database.open_tree(VERSIONS_TREE)?;
    let reserved = versions.get(RESERVED_KEY)?;
    let reserved =
        reserved.and_then(|bytes| Some(u64::from_le_bytes(bytes.as_ref().try_into().ok()?)));
    let reserved = reserved.unwrap_or(1);
    let mut writer = SledWriter {
        database: database.clone(),
        counts: Arc::clone(&counts),
        deadlines: BTreeSet::new(),
        versions,
        // What is removed takes its version with it, so the entries do not tell which were used.
        next_sequence: reserved,
        reserved,
        synced: 0,
        is_syncing: false,
    };
    for item in database.iter() {
        let (key, stored) = item?;
        let (stamp, _) = decode(&key, &stored)?;
        writer.next_sequence = writer.next_sequence.max(stamp.version + 1);
        writer.count(&key, None, Some(stamp));
    }
    writer.synced = writer.next_sequence - 1;
    Ok(Engine {
        writer: Box::new(writer),
        reader: Arc::new(SledReader { database, counts }),
        kind: EngineKind::Sled,
        lock: Some(lock),
    })
}

/// sled lets go of its own lock some time after it was dropped, so a handle that follows another may have
/// to wait for it, although the directory is already its own.
fn open_database(directory: &Path, options: &Options) -> Result<Db> {
    let config = sled::Config::new().path(directory.join(names::SLED)).flush_every_ms(None);
    let config = config.cache_capacity(options.cache_bytes.max(CACHE_BYTES_MIN) as u64);
    let start = Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains(LOCKED) && start.elapsed() < options.lock_wait =>
            {
                sleep(LOCK_RETRY);
            }
            opened => return Ok(opened?),
        }
    }
}

struct SledReader {
    database: Db,
    counts: Arc<Counts>,
}

impl ReadHalf for SledReader {
    fn get(&self, key: &[u8], access: Access) -> Result<Lookup> {
        // sled does not tell whether it will need the disk.
        if access == Access::MemoryOnly {
            return Ok(Lookup::Cold);
        }
        match self.database.get(key)? {
            Some(stored) => Ok(Lookup::Found(entry(key, &stored)?)),
            None => Ok(Lookup::Absent),
        }
    }

    fn get_at(&self, _key: &[u8], _snapshot: &Snapshot, _access: Access) -> Result<Lookup> {
        Err(NO_SNAPSHOTS)
    }

    fn peek_at(&self, _key: &[u8], _snapshot: &Snapshot) -> Result<Option<Stamp>> {
        Err(NO_SNAPSHOTS)
    }

    fn peek(&self, key: &[u8]) -> Result<Option<Stamp>> {
        let stored = self.database.get(key)?;
        stored.map(|stored| Ok(decode(key, &stored)?.0)).transpose()
    }

    fn peek_may_wait(&self) -> bool {
        true
    }

    fn scan(&self, page: &ScanPage<'_>) -> Result<Page> {
        if page.snapshot.is_some() {
            return Err(NO_SNAPSHOTS);
        }
        if page.range.is_empty() {
            return Ok(Page::default());
        }
        let mut items = self.database.range::<&[u8], _>(page.range.bounds());
        let mut result = Page::default();
        while result.entries.len() < page.limit {
            let next = if page.range.reverse { items.next_back() } else { items.next() };
            let Some((key, stored)) = next.transpose()? else {
                return Ok(result);
            };
            let mut entry = entry(&key, &stored)?;
            if page.keys_only {
                entry.value.clear();
            }
            result.entries.push(Scanned { key: key.to_vec(), entry });
        }
        result.resume_after = result.entries.last().map(|last| last.key.clone());
        Ok(result)
    }

    fn snapshot(&self) -> Result<Snapshot> {
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

struct SledWriter {
    database: Db,
    counts: Arc<Counts>,
    deadlines: BTreeSet<(u64, IVec)>,
    versions: Tree,
    next_sequence: u64,
    /// Every version below this may have been used.
    reserved: u64,
    /// Everything up to this was flushed.
    synced: u64,
    is_syncing: bool,
}

impl SledWriter {
    fn stamp(&self, key: &[u8]) -> Result<Option<Stamp>> {
        let stored = self.database.get(key)?;
        stored.map(|stored| Ok(decode(key, &stored)?.0)).transpose()
    }

    fn count(&mut self, key: &[u8], old: Option<Stamp>, new: Option<Stamp>) {
        match (old, new) {
            (None, Some(_)) => drop(self.counts.live.fetch_add(1, Ordering::Relaxed)),
            (Some(_), None) => drop(self.counts.live.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        if let Some(time) = old.and_then(|stamp| stamp.expires_at) {
            self.deadlines.remove(&(time, key.into()));
        }
        if let Some(time) = new.and_then(|stamp| stamp.expires_at) {
            self.deadlines.insert((time, key.into()));
        }
        self.counts.expiring.store(self.deadlines.len() as u64, Ordering::Relaxed);
    }

    /// Makes sure that no version of the group is used again after a reopen.
    ///
    /// Not flushed: what survives of sled's log is its beginning, so with a write all before it.
    fn reserve(&mut self, group: &Group) -> Result<()> {
        let needed = self.next_sequence + group.len() as u64;
        if needed > self.reserved {
            let reserved = needed + VERSIONS_RESERVED;
            self.versions.insert(RESERVED_KEY, &reserved.to_le_bytes())?;
            self.reserved = reserved;
        }
        Ok(())
    }

    /// Applies one batch, which sled makes visible and durable as a whole.
    fn apply(&mut self, version: u64, batch: &[Mutation]) -> Result<()> {
        if let [Mutation::Clear] = batch {
            self.database.clear()?;
            self.deadlines.clear();
            self.counts.live.store(0, Ordering::Relaxed);
            self.counts.expiring.store(0, Ordering::Relaxed);
            return Ok(());
        }
        let mut changes = SledBatch::default();
        // The last change of each key, since a batch may change one more than once.
        let mut last = std::collections::BTreeMap::new();
        for mutation in batch {
            match mutation {
                Mutation::Put { key, value, expires_at } => {
                    changes.insert(key.as_slice(), encode(version, *expires_at, value));
                    last.insert(key, Some(Stamp { version, expires_at: *expires_at }));
                }
                Mutation::Remove { key } => {
                    changes.remove(key.as_slice());
                    last.insert(key, None);
                }
                Mutation::Clear => {}
            }
        }
        let mut counted = Vec::with_capacity(last.len());
        for (key, new) in last {
            counted.push((key, self.stamp(key)?, new));
        }
        self.database.apply_batch(changes)?;
        for (key, old, new) in counted {
            self.count(key, old, new);
        }
        Ok(())
    }
}

impl WriteHalf for SledWriter {
    fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn commit(&mut self, group: Group, durable: bool) -> Result<()> {
        self.reserve(&group)?;
        for batch in group.batches() {
            let version = self.next_sequence;
            // Earlier batches of the group are applied already, so a failure leaves the group in doubt.
            let applied = self.apply(version, batch);
            applied.map_err(|error| Error::UnknownOutcome(Arc::new(error)))?;
            self.next_sequence += 1;
        }
        if durable { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<()> {
        flush(&self.database)?;
        self.synced = self.next_sequence - 1;
        Ok(())
    }

    fn offer_sync(&mut self) -> Option<Box<dyn Job>> {
        let sequence = self.next_sequence - 1;
        if self.is_syncing || self.synced >= sequence {
            return None;
        }
        self.is_syncing = true;
        Some(Box::new(FlushJob { database: self.database.clone(), sequence }))
    }

    fn offer_compaction(&mut self) -> Option<Box<dyn Job>> {
        None
    }

    fn take(&mut self, delivery: Delivery) -> Result<()> {
        self.is_syncing = false;
        if let Delivery::Synced(sequence) = delivery {
            self.synced = self.synced.max(sequence);
        }
        Ok(())
    }

    fn due(&self, now: u64, limit: usize) -> Vec<Vec<u8>> {
        let due = self.deadlines.iter().take_while(|(time, _)| *time <= now);
        due.take(limit).map(|(_, key)| key.to_vec()).collect()
    }

    fn close(&mut self) -> Result<()> {
        self.sync()
    }
}

fn flush(database: &Db) -> Result<()> {
    let flushed = database.flush();
    flushed.map(|_| ()).map_err(|error| Error::UnknownOutcome(Arc::new(error.into())))
}

/// Flushes what was applied when it was made.
struct FlushJob {
    database: Db,
    sequence: u64,
}

impl Job for FlushJob {
    fn kind(&self) -> JobKind {
        JobKind::Sync
    }

    fn step(&mut self) -> Result<Step> {
        flush(&self.database)?;
        Ok(Step::Done(Delivery::Synced(self.sequence)))
    }
}
