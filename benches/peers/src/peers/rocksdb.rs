//! RocksDB, a log-structured merge tree in C++.

use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, Direction, ErrorKind, IteratorMode,
    OptimisticTransactionDB, Options, WriteBatch, WriteOptions,
};

use super::{Change, Exchange, Getter, Peer, Profile, Settings, present};
use crate::Outcome;
use crate::data::Key;

/// The description of RocksDB.
pub const PROFILE: Profile = Profile {
    name: "RocksDB",
    package: "rocksdb",
    settings: "A block cache, Bloom filters of 10 bits, index and filters cached, no compression, \
               `increase_parallelism`, `optimize_level_style_compaction`; synced: `set_sync`. \
               Batches: `WriteBatch`. Transactions: `OptimisticTransactionDB`, `get_for_update`. \
               The library is the one that is installed, 7.8.3 on Debian 12, or the crate's own \
               7.9.2.",
    deferred: "a kill: nothing; power loss: what the system has not written back",
    is_syncing: true,
    open: |settings| Ok(Box::new(open(settings)?)),
    open_transactional: |settings| {
        let database = OptimisticTransactionDB::open(&options(settings)?, settings.directory)?;
        Ok(Box::new(RocksTransactions { database }))
    },
    has_snapshots: true,
    has_watches: false,
};

/// The bytes that memtables take before they are written out, as the wiki's tuning guide suggests.
const MEMTABLE_BYTES: usize = 128 << 20;

struct RocksPeer {
    database: DB,
    write_options: WriteOptions,
}

fn open(settings: &Settings<'_>) -> Outcome<RocksPeer> {
    let mut write_options = WriteOptions::default();
    write_options.set_sync(settings.synced);
    Ok(RocksPeer { database: DB::open(&options(settings)?, settings.directory)?, write_options })
}

fn options(settings: &Settings<'_>) -> Outcome<Options> {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(usize::try_from(settings.cache_bytes)?)?);
    table.set_bloom_filter(10.0, false);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.increase_parallelism(i32::try_from(std::thread::available_parallelism()?.get())?);
    options.optimize_level_style_compaction(MEMTABLE_BYTES);
    options.set_compression_per_level(&[DBCompressionType::None; 7]);
    options.set_block_based_table_factory(&table);
    Ok(options)
}

impl Peer for RocksPeer {
    fn set(&self, key: &Key, value: &[u8]) -> Outcome<()> {
        Ok(self.database.put_opt(key, value, &self.write_options)?)
    }

    fn set_many(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        let mut batch = WriteBatch::default();
        for (key, value) in entries {
            batch.put(key, value);
        }
        Ok(self.database.write_opt(batch, &self.write_options)?)
    }

    fn get(&self, key: &Key, visit: &mut dyn FnMut(&[u8])) -> Outcome<bool> {
        let value = self.database.get_pinned(key)?;
        if let Some(value) = &value {
            visit(value);
        }
        Ok(value.is_some())
    }

    fn get_many(&self, keys: &[Key], visit: &mut dyn FnMut(usize, &[u8])) -> Outcome<usize> {
        let mut found = 0;
        for (position, value) in self.database.multi_get(keys).into_iter().enumerate() {
            if let Some(value) = value? {
                visit(position, &value);
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
        let mut count = 0;
        let mode = IteratorMode::From(from, Direction::Forward);
        for entry in self.database.iterator(mode).take(limit) {
            let (key, value) = entry?;
            visit(&key, &value);
            count += 1;
        }
        Ok(count)
    }

    fn scan_prefix(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Outcome<usize> {
        let mut count = 0;
        for entry in self.database.iterator(IteratorMode::From(prefix, Direction::Forward)) {
            let (key, value) = entry?;
            if !key.starts_with(prefix) {
                break;
            }
            visit(&key, &value);
            count += 1;
        }
        Ok(count)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&mut Getter<'_>) -> Outcome<()>) -> Outcome<()> {
        let snapshot = self.database.snapshot();
        read(&mut |key, visit| {
            let value = snapshot.get_pinned(key)?;
            if let Some(value) = &value {
                visit(value);
            }
            Ok(value.is_some())
        })
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.database.flush_wal(true)?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        self.sync()?;
        self.database.cancel_all_background_work(true);
        Ok(())
    }
}

struct RocksTransactions {
    database: OptimisticTransactionDB,
}

impl Exchange for RocksTransactions {
    fn exchange(&self, keys: [&Key; 2], change: &Change<'_>) -> Outcome<u64> {
        let mut runs = 0;
        loop {
            runs += 1;
            let transaction = self.database.transaction();
            let [first, second] = keys.map(|key| transaction.get_for_update(key, true));
            let values = change([&present(first?)?, &present(second?)?]);
            for (key, value) in keys.into_iter().zip(values) {
                transaction.put(key, value)?;
            }
            match transaction.commit() {
                Ok(()) => return Ok(runs),
                Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::TryAgain) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
