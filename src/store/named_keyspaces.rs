//! The keyspaces that may be written to, as the writer knows them.

use std::cell::OnceCell;
use std::ops::ControlFlow;

use super::catalogue::{self, CatalogueReader};
use crate::Result;
use crate::engine::{KeyRange, KeyspaceId, ReadHalf, ScanPage, ScannedEntry};
use crate::sync::Arc;

/// The numbers of the keyspaces that have a name, as they are stored.
///
/// They are read from the catalogue when a write to one of them comes, and again after a change of
/// the catalogue.
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

    /// Forgets them, because the catalogue changes.
    pub(super) fn forget(&mut self) {
        self.0.take();
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
