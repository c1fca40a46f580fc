//! This project's store.

use std::ops::ControlFlow;
use std::time::Duration;

use kvs::{Durability, Options, Store, WriteBatch};

use super::{Peer, Profile, Settings};
use crate::Outcome;
use crate::data::Key;

/// The description of kvs.
pub const PROFILE: Profile = Profile {
    name: "kvs",
    package: "kvs",
    settings: "`cache_bytes`; `Durability::Interval` of one second, or `Always`. Batches: \
               `WriteBatch`.",
    deferred: "a kill: nothing; power loss: the last second",
    is_syncing: true,
    open: |settings| Ok(Box::new(KvsPeer { store: open(settings)? })),
};

struct KvsPeer {
    store: Store,
}

fn open(settings: &Settings<'_>) -> Outcome<Store> {
    let durability = match settings.synced {
        true => Durability::Always,
        false => Durability::Interval(Duration::from_secs(1)),
    };
    let options = Options::new(settings.directory)
        .durability(durability)
        .cache_bytes(usize::try_from(settings.cache_bytes)?);
    Ok(Store::open(options)?)
}

impl Peer for KvsPeer {
    fn set(&self, key: &Key, value: &[u8]) -> Outcome<()> {
        Ok(self.store.set(*key, value)?)
    }

    fn set_many(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        let mut batch = WriteBatch::new();
        for (key, value) in entries {
            batch.set(*key, value.as_slice());
        }
        Ok(self.store.write(batch)?)
    }

    fn get(&self, key: &Key, visit: &mut dyn FnMut(&[u8])) -> Outcome<bool> {
        Ok(self.store.get_with(key, visit)?.is_some())
    }

    fn scan(
        &self,
        from: &Key,
        limit: usize,
        visit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Outcome<usize> {
        let mut count = 0;
        let _: ControlFlow<()> = self.store.scan_each(from.to_vec().., limit, |key, value| {
            visit(key, value);
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.store.sync()?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.store.sync()?)
    }
}
