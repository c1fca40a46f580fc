//! The keyspaces that a connection named lately, so that it looks a name up once.

use crate::store::Keyspace;
use crate::store::read::{Access, ReadResult};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, lock};
use crate::{Error, Store};

/// The most keyspaces that are kept for a connection; one that names more looks some up again.
const KEYSPACES_MAX: usize = 8;

/// Keyspaces by their names.
#[derive(Default)]
pub(crate) struct KeyspaceCache {
    known: Mutex<KnownKeyspaces>,
    /// The bytes of memory of those that are known.
    bytes: AtomicUsize,
}

/// The keyspaces that were looked up, the latest last.
#[derive(Default)]
struct KnownKeyspaces {
    /// The version of the catalogue that it holds for.
    version: u64,
    keyspaces: Vec<Arc<Keyspace>>,
}

impl KeyspaceCache {
    /// Returns the keyspace with this name, as far as `access` allows to look it up.
    pub(crate) fn open(
        &self,
        store: &Store,
        name: &str,
        access: Access,
    ) -> ReadResult<Arc<Keyspace>> {
        // Before the look-up: a change behind this number leads to another one.
        let version = store.catalogue_version();
        let mut known = lock(&self.known);
        if known.version != version {
            known.keyspaces.clear();
            known.version = version;
        }
        if let Some(found) = known.keyspaces.iter().find(|keyspace| keyspace.name() == name) {
            return Ok(Arc::clone(found));
        }
        let Some(found) = store.find_keyspace_within(name, access)? else {
            return Err(Error::NoSuchKeyspace { name: name.to_owned() }.into());
        };
        let found = Arc::new(found);
        if known.keyspaces.len() == KEYSPACES_MAX {
            known.keyspaces.remove(0);
        }
        known.keyspaces.push(Arc::clone(&found));
        self.bytes.store(known.memory(), Ordering::Relaxed);
        Ok(found)
    }

    /// Returns the bytes of memory that it holds.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl KnownKeyspaces {
    fn memory(&self) -> usize {
        let names = self.keyspaces.iter().map(|keyspace| keyspace.name().len());
        self.keyspaces.len() * size_of::<Keyspace>() + names.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;

    #[test]
    fn a_name_is_looked_up_once_until_the_catalogue_changes() {
        let context = testing::context();
        let (store, cache) = (&context.store, KeyspaceCache::default());
        let open = |name: &str| cache.open(store, name, Access::MemoryOnly).unwrap();
        store.keyspace("a").unwrap().set("k", "a").unwrap();
        store.keyspace("b").unwrap().set("k", "b").unwrap();
        let first = open("a");
        assert!(Arc::ptr_eq(&first, &open("a")));
        assert!(cache.memory() >= size_of::<Keyspace>());
        store.swap_keyspaces("a", "b").unwrap();
        assert_eq!(open("a").get("k").unwrap().unwrap(), b"b");
        store.drop_keyspace("a").unwrap();
        assert!(cache.open(store, "a", Access::MemoryOnly).is_err());
        store.keyspace("a").unwrap();
        assert_eq!(open("a").len().unwrap(), 0);
    }

    #[test]
    fn a_connection_keeps_few_of_many_keyspaces() {
        let context = testing::context();
        let (store, cache) = (&context.store, KeyspaceCache::default());
        for number in 0..3 * KEYSPACES_MAX {
            let name = format!("{number:0>200}");
            store.keyspace(&name).unwrap();
            assert_eq!(cache.open(store, &name, Access::MemoryOnly).unwrap().name(), name);
        }
        let names = (0..3 * KEYSPACES_MAX).map(|number| format!("{number:0>200}"));
        names.for_each(|name| drop(cache.open(store, &name, Access::MemoryOnly).unwrap()));
        assert!(cache.memory() <= KEYSPACES_MAX * (size_of::<Keyspace>() + 200));
    }
}
