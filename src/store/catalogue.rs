//! The catalogue of keyspaces: their names and numbers, kept as the keys and values of a keyspace
//! of its own. `docs/format.md` says how.

use std::ops::Bound;

use super::database::FIRST_DATABASE;
use crate::bugs::{Bug, planted};
use crate::engine::{KeyInterval, KeyspaceId, Mutation, MutationKind};
use crate::{Error, Result};

/// The name of the default keyspace, which is in no catalogue.
pub(crate) const DEFAULT_NAME: &str = "default";

/// The longest name of a keyspace.
const NAME_BYTES_MAX: usize = 255;

/// The key of the number that is given next; no name is empty.
const NEXT_KEY: &[u8] = b"";

/// The first byte of the keys of databases, which no name has: it is in no UTF-8.
const DATABASE_PREFIX: u8 = 0xFF;

/// A change of the catalogue, or of all keyspaces that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CatalogueOperation {
    /// Makes a keyspace; answers its number as a [`WriteAnswer::Integer`](super::WriteAnswer).
    Create {
        /// Its name.
        name: String,
    },
    /// Gives a keyspace another name; answers [`WriteAnswer::Done`](super::WriteAnswer).
    Rename {
        /// The name that it has.
        from: String,
        /// The name that it gets.
        to: String,
    },
    /// Gives each of two keyspaces the name of the other; answers
    /// [`WriteAnswer::Done`](super::WriteAnswer).
    Swap {
        /// The name of one of them.
        first: String,
        /// The name of the other one.
        second: String,
    },
    /// Removes a keyspace with all its keys; answers [`WriteAnswer::Done`](super::WriteAnswer).
    Drop {
        /// Its name.
        name: String,
    },
    /// Removes every key of every keyspace, and no name; answers
    /// [`WriteAnswer::Done`](super::WriteAnswer).
    Clear,
    /// Gives each of two databases the keyspace of the other; answers
    /// [`WriteAnswer::Done`](super::WriteAnswer).
    SwapDatabases {
        /// One of them.
        first: u32,
        /// The other one.
        second: u32,
    },
}

/// A write of which an operation on the catalogue consists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CatalogueWrite {
    /// Sets a key of the catalogue.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a key of the catalogue.
    Remove(Vec<u8>),
    /// Removes every key of a keyspace.
    Clear(KeyspaceId),
}

/// The catalogue as an operation finds it.
pub(super) trait CatalogueReader {
    /// Returns the value of a key.
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Returns every key.
    fn keys(&self) -> Result<Vec<Vec<u8>>>;
}

impl CatalogueOperation {
    /// Returns true if it sets no key.
    pub(super) fn only_removes(&self) -> bool {
        matches!(self, Self::Drop { .. } | Self::Clear)
    }

    /// Returns [`Error::InvalidKeyspaceName`] for a name that no keyspace may have.
    pub(super) fn check(&self) -> Result<()> {
        let (first, second) = match self {
            Self::Create { name } | Self::Drop { name } => (name, name),
            Self::Rename { from, to } => (from, to),
            Self::Swap { first, second } => (first, second),
            Self::Clear | Self::SwapDatabases { .. } => return Ok(()),
        };
        check_name(first)?;
        check_name(second)
    }

    /// Returns the writes that it consists of, and the number of a keyspace that it makes.
    pub(super) fn writes(
        &self,
        catalogue: &impl CatalogueReader,
    ) -> Result<(Vec<CatalogueWrite>, Option<KeyspaceId>)> {
        let remove = |name: &str| CatalogueWrite::Remove(name.as_bytes().to_vec());
        let writes = match self {
            Self::Create { name } => return create(catalogue, name),
            Self::Rename { from, to } => {
                refuse_default(from)?;
                refuse_taken(catalogue, to)?;
                vec![remove(from), put(to, number_of(catalogue, from)?)?]
            }
            Self::Swap { first, second } => {
                refuse_default(first)?;
                refuse_default(second)?;
                let (one, other) = (number_of(catalogue, first)?, number_of(catalogue, second)?);
                vec![put(first, other)?, put(second, one)?]
            }
            Self::Drop { name } => {
                refuse_default(name)?;
                let keyspace = number_of(catalogue, name)?;
                let cleared = Some(CatalogueWrite::Clear(keyspace));
                let cleared = cleared.filter(|_| !planted(Bug::DropNameOnly));
                [remove(name)].into_iter().chain(cleared).collect()
            }
            Self::Clear => {
                let named = numbers(catalogue)?.into_iter();
                let all = [KeyspaceId::DEFAULT].into_iter().chain(named);
                all.map(CatalogueWrite::Clear).collect()
            }
            Self::SwapDatabases { first, second } => swap_databases(catalogue, *first, *second)?,
        };
        Ok((writes, None))
    }
}

/// Returns [`Error::InvalidKeyspaceName`] for a name that no keyspace may have.
pub(super) fn check_name(name: &str) -> Result<()> {
    match name.len() {
        1..=NAME_BYTES_MAX => Ok(()),
        bytes => Err(Error::InvalidKeyspaceName { bytes }),
    }
}

/// Returns the numbers of all keyspaces that have a name in the catalogue, lowest first.
pub(super) fn numbers(catalogue: &impl CatalogueReader) -> Result<Vec<KeyspaceId>> {
    let mut keyspaces = Vec::new();
    for name in catalogue.keys()? {
        if let Some(value) = catalogue.value(&name)?.filter(|_| is_name(&name)) {
            keyspaces.push(decode(&value)?);
        }
    }
    keyspaces.sort_unstable();
    Ok(keyspaces)
}

/// Returns true if a mutation of a batch drops a keyspace: the removal of all its keys, directly
/// behind that of its name. No other operation has such a pair.
pub(super) fn is_drop(batch: &[Mutation], position: usize) -> bool {
    let before = position.checked_sub(1).and_then(|before| batch.get(before));
    let is_behind_name = before.is_some_and(|before| {
        before.keyspace == KeyspaceId::CATALOGUE
            && matches!(&before.kind, MutationKind::Remove { key } if is_name(key))
    });
    let range = batch.get(position).and_then(Mutation::range);
    is_behind_name && range == Some(KeyInterval::ALL)
}

/// Returns the keyspaces that a batch drops.
pub(super) fn dropped(batch: &[Mutation]) -> impl Iterator<Item = KeyspaceId> {
    let positions = (1..batch.len()).filter(|position| is_drop(batch, *position));
    positions.map(|position| batch[position].keyspace)
}

/// Returns true if a key of the catalogue is a name.
pub(super) fn is_name(key: &[u8]) -> bool {
    key != NEXT_KEY && !is_database_row(key)
}

/// Returns the range of the names among the keys of the catalogue.
pub(super) fn names() -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    (Bound::Excluded(NEXT_KEY.to_vec()), Bound::Excluded(vec![DATABASE_PREFIX]))
}

/// Returns the key of the name of the keyspace that a database stands for.
pub(super) fn database_row(database: u32) -> Vec<u8> {
    let mut key = vec![DATABASE_PREFIX];
    key.extend(database.to_be_bytes());
    key
}

/// Returns true if a key of the catalogue is that of a database.
pub(super) fn is_database_row(key: &[u8]) -> bool {
    key.first() == Some(&DATABASE_PREFIX)
}

/// Returns the name of the keyspace that a database stands for, whether there is one or not.
pub(super) fn database_name(database: u32, catalogue: &impl CatalogueReader) -> Result<String> {
    match catalogue.value(&database_row(database))? {
        Some(found) => name(&found),
        None => Ok(first_name(database)),
    }
}

/// Returns the name of the keyspace of a database that was never swapped.
pub(super) fn first_name(database: u32) -> String {
    match database {
        0 => DEFAULT_NAME.to_owned(),
        number => format!("db{number}"),
    }
}

/// Returns the name that a key of the catalogue is, or the value of a database.
pub(super) fn name(bytes: &[u8]) -> Result<String> {
    let name = String::from_utf8(bytes.to_vec());
    name.map_err(|_| damaged("the name of a keyspace is no text"))
}

fn create(
    catalogue: &impl CatalogueReader,
    name: &str,
) -> Result<(Vec<CatalogueWrite>, Option<KeyspaceId>)> {
    refuse_taken(catalogue, name)?;
    let next = catalogue.value(NEXT_KEY)?.map(|value| decode(&value)).transpose()?;
    let keyspace = next.unwrap_or(KeyspaceId::FIRST_NAMED);
    let after = keyspace
        .0
        .checked_add(1)
        .filter(|after| *after < FIRST_DATABASE.0)
        .ok_or_else(|| damaged("no number is left for another keyspace"))?;
    let counted = CatalogueWrite::Put(NEXT_KEY.to_vec(), encode(KeyspaceId(after))?);
    Ok((vec![put(name, keyspace)?, counted], Some(keyspace)))
}

/// Returns the writes that swap two databases. Only one that does not stand for its first keyspace
/// has a row.
fn swap_databases(
    catalogue: &impl CatalogueReader,
    first: u32,
    second: u32,
) -> Result<Vec<CatalogueWrite>> {
    let names = (database_name(first, catalogue)?, database_name(second, catalogue)?);
    let mut writes = Vec::new();
    for (database, name) in [(first, names.1), (second, names.0)] {
        let row = database_row(database);
        if name != first_name(database) {
            writes.push(CatalogueWrite::Put(row, name.into_bytes()));
        } else if catalogue.value(&row)?.is_some() {
            writes.push(CatalogueWrite::Remove(row));
        }
    }
    Ok(writes)
}

fn refuse_default(name: &str) -> Result<()> {
    if name == DEFAULT_NAME { Err(Error::DefaultKeyspace) } else { Ok(()) }
}

fn refuse_taken(catalogue: &impl CatalogueReader, name: &str) -> Result<()> {
    match find(catalogue, name)? {
        Some(_) => Err(Error::KeyspaceExists { name: name.to_owned() }),
        None => Ok(()),
    }
}

fn number_of(catalogue: &impl CatalogueReader, name: &str) -> Result<KeyspaceId> {
    find(catalogue, name)?.ok_or_else(|| Error::NoSuchKeyspace { name: name.to_owned() })
}

/// Returns the number of the keyspace with this name, if there is one.
pub(super) fn find(catalogue: &impl CatalogueReader, name: &str) -> Result<Option<KeyspaceId>> {
    if name == DEFAULT_NAME {
        return Ok(Some(KeyspaceId::DEFAULT));
    }
    catalogue.value(name.as_bytes())?.map(|value| decode(&value)).transpose()
}

fn put(name: &str, keyspace: KeyspaceId) -> Result<CatalogueWrite> {
    Ok(CatalogueWrite::Put(name.as_bytes().to_vec(), encode(keyspace)?))
}

fn encode(keyspace: KeyspaceId) -> Result<Vec<u8>> {
    postcard::to_stdvec(&keyspace)
        .map_err(|_| damaged("the number of a keyspace cannot be encoded"))
}

/// Returns the number that a value of the catalogue is.
pub(super) fn decode(value: &[u8]) -> Result<KeyspaceId> {
    match postcard::take_from_bytes(value) {
        Ok((keyspace, [])) => Ok(keyspace),
        _ => Err(damaged("the number of a keyspace cannot be decoded")),
    }
}

fn damaged(reason: &str) -> Error {
    Error::Corrupt {
        path: "the catalogue of keyspaces".into(),
        offset: None,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Default)]
    struct Catalogue(BTreeMap<Vec<u8>, Vec<u8>>);

    impl CatalogueReader for Catalogue {
        fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
            Ok(self.0.get(key).cloned())
        }

        fn keys(&self) -> Result<Vec<Vec<u8>>> {
            Ok(self.0.keys().cloned().collect())
        }
    }

    impl Catalogue {
        /// Does the operation; returns the keyspaces whose keys it removes.
        fn apply(&mut self, operation: &CatalogueOperation) -> Result<Vec<u32>> {
            operation.check()?;
            let mut cleared = Vec::new();
            for write in operation.writes(self)?.0 {
                match write {
                    CatalogueWrite::Put(key, value) => drop(self.0.insert(key, value)),
                    CatalogueWrite::Remove(key) => assert!(self.0.remove(&key).is_some()),
                    CatalogueWrite::Clear(keyspace) => cleared.push(keyspace.0),
                }
            }
            Ok(cleared)
        }

        fn number(&self, name: &str) -> Option<u32> {
            find(self, name).unwrap().map(|keyspace| keyspace.0)
        }
    }

    #[test]
    fn only_databases_that_do_not_stand_for_their_first_keyspace_have_rows() {
        let mut catalogue = Catalogue::default();
        let mut swap = |first, second| {
            let swap = CatalogueOperation::SwapDatabases { first, second };
            assert!(catalogue.apply(&swap).unwrap().is_empty());
            catalogue.0.clone()
        };
        let rows = [
            (vec![0xFF, 0, 0, 0, 0], b"db257".to_vec()),
            (vec![0xFF, 0, 0, 1, 1], b"default".to_vec()),
        ];
        assert_eq!(swap(0, 257), BTreeMap::from(rows));
        assert_eq!(swap(3, 3).len(), 2);
        assert_eq!(swap(257, 3).len(), 3);
        assert_eq!(swap(3, 257).len(), 2);
        assert!(swap(257, 0).is_empty());
    }

    fn create(name: &str) -> CatalogueOperation {
        CatalogueOperation::Create { name: name.into() }
    }

    fn drop_of(name: &str) -> CatalogueOperation {
        CatalogueOperation::Drop { name: name.into() }
    }

    fn rename(from: &str, to: &str) -> CatalogueOperation {
        CatalogueOperation::Rename { from: from.into(), to: to.into() }
    }

    fn swap(first: &str, second: &str) -> CatalogueOperation {
        CatalogueOperation::Swap { first: first.into(), second: second.into() }
    }

    #[test]
    fn a_number_is_given_once() {
        let mut catalogue = Catalogue::default();
        catalogue.apply(&create("a")).unwrap();
        catalogue.apply(&create("b")).unwrap();
        assert_eq!(catalogue.apply(&drop_of("a")).unwrap(), [2]);
        catalogue.apply(&create("a")).unwrap();
        assert_eq!((catalogue.number("a"), catalogue.number("b")), (Some(4), Some(3)));
        assert_eq!(catalogue.0[&b""[..]], [5]);
    }

    #[test]
    fn names_change_and_numbers_stay() {
        let mut catalogue = Catalogue::default();
        catalogue.apply(&create("a")).unwrap();
        catalogue.apply(&rename("a", "b")).unwrap();
        assert_eq!((catalogue.number("a"), catalogue.number("b")), (None, Some(2)));
        catalogue.apply(&create("c")).unwrap();
        catalogue.apply(&swap("b", "c")).unwrap();
        assert_eq!((catalogue.number("b"), catalogue.number("c")), (Some(3), Some(2)));
        assert_eq!(catalogue.apply(&CatalogueOperation::Clear).unwrap(), [0, 2, 3]);
        assert_eq!(catalogue.apply(&drop_of("b")).unwrap(), [3]);
    }

    #[test]
    fn impossible_operations_are_refused_with_a_reason() {
        let mut catalogue = Catalogue::default();
        catalogue.apply(&create("a")).unwrap();
        let before = catalogue.0.clone();
        for name in ["a", "default"] {
            let taken = catalogue.apply(&create(name));
            assert!(matches!(taken, Err(Error::KeyspaceExists { .. })), "{taken:?}");
        }
        for missing in [drop_of("b"), rename("b", "c"), swap("a", "b")] {
            let refused = catalogue.apply(&missing);
            assert!(matches!(refused, Err(Error::NoSuchKeyspace { .. })), "{refused:?}");
        }
        let swaps = [swap("a", "default"), swap("default", "a")];
        for refused in [drop_of("default"), rename("default", "b")].into_iter().chain(swaps) {
            assert!(matches!(catalogue.apply(&refused), Err(Error::DefaultKeyspace)));
        }
        for name in ["", &"x".repeat(256)] {
            let refused = catalogue.apply(&create(name));
            assert!(matches!(refused, Err(Error::InvalidKeyspaceName { .. })), "{refused:?}");
        }
        assert_eq!(catalogue.0, before);
    }
}
