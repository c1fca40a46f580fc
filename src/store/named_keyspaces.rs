//! The keyspaces that may be written to, as the writer knows them.

use std::cell::OnceCell;
use std::ops::ControlFlow;

use super::catalogue::{self, CatalogueReader};
use crate::Result;
use crate::engine::{
    Group, KeyInterval, KeyRange, KeyspaceId, MutationKind, ReadHalf, ScanPage, ScannedEntry,
};
use crate::sync::Arc;

/// The numbers of the keyspaces that have a name, as they are stored.
///
/// They are read from the catalogue when a write to one of them comes, and again after a name was
/// removed.
#[derive(Default)]
pub(crate) struct NamedKeyspaces(OnceCell<Vec<KeyspaceId>>);

impl NamedKeyspaces {
    /// Returns true if a keyspace has a name. The engine is read if that is not known.
    pub(super) fn contains(&self, keyspace: KeyspaceId, reader: &dyn ReadHalf) -> Result<bool> {
        let numbers = match self.0.get() {
            Some(numbers) => numbers,
            None => {
                let numbers = catalogue::numbers(&StoredCatalogue::of(reader)?)?;
                self.0.get_or_init(|| numbers)
            }
        };
        Ok(numbers.binary_search(&keyspace).is_ok())
    }

    /// Notes a group that was committed. Returns the keyspaces that it dropped, as far as the
    /// catalogue can be read.
    pub(super) fn change(
        &mut self,
        changes: NamedChanges,
        reader: &dyn ReadHalf,
    ) -> Vec<KeyspaceId> {
        let NamedChanges { named, removes, mut cleared } = changes;
        if removes {
            self.0.take();
            cleared.retain(|keyspace| matches!(self.contains(*keyspace, reader), Ok(false)));
            return cleared;
        }
        if let Some(numbers) = self.0.get_mut() {
            numbers.extend(named);
            numbers.sort_unstable();
            numbers.dedup();
        }
        Vec::new()
    }
}

/// The changes of the catalogue by a group.
pub(super) struct NamedChanges {
    /// The keyspaces that get a name.
    named: Vec<KeyspaceId>,
    /// True if a name is removed, or cannot be told.
    removes: bool,
    /// The keyspaces with a name, by now or before, of which all keys are removed.
    cleared: Vec<KeyspaceId>,
}

impl NamedChanges {
    /// Returns the changes by a group.
    pub(super) fn of(group: &Group) -> Self {
        let mut changes = Self { named: Vec::new(), removes: false, cleared: Vec::new() };
        for mutation in group.batches().flatten() {
            if mutation.keyspace != KeyspaceId::CATALOGUE {
                let is_clear = mutation.range() == Some(KeyInterval::ALL)
                    && mutation.keyspace >= KeyspaceId::FIRST_NAMED;
                changes.cleared.extend(is_clear.then_some(mutation.keyspace));
                continue;
            }
            match &mutation.kind {
                MutationKind::Put { key, value, .. } if catalogue::is_name(key) => {
                    let number = catalogue::decode(value);
                    changes.removes |= number.is_err();
                    changes.named.extend(number);
                }
                MutationKind::Put { .. } => {}
                MutationKind::Remove { .. } | MutationKind::RemoveRange { .. } => {
                    changes.removes = true;
                }
            }
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
