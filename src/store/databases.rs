//! The databases of Redis, to be read.

use std::collections::BTreeMap;

use super::catalogue;
use super::database::NOWHERE;
use super::handle::Store;
use super::keyspace_view::KeyspaceView;
use super::keyspaces::{number_of, read_within};
use super::named_keyspaces::StoredCatalogue;
use super::read::{Access, ReadResult};
use crate::Result;
use crate::engine::KeyspaceId;

impl Store {
    /// Returns the entries of a database: of the keyspace that its number stands for now, as far as
    /// `access` allows to look that up, or of none if it has no keyspace yet.
    ///
    /// It holds as long as [`catalogue_version`](Self::catalogue_version) stays what it was before.
    pub(crate) fn database(&self, database: u32, access: Access) -> ReadResult<KeyspaceView> {
        let (stored, moment) = (self.sibling(KeyspaceId::CATALOGUE)?, self.hold_moment()?);
        let row = catalogue::database_row(database);
        let renamed = read_within(access)(&*stored.reader, &row, moment.snapshot.as_ref())?;
        let name = match renamed {
            Some(entry) => catalogue::name(&entry.value)?,
            None => catalogue::first_name(database),
        };
        Ok(match number_of(self, &name, read_within(access))? {
            Some(KeyspaceId::DEFAULT) => KeyspaceView::clone(self),
            number => self.sibling(number.unwrap_or(NOWHERE))?,
        })
    }

    /// Returns the databases below a number, by the keyspaces that they stand for now. It may wait
    /// for the disk.
    pub(crate) fn databases_of_keyspaces(&self, count: u32) -> Result<BTreeMap<KeyspaceId, u32>> {
        let stored = StoredCatalogue::of(&*self.shared.reader)?;
        let mut databases = BTreeMap::new();
        for database in 0..count {
            let name = catalogue::database_name(database, &stored)?;
            databases.extend(catalogue::find(&stored, &name)?.map(|found| (found, database)));
        }
        Ok(databases)
    }
}
