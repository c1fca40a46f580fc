//! This project's store.

use std::ops::ControlFlow;
use std::time::Duration;

use kvs::{Durability, Options, Store, WatchEvent, WriteBatch, WriteTicket};

use super::{Change, Exchange, Getter, Peer, Profile, Settings, Watch, present};
use crate::Outcome;
use crate::data::Key;

/// The description of kvs.
pub const PROFILE: Profile = Profile {
    name: "kvs",
    package: "kvs",
    settings: "`cache_bytes`; `Durability::Interval` of one second, or `Always`. Batches: \
               `WriteBatch`. Transactions: `Store::transaction`; deferred: `submit`.",
    deferred: "a kill: nothing; power loss: the last second",
    is_syncing: true,
    open: |settings| Ok(Box::new(KvsPeer { store: open(settings)? })),
    open_transactional: |settings| Ok(Box::new(KvsPeer { store: open(settings)? })),
    has_snapshots: true,
    has_watches: true,
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

    fn scan_prefix(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Outcome<usize> {
        let mut count = 0;
        for entry in self.store.scan_prefix(prefix) {
            let (key, value) = entry?;
            visit(&key, &value);
            count += 1;
        }
        Ok(count)
    }

    fn set_deferred(&self, entries: &[(Key, Vec<u8>)]) -> Outcome<()> {
        let store = self.store.with_sync(true);
        let mut tickets = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let mut batch = WriteBatch::new();
            batch.set(*key, value.as_slice());
            tickets.push(store.submit(batch)?);
        }
        Ok(tickets.into_iter().try_for_each(WriteTicket::wait)?)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&mut Getter<'_>) -> Outcome<()>) -> Outcome<()> {
        let snapshot = self.store.snapshot()?;
        read(&mut |key, visit| Ok(snapshot.get_with(key, visit)?.is_some()))
    }

    fn watch(&self) -> Outcome<Watch> {
        let mut watch = self.store.watch(..)?;
        Ok(Box::new(move |visit| {
            match watch.next() {
                Some(WatchEvent::Committed(batch)) => {
                    for change in batch.changes() {
                        if let kvs::Change::Set { key, .. } = change {
                            visit(key);
                        }
                    }
                }
                Some(WatchEvent::Missed { .. }) => {}
                None => return Err("the watch ended".into()),
            }
            Ok(())
        }))
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.store.sync()?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.store.sync()?)
    }
}

impl Exchange for KvsPeer {
    fn exchange(&self, keys: [&Key; 2], change: &Change<'_>) -> Outcome<u64> {
        let mut runs = 0;
        self.store.transaction(|transaction| -> Outcome<()> {
            runs += 1;
            let [first, second] = keys.map(|key| transaction.get(key));
            let values = change([&present(first?)?, &present(second?)?]);
            for (key, value) in keys.into_iter().zip(values) {
                transaction.set(*key, value);
            }
            Ok(())
        })?;
        Ok(runs)
    }
}
