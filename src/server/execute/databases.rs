//! The databases of Redis: the keyspaces that their numbers stand for, looked up once for all
//! connections.

use std::collections::BTreeMap;
use std::ops::Deref;

use crate::Store;
use crate::store::KeyspaceView;
use crate::store::read::{Access, ReadResult};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};

/// The keyspaces of the databases that were looked up since the catalogue of keyspaces changed.
#[derive(Default)]
pub(crate) struct Databases {
    /// The version of the catalogue, plus one, for which database 0 is known to be the default
    /// keyspace: almost every request is about that, and takes no lock.
    first_is_default: AtomicU64,
    known: Mutex<KnownDatabases>,
}

/// The views of databases by their numbers.
#[derive(Default)]
struct KnownDatabases {
    /// The version of the catalogue that it holds for.
    version: u64,
    views: BTreeMap<u32, Arc<KeyspaceView>>,
}

/// The entries of a database.
pub(crate) enum DatabaseView<'a> {
    /// Those of the default keyspace.
    Default(&'a KeyspaceView),
    /// Those of another one.
    Other(Arc<KeyspaceView>),
}

impl Deref for DatabaseView<'_> {
    type Target = KeyspaceView;

    fn deref(&self) -> &KeyspaceView {
        match self {
            Self::Default(view) => view,
            Self::Other(view) => view,
        }
    }
}

impl Databases {
    /// Returns the entries of a database, as far as `access` allows to look it up.
    pub(crate) fn view<'a>(
        &self,
        store: &'a Store,
        database: u32,
        access: Access,
    ) -> ReadResult<DatabaseView<'a>> {
        // Before the look-up: a change behind this number leads to another one.
        let version = store.catalogue_version();
        if database == 0 && self.first_is_default.load(Ordering::Acquire) == version + 1 {
            return Ok(DatabaseView::Default(store));
        }
        if let Some(known) = self.known(version, database) {
            return Ok(DatabaseView::Other(known));
        }
        // This may wait for the disk, so without the lock.
        let found = store.database(database, access)?;
        if database == 0 && found.shows_same_keyspace(store) {
            self.first_is_default.store(version + 1, Ordering::Release);
            return Ok(DatabaseView::Default(store));
        }
        let found = Arc::new(found);
        let mut known = lock(&self.known);
        if known.version == version {
            known.views.insert(database, Arc::clone(&found));
        }
        Ok(DatabaseView::Other(found))
    }

    fn known(&self, version: u64, database: u32) -> Option<Arc<KeyspaceView>> {
        let mut known = lock(&self.known);
        if known.version < version {
            *known = KnownDatabases { version, ..KnownDatabases::default() };
        }
        let is_current = known.version == version;
        known.views.get(&database).filter(|_| is_current).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;
    use crate::store::{
        Batch, CatalogueOperation, KeyspaceOperation, WriteOperation, database_keyspace,
    };

    fn apply(store: &Store, database: u32, operation: WriteOperation) {
        let keyspace = database_keyspace(database);
        store.apply(Batch::single(KeyspaceOperation { keyspace, operation })).unwrap();
    }

    #[test]
    fn a_database_is_looked_up_again_once_it_has_another_keyspace() {
        let context = testing::context();
        let (store, databases) = (&context.store, Databases::default());
        let view = |database| databases.view(store, database, Access::MemoryOnly).unwrap();
        assert!(matches!(view(0), DatabaseView::Default(_)));
        assert_eq!((view(0).len().unwrap(), view(1).len().unwrap()), (0, 0));
        assert_eq!(store.keyspaces().unwrap(), ["default"]);
        apply(store, 1, WriteOperation::Remove { key: b"k".to_vec() });
        assert_eq!(store.keyspaces().unwrap(), ["default"]);
        apply(store, 1, WriteOperation::set("k", "1", None));
        assert_eq!(store.keyspaces().unwrap(), ["db1", "default"]);
        assert_eq!((view(0).len().unwrap(), view(1).len().unwrap()), (0, 1));
        let swap = |first, second| {
            let swap = CatalogueOperation::SwapDatabases { first, second };
            apply(store, 0, WriteOperation::Catalogue(swap));
        };
        swap(0, 1);
        assert_eq!(view(0).get("k").unwrap().unwrap(), b"1");
        assert_eq!(view(1).len().unwrap(), 0);
        apply(store, 1, WriteOperation::set("k", "default", None));
        assert_eq!(store.get("k").unwrap().unwrap(), b"default");
        swap(1, 0);
        assert!(matches!(view(0), DatabaseView::Default(_)));
        assert_eq!(view(0).get("k").unwrap().unwrap(), b"default");
        swap(0, 7);
        assert_eq!(view(0).len().unwrap(), 0);
        assert_eq!(view(7).get("k").unwrap().unwrap(), b"default");
        // Database 0 stands for a keyspace that is not there, and gets it.
        apply(store, 0, WriteOperation::set("k", "seven", None));
        assert_eq!(view(0).get("k").unwrap().unwrap(), b"seven");
        assert_eq!(store.keyspaces().unwrap(), ["db1", "db7", "default"]);
    }

    #[test]
    fn a_database_whose_keyspace_was_dropped_gets_another_one() {
        let context = testing::context();
        let (store, databases) = (&context.store, Databases::default());
        let view = |database| databases.view(store, database, Access::MemoryOnly).unwrap();
        apply(store, 3, WriteOperation::set("k", "1", None));
        assert_eq!(view(3).len().unwrap(), 1);
        store.drop_keyspace("db3").unwrap();
        assert_eq!(view(3).len().unwrap(), 0);
        apply(store, 3, WriteOperation::set("k", "2", None));
        assert_eq!(view(3).get("k").unwrap().unwrap(), b"2");
        assert_eq!(store.find_keyspace("db3").unwrap().unwrap().len().unwrap(), 1);
    }
}
