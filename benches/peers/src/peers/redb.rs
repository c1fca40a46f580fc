//! redb, copy-on-write B-trees in one file.

use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};

use super::{Change, Exchange, Getter, Peer, Profile, Settings, present};
use crate::Outcome;
use crate::data::Key;

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("data");

/// The description of redb.
pub const PROFILE: Profile = Profile {
    name: "redb",
    package: "redb",
    settings: "`set_cache_size`; `Durability::None`, or `Immediate`. A write or a batch is one \
               transaction, a \
               read begins one.",
    deferred: "a kill and power loss: everything since the last synced commit",
    is_syncing: true,
    open: |settings| Ok(Box::new(open(settings)?)),
    open_transactional: |settings| Ok(Box::new(open(settings)?)),
    has_snapshots: true,
    has_watches: false,
};

struct RedbPeer {
    database: Database,
    durability: Durability,
}

fn open(settings: &Settings<'_>) -> Outcome<RedbPeer> {
    let cache_bytes = usize::try_from(settings.cache_bytes)?;
    let database = Database::builder()
        .set_cache_size(cache_bytes)
        .create(settings.directory.join("data.redb"))?;
    let durability = if settings.synced { Durability::Immediate } else { Durability::None };
    let peer = RedbPeer { database, durability };
    // Reads need the table to exist.
    peer.write(Durability::Immediate, |_| Ok(()))?;
    Ok(peer)
}

impl RedbPeer {
    fn write(
        &self,
        durability: Durability,
        change: impl FnOnce(&mut redb::Table<'_, &[u8], &[u8]>) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut transaction: WriteTransaction = self.database.begin_write()?;
        transaction.set_durability(durability)?;
        {
            let mut table = transaction.open_table(TABLE)?;
            change(&mut table)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Peer for RedbPeer {
    fn set(&self, key: &Key, value: &[u8]) -> Outcome<()> {
        self.write(self.durability, |table| {
            table.insert(key.as_slice(), value)?;
            Ok(())
        })
    }

    fn set_many(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        self.write(self.durability, |table| {
            for (key, value) in entries {
                table.insert(key.as_slice(), value.as_slice())?;
            }
            Ok(())
        })
    }

    fn get(&self, key: &Key, visit: &mut dyn FnMut(&[u8])) -> Outcome<bool> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        let value = table.get(key.as_slice())?;
        if let Some(value) = &value {
            visit(value.value());
        }
        Ok(value.is_some())
    }

    fn get_many(&self, keys: &[Key], visit: &mut dyn FnMut(usize, &[u8])) -> Outcome<usize> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        let mut found = 0;
        for (position, key) in keys.iter().enumerate() {
            if let Some(value) = table.get(key.as_slice())? {
                visit(position, value.value());
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
        let table = self.database.begin_read()?.open_table(TABLE)?;
        let mut count = 0;
        for entry in table.range(from.as_slice()..)?.take(limit) {
            let (key, value) = entry?;
            visit(key.value(), value.value());
            count += 1;
        }
        Ok(count)
    }

    fn scan_prefix(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Outcome<usize> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        let mut count = 0;
        for entry in table.range(prefix..)? {
            let (key, value) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            visit(key.value(), value.value());
            count += 1;
        }
        Ok(count)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&mut Getter<'_>) -> Outcome<()>) -> Outcome<()> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        read(&mut |key, visit| {
            let value = table.get(key.as_slice())?;
            if let Some(value) = &value {
                visit(value.value());
            }
            Ok(value.is_some())
        })
    }

    fn sync(&self) -> Outcome<()> {
        self.write(Durability::Immediate, |_| Ok(()))
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        self.sync()?;
        Ok(self.database.close()?)
    }
}

impl Exchange for RedbPeer {
    fn exchange(&self, keys: [&Key; 2], change: &Change<'_>) -> Outcome<u64> {
        self.write(self.durability, |table| {
            let get = |key: &Key| -> Outcome<Vec<u8>> {
                present(table.get(key.as_slice())?.map(|value| value.value().to_vec()))
            };
            let [first, second] = keys.map(get);
            for (key, value) in keys.into_iter().zip(change([&first?, &second?])) {
                table.insert(key.as_slice(), value.as_slice())?;
            }
            Ok(())
        })?;
        Ok(1)
    }
}
