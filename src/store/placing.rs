//! The keyspaces that the databases of a group's operations stand for.

use super::catalogue::{self, CatalogueOperation};
use super::database::named_database;
use super::resolve::Resolver;
use crate::Result;
use crate::engine::KeyspaceId;

impl Resolver<'_> {
    /// Returns the keyspace that an operation is about. A database without one is left as it is:
    /// it has no keys, and gets its keyspace with the first.
    pub(super) fn placed(&self, keyspace: KeyspaceId) -> Result<KeyspaceId> {
        let Some(database) = named_database(keyspace) else { return Ok(keyspace) };
        let found = match self.named.filter(|_| !self.touches_catalogue()) {
            Some(named) => named.of_database(database, self.reader)?,
            None => catalogue::find(self, &catalogue::database_name(database, self)?)?,
        };
        Ok(found.unwrap_or(keyspace))
    }

    /// Returns the keyspace of an operation that was [placed](Self::placed) and sets a key: that of
    /// a database is made if it has none.
    pub(super) fn made(&mut self, keyspace: KeyspaceId) -> Result<KeyspaceId> {
        let Some(database) = named_database(keyspace) else { return Ok(keyspace) };
        let name = catalogue::database_name(database, self)?;
        let made = self.change_catalogue(&CatalogueOperation::Create { name })?;
        Ok(made.unwrap_or(keyspace))
    }

    fn touches_catalogue(&self) -> bool {
        let mut layers = [&self.overlay, &self.draft].into_iter();
        layers.any(|layer| layer.touched(KeyspaceId::CATALOGUE).next().is_some())
    }
}
