//! The keyspaces that may be written to, as the writer knows them.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::catalogue::{self, CatalogueReader};
use crate::Result;
use crate::engine::{Group, KeyRange, KeyspaceId, MutationKind, ReadHalf, ScanPage, ScannedEntry};
use crate::sync::Arc;

/// The numbers of the keyspaces that have a name, as they are stored.
///
/// They are read from the catalogue when a write to one of them comes, and again after a name was
/// removed.
#[derive(Default)]
pub(crate) struct NamedKeyspaces {
    numbers: OnceCell<Vec<KeyspaceId>>,
    /// The keyspaces of those databases that were looked up since the catalogue changed.
    databases: RefCell<BTreeMap<u32, KeyspaceId>>,
}

impl NamedKeyspaces {
    /// Returns true if a keyspace has a name. The engine is read if that is not known.
    pub(super) fn contains(&self, keyspace: KeyspaceId, reader: &dyn ReadHalf) -> Result<bool> {
        let numbers = match self.numbers.get() {
            Some(numbers) => numbers,
            None => {
                let numbers = catalogue::numbers(&StoredCatalogue::of(reader)?)?;
                self.numbers.get_or_init(|| numbers)
            }
        };
        Ok(numbers.binary_search(&keyspace).is_ok())
    }

    /// Returns the keyspace that a database stands for, if it has one. The engine is read if that
    /// is not known.
    pub(super) fn of_database(
        &self,
        database: u32,
        reader: &dyn ReadHalf,
    ) -> Result<Option<KeyspaceId>> {
        if let Some(found) = self.databases.borrow().get(&database) {
            return Ok(Some(*found));
        }
        let stored = StoredCatalogue::of(reader)?;
        let found = catalogue::find(&stored, &catalogue::database_name(database, &stored)?)?;
        self.databases.borrow_mut().extend(found.map(|found| (database, found)));
        Ok(found)
    }

    /// Notes a group that was committed.
    pub(super) fn change(&mut self, changes: NamedChanges) {
        if !changes.is_empty() {
            self.databases.get_mut().clear();
        }
        if changes.removes {
            self.numbers.take();
        }
        if let Some(numbers) = self.numbers.get_mut() {
            numbers.extend(changes.named);
            numbers.sort_unstable();
            numbers.dedup();
        }
    }
}

/// The changes of the catalogue by a group.
pub(super) struct NamedChanges {
    /// The keyspaces that get a name.
    named: Vec<KeyspaceId>,
    /// True if a name is removed, or cannot be told.
    removes: bool,
    /// True if a database gets another keyspace.
    swaps: bool,
    /// The keyspaces that are dropped.
    pub(super) dropped: Vec<KeyspaceId>,
}

impl NamedChanges {
    /// Returns true if every name and every database is as it was.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && !self.removes && !self.swaps
    }

    /// Returns the changes by a group.
    pub(super) fn of(group: &Group) -> Self {
        let (named, dropped) = (Vec::new(), Vec::new());
        let mut changes = Self { named, removes: false, swaps: false, dropped };
        let mutations = group.batches().flatten();
        for mutation in mutations.filter(|mutation| mutation.keyspace == KeyspaceId::CATALOGUE) {
            match &mutation.kind {
                MutationKind::Put { key, value, .. } if catalogue::is_name(key) => {
                    let number = catalogue::decode(value);
                    changes.removes |= number.is_err();
                    changes.named.extend(number);
                }
                MutationKind::Put { key, .. } => {
                    changes.swaps |= catalogue::is_database_row(key);
                }
                MutationKind::Remove { .. } | MutationKind::RemoveRange { .. } => {
                    changes.removes = true;
                }
            }
        }
        if changes.removes {
            changes.dropped.extend(group.batches().flat_map(catalogue::dropped));
        }
        changes
    }
}

/// The catalogue as it is stored.
pub(super) struct StoredCatalogue(Arc<dyn ReadHalf>);

impl StoredCatalogue {
    /// Returns the catalogue of an engine, by a reader of any keyspace.
    pub(super) fn of(reader: &dyn ReadHalf) -> Result<Self> {
        reader.keyspace(KeyspaceId::CATALOGUE).map(Self)
    }
}

impl CatalogueReader for StoredCatalogue {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key)?.map(|entry| entry.value))
    }

    fn keys(&self) -> Result<Vec<Vec<u8>>> {
        let range = KeyRange::all();
        let page = ScanPage { range: &range, snapshot: None, limit: usize::MAX, keys_only: true };
        let mut keys = Vec::new();
        self.0.scan(&page, &mut |found: ScannedEntry<'_>| {
            keys.push(found.key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(keys)
    }
}
