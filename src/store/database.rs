//! The numbers by which operations name the databases of Redis.
//!
//! A database stands for a keyspace, as the catalogue says. An operation on one has a number above
//! those of all keyspaces, and the writer decides which keyspace that is: so no swap of databases
//! comes between the decision and the write.

use crate::engine::KeyspaceId;

/// The most databases that a server may have.
pub(crate) const DATABASES_MAX: u32 = 1 << 16;

/// A keyspace that never has a key: a database stands for it until its first key is set.
pub(super) const NOWHERE: KeyspaceId = KeyspaceId(u32::MAX);

/// The number by which operations name database 0, above those of all keyspaces.
pub(super) const FIRST_DATABASE: KeyspaceId = KeyspaceId(NOWHERE.0 - DATABASES_MAX);

/// Returns the number by which operations name a database, one of [`DATABASES_MAX`].
pub(crate) fn database_keyspace(database: u32) -> KeyspaceId {
    KeyspaceId(FIRST_DATABASE.0 + database.min(DATABASES_MAX - 1))
}

/// Returns the database that an operation names, unless it names a keyspace.
pub(super) fn named_database(keyspace: KeyspaceId) -> Option<u32> {
    keyspace.0.checked_sub(FIRST_DATABASE.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_databases_are_those_of_no_keyspace() {
        for database in [0, 1, DATABASES_MAX - 1] {
            assert_eq!(named_database(database_keyspace(database)), Some(database));
            assert_ne!(database_keyspace(database), NOWHERE);
        }
        for keyspace in [KeyspaceId::DEFAULT, KeyspaceId::CATALOGUE, KeyspaceId::FIRST_NAMED] {
            assert_eq!(named_database(keyspace), None);
        }
    }
}
