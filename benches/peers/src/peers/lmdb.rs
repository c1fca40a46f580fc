//! LMDB, a copy-on-write B-tree in a mapped file, through heed.

use std::ops::Bound;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions};

use super::{Change, Exchange, Getter, Peer, Profile, Settings, present};
use crate::Outcome;
use crate::data::Key;

/// The address space that is reserved; the file takes what it needs of it.
const MAP_BYTES: usize = 64 << 30;

/// As many readers as any case has threads, with room to spare.
const READERS_MAX: u32 = 256;

/// The description of LMDB.
pub const PROFILE: Profile = Profile {
    name: "LMDB",
    package: "heed",
    settings: "The page cache of the system is its cache. Deferred: `WRITEMAP`, `NOSYNC`, \
               `MAPASYNC`; data larger than \
               memory: `NORDAHEAD`. A write or a batch is one transaction, a read begins one.",
    deferred: "a kill: nothing; power loss: any part, and the file may be damaged",
    is_syncing: true,
    open: |settings| Ok(Box::new(open(settings)?)),
    open_transactional: |settings| Ok(Box::new(open(settings)?)),
    has_snapshots: true,
    has_watches: false,
};

struct LmdbPeer {
    environment: Env,
    database: Database<'static, Bytes, Bytes>,
}

#[allow(unsafe_code, reason = "heed marks opening as unsafe")]
fn open(settings: &Settings<'_>) -> Outcome<LmdbPeer> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES).max_readers(READERS_MAX);
    let mut flags = EnvFlags::empty();
    if !settings.synced {
        flags |= EnvFlags::WRITE_MAP | EnvFlags::NO_SYNC | EnvFlags::MAP_ASYNC;
    }
    if settings.exceeds_memory {
        flags |= EnvFlags::NO_READ_AHEAD;
    }
    // SAFETY: the flags give up durability and nothing else; one process has the directory, which
    // no other code writes to or maps, and opens it once.
    let environment = unsafe { options.flags(flags).open(settings.directory)? };
    let transaction = environment.write_txn()?;
    let opened = environment.create_databases_and_commit(transaction, |opener, transaction| {
        let database = opener.create_database(transaction, None)?;
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(database))
    })?;
    match opened {
        CommitOrAbort::Commit(database) => {
            Ok(LmdbPeer { environment: environment.clone(), database })
        }
        CommitOrAbort::Abort(()) => Err("nothing aborts the opening".into()),
    }
}

impl Peer for LmdbPeer {
    fn set(&self, key: &Key, value: &[u8]) -> Outcome<()> {
        let mut transaction = self.environment.write_txn()?;
        self.database.put(&mut transaction, key, value)?;
        Ok(transaction.commit()?)
    }

    fn set_many(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        let mut transaction = self.environment.write_txn()?;
        for (key, value) in entries {
            self.database.put(&mut transaction, key, value)?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, key: &Key, visit: &mut dyn FnMut(&[u8])) -> Outcome<bool> {
        let transaction = self.environment.read_txn()?;
        let value = self.database.get(&transaction, key)?;
        if let Some(value) = value {
            visit(value);
        }
        Ok(value.is_some())
    }

    fn get_many(&self, keys: &[Key], visit: &mut dyn FnMut(usize, &[u8])) -> Outcome<usize> {
        let transaction = self.environment.read_txn()?;
        let mut found = 0;
        for (position, key) in keys.iter().enumerate() {
            if let Some(value) = self.database.get(&transaction, key)? {
                visit(position, value);
                found += 1;
            }
        }
        Ok(found)
    }

    fn scan(
        &self,
        from: &Key,
        limit: usize,
        visit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Outcome<usize> {
        let transaction = self.environment.read_txn()?;
        let mut count = 0;
        let range = (Bound::Included(from.as_slice()), Bound::Unbounded);
        for entry in self.database.range(&transaction, &range)?.take(limit) {
            let (key, value) = entry?;
            visit(key, value);
            count += 1;
        }
        Ok(count)
    }

    fn scan_prefix(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Outcome<usize> {
        let transaction = self.environment.read_txn()?;
        let mut count = 0;
        for entry in self.database.prefix_iter(&transaction, prefix)? {
            let (key, value) = entry?;
            visit(key, value);
            count += 1;
        }
        Ok(count)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&mut Getter<'_>) -> Outcome<()>) -> Outcome<()> {
        let transaction = self.environment.read_txn()?;
        read(&mut |key, visit| {
            let value = self.database.get(&transaction, key)?;
            if let Some(value) = value {
                visit(value);
            }
            Ok(value.is_some())
        })
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.environment.force_sync()?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        self.sync()?;
        self.environment.prepare_for_closing().wait();
        Ok(())
    }
}

impl Exchange for LmdbPeer {
    fn exchange(&self, keys: [&Key; 2], change: &Change<'_>) -> Outcome<u64> {
        let mut transaction = self.environment.write_txn()?;
        let [first, second] = keys.map(|key| self.database.get(&transaction, key));
        let values = change([present(first?)?, present(second?)?]);
        for (key, value) in keys.into_iter().zip(values) {
            self.database.put(&mut transaction, key, &value)?;
        }
        transaction.commit()?;
        Ok(1)
    }
}
