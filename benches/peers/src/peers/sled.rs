//! sled, a lock-free tree on a log.

use std::cell::Cell;

use sled::transaction::{ConflictableTransactionError, TransactionError};
use sled::{Batch, Config, Db, Mode};

use super::{Change, Exchange, Peer, Profile, Settings, Watch, present};
use crate::Outcome;
use crate::data::Key;

/// The description of sled.
pub const PROFILE: Profile = Profile {
    name: "sled",
    package: "sled",
    settings: "`Mode::HighThroughput`, `cache_capacity`, `flush_every_ms` of a second; batches: \
               `apply_batch`. Its \
               writes that wait for the disk are left out: `flush` ends in `sync_file_range`, \
               which \
               promises nothing for power loss.",
    deferred: "a kill: up to the last second; power loss: the last second",
    is_syncing: false,
    open: |settings| Ok(Box::new(open(settings)?)),
    open_transactional: |settings| Ok(Box::new(open(settings)?)),
    has_snapshots: false,
    has_watches: true,
};

fn open(settings: &Settings<'_>) -> Outcome<SledPeer> {
    let config = Config::new()
        .path(settings.directory)
        .cache_capacity(settings.cache_bytes)
        .mode(Mode::HighThroughput)
        .flush_every_ms(Some(1000));
    // The lock of a database that was just closed lasts until its last thread ends.
    let database = crate::process::retry(|| config.open())?;
    Ok(SledPeer { database, synced: settings.synced })
}

struct SledPeer {
    database: Db,
    synced: bool,
}

impl SledPeer {
    fn flush_if_synced(&self) -> Outcome<()> {
        if self.synced {
            self.database.flush()?;
        }
        Ok(())
    }
}

impl Peer for SledPeer {
    fn set(&self, key: &Key, value: &[u8]) -> Outcome<()> {
        self.database.insert(key, value)?;
        self.flush_if_synced()
    }

    fn set_many(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        let mut batch = Batch::default();
        for (key, value) in entries {
            batch.insert(key, value.as_slice());
        }
        self.database.apply_batch(batch)?;
        self.flush_if_synced()
    }

    fn get(&self, key: &Key, visit: &mut dyn FnMut(&[u8])) -> Outcome<bool> {
        let value = self.database.get(key)?;
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
        for entry in self.database.range(*from..).take(limit) {
            let (key, value) = entry?;
            visit(&key, &value);
            count += 1;
        }
        Ok(count)
    }

    fn scan_prefix(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Outcome<usize> {
        let mut count = 0;
        for entry in self.database.scan_prefix(prefix) {
            let (key, value) = entry?;
            visit(&key, &value);
            count += 1;
        }
        Ok(count)
    }

    fn watch(&self) -> Outcome<Watch> {
        let mut subscriber = self.database.watch_prefix([]);
        Ok(Box::new(move |visit| {
            let event = subscriber.next().ok_or("the watch ended")?;
            visit(event.key());
            Ok(())
        }))
    }

    fn sync(&self) -> Outcome<()> {
        self.database.flush()?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        self.sync()
    }
}

impl Exchange for SledPeer {
    fn exchange(&self, keys: [&Key; 2], change: &Change<'_>) -> Outcome<u64> {
        let runs = Cell::new(0);
        let done = self.database.transaction(|tree| {
            runs.set(runs.get() + 1);
            let [first, second] = keys.map(|key| tree.get(key));
            let found = |value| present(value).map_err(ConflictableTransactionError::Abort);
            let values = change([&found(first?)?, &found(second?)?]);
            for (key, value) in keys.into_iter().zip(values) {
                tree.insert(key, value)?;
            }
            Ok(())
        });
        match done {
            Ok(()) => Ok(runs.get()),
            Err(TransactionError::Abort(error)) => Err(error),
            Err(TransactionError::Storage(error)) => Err(error.into()),
        }
    }
}
