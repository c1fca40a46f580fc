//! fjall, a log-structured merge tree.

use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, OptimisticTxDatabase,
    OptimisticTxKeyspace, PersistMode, Readable,
};

use super::{Change, Exchange, Getter, Peer, Profile, present};
use crate::Outcome;
use crate::data::Key;

/// The description of fjall.
pub const PROFILE: Profile = Profile {
    name: "fjall",
    package: "fjall",
    settings: "`cache_size`, no compression, `expect_point_read_hits`; synced: `persist(SyncData)` \
               after each \
               write. Batches: `WriteBatch`. Transactions: `OptimisticTxDatabase`.",
    deferred: "a kill: nothing; power loss: what the system has not written back",
    is_syncing: true,
    open: |settings| {
        let database =
            Database::builder(settings.directory).cache_size(settings.cache_bytes).open()?;
        let keyspace = database.keyspace("data", options)?;
        Ok(Box::new(FjallPeer { database, keyspace, synced: settings.synced }))
    },
    open_transactional: |settings| {
        let database = OptimisticTxDatabase::builder(settings.directory)
            .cache_size(settings.cache_bytes)
            .open()?;
        let keyspace = database.keyspace("data", options)?;
        Ok(Box::new(FjallTransactions { database, keyspace }))
    },
    has_snapshots: true,
    has_watches: false,
};

fn options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .expect_point_read_hits(true)
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
}

struct FjallPeer {
    database: Database,
    keyspace: Keyspace,
    synced: bool,
}

impl Peer for FjallPeer {
    fn set(&self, key: &Key, value: &[u8]) -> Outcome<()> {
        self.keyspace.insert(*key, value)?;
        if self.synced {
            self.database.persist(PersistMode::SyncData)?;
        }
        Ok(())
    }

    fn set_many(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        let mut batch = self.database.batch();
        for (key, value) in entries {
            batch.insert(&self.keyspace, *key, value.as_slice());
        }
        let mode = if self.synced { PersistMode::SyncData } else { PersistMode::Buffer };
        Ok(batch.durability(Some(mode)).commit()?)
    }

    fn get(&self, key: &Key, visit: &mut dyn FnMut(&[u8])) -> Outcome<bool> {
        let value = self.keyspace.get(key)?;
        if let Some(value) = &value {
            visit(value);
        }
        Ok(value.is_some())
    }

    fn scan(
        &self,
        from: &Key,
        limit: usize,
        visit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Outcome<usize> {
        let mut count = 0;
        for entry in self.keyspace.range(*from..).take(limit) {
            let (key, value) = entry.into_inner()?;
            visit(&key, &value);
            count += 1;
        }
        Ok(count)
    }

    fn scan_prefix(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Outcome<usize> {
        let mut count = 0;
        for entry in self.keyspace.prefix(prefix) {
            let (key, value) = entry.into_inner()?;
            visit(&key, &value);
            count += 1;
        }
        Ok(count)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&mut Getter<'_>) -> Outcome<()>) -> Outcome<()> {
        let snapshot = self.database.snapshot();
        read(&mut |key, visit| {
            let value = snapshot.get(&self.keyspace, key)?;
            if let Some(value) = &value {
                visit(value);
            }
            Ok(value.is_some())
        })
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        self.sync()
    }
}

struct FjallTransactions {
    database: OptimisticTxDatabase,
    keyspace: OptimisticTxKeyspace,
}

impl Exchange for FjallTransactions {
    fn exchange(&self, keys: [&Key; 2], change: &Change<'_>) -> Outcome<u64> {
        let mut runs = 0;
        loop {
            runs += 1;
            let mut transaction = self.database.write_tx()?;
            let [first, second] = keys.map(|key| transaction.get(&self.keyspace, key));
            let values = change([&present(first?)?, &present(second?)?]);
            for (key, value) in keys.into_iter().zip(values) {
                transaction.insert(&self.keyspace, *key, value);
            }
            if transaction.commit()?.is_ok() {
                return Ok(runs);
            }
        }
    }
}
