//! The keyspaces of a store: opened, listed, renamed, swapped and dropped by their names.

use std::ops::ControlFlow;

use super::batch::Batch;
use super::catalogue::{self, CatalogueOperation, DEFAULT_NAME};
use super::handle::Store;
use super::keyspace::Keyspace;
use super::keyspace_view::KeyspaceView;
use super::operation::WriteOperation;
use super::read::{Access, ReadResult};
use crate::engine::{EngineSnapshot, Entry, KeyspaceId, ReadHalf, ScannedEntry};
use crate::{Error, Result};

impl Store {
    /// Opens the keyspace with this name, or makes an empty one.
    ///
    /// A name is 1 to 255 bytes of UTF-8. The keyspace called `default` is always there: it is the
    /// one that the store itself reads and writes. A new keyspace is as durable as a write. Each
    /// takes some 5 kB of memory until it is dropped, and makes the next one take a little longer:
    /// hundreds are fine, millions are not.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let (users, orders) = (store.keyspace("users")?, store.keyspace("orders")?);
    /// let mut batch = kvs::WriteBatch::new();
    /// batch.on(&users).set("alice", "1 order");
    /// batch.on(&orders).set("1", "alice");
    /// store.write(batch)?; // both or neither
    /// assert_eq!(users.len()?, 1);
    /// assert_eq!(store.keyspaces()?, ["default", "orders", "users"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidKeyspaceName`]; as [`set`](Keyspace::set) if it has to be made; in a store
    /// that is open for reading only [`Error::NoSuchKeyspace`] if it is not there.
    pub fn keyspace(&self, name: &str) -> Result<Keyspace> {
        loop {
            if let Some(found) = self.find_keyspace(name)? {
                return Ok(found);
            }
            if self.shared.is_read_only {
                return Err(Error::NoSuchKeyspace { name: name.to_owned() });
            }
            match self.change_catalogue(CatalogueOperation::Create { name: name.to_owned() }) {
                // It is there now, whoever made it.
                Ok(()) | Err(Error::KeyspaceExists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens the keyspace with this name, if there is one.
    ///
    /// # Errors
    /// [`Error::InvalidKeyspaceName`]; [`Error::Corrupt`] or [`Error::Io`] if its name cannot be
    /// read.
    pub fn find_keyspace(&self, name: &str) -> Result<Option<Keyspace>> {
        self.opened(name, number_of(self, name, read_blocking)?)
    }

    /// Opens the keyspace with this name, if there is one, as far as `access` allows.
    pub(crate) fn find_keyspace_within(
        &self,
        name: &str,
        access: Access,
    ) -> ReadResult<Option<Keyspace>> {
        let number = number_of(self, name, read_within(access))?;
        Ok(self.opened(name, number)?)
    }

    fn opened(&self, name: &str, number: Option<KeyspaceId>) -> Result<Option<Keyspace>> {
        match number {
            None => Ok(None),
            Some(KeyspaceId::DEFAULT) => Ok(Some(Keyspace::clone(self))),
            Some(number) => Ok(Some(Keyspace::new(self.sibling(number)?, number, name))),
        }
    }

    /// Returns the names of all keyspaces at one point in time, in the order of their bytes;
    /// `default` is always one of them.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Io`] if a name cannot be read.
    pub fn keyspaces(&self) -> Result<Vec<String>> {
        names(self)
    }

    /// Gives a keyspace another name. Open handles of it go on with it.
    ///
    /// As durable as a write, and as cheap, however many keys there are.
    ///
    /// # Errors
    /// [`Error::NoSuchKeyspace`]; [`Error::KeyspaceExists`] if another one has the new name;
    /// [`Error::DefaultKeyspace`]; [`Error::InvalidKeyspaceName`]; as [`set`](Keyspace::set).
    pub fn rename_keyspace(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change_catalogue(CatalogueOperation::Rename { from, to })
    }

    /// Gives each of two keyspaces the name of the other one, at one moment: whoever opens a
    /// keyspace by its name from then on gets the other one. Open handles go on with the keyspaces
    /// that they have.
    ///
    /// As durable as a write, and as cheap, however many keys there are.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// // A new list of prices is put together, and replaces the old one at once.
    /// store.keyspace("prices")?.set("apple", "1")?;
    /// let next = store.keyspace("prices.next")?;
    /// next.set("apple", "2")?;
    /// store.swap_keyspaces("prices", "prices.next")?;
    /// store.drop_keyspace("prices.next")?;
    /// assert_eq!(store.keyspace("prices")?.get("apple")?.as_deref(), Some(&b"2"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKeyspace`]; [`Error::DefaultKeyspace`]; [`Error::InvalidKeyspaceName`]; as
    /// [`set`](Keyspace::set).
    pub fn swap_keyspaces(&self, first: &str, second: &str) -> Result<()> {
        let (first, second) = (first.to_owned(), second.to_owned());
        self.change_catalogue(CatalogueOperation::Swap { first, second })
    }

    /// Removes a keyspace and all its keys, at one moment and as durably as a write.
    ///
    /// Open handles of it find no keys from then on, and their writes are refused with
    /// [`Error::KeyspaceDropped`].
    ///
    /// This takes no longer with many keys. The memory and the space on the disk come back later,
    /// in steps between other writes: in about half a second after a million keys. Snapshots and
    /// scans that began before see the keyspace as it was, and keep all of it until they end.
    ///
    /// In the `sled` engine the keys are removed one by one before the call returns, and every
    /// other write waits.
    ///
    /// # Errors
    /// [`Error::NoSuchKeyspace`]; [`Error::DefaultKeyspace`]; [`Error::InvalidKeyspaceName`]; as
    /// [`set`](Keyspace::set).
    pub fn drop_keyspace(&self, name: &str) -> Result<()> {
        self.change_catalogue(CatalogueOperation::Drop { name: name.to_owned() })
    }

    fn change_catalogue(&self, operation: CatalogueOperation) -> Result<()> {
        self.shared.apply(Batch::single(WriteOperation::Catalogue(operation))).map(|_| ())
    }
}

/// Returns the number of the keyspace with this name, if there is one at the moment of the view;
/// `read` reads it from the catalogue.
pub(super) fn number_of<E: From<Error>>(
    view: &KeyspaceView,
    name: &str,
    read: impl FnOnce(
        &dyn ReadHalf,
        &[u8],
        Option<&EngineSnapshot>,
    ) -> std::result::Result<Option<Entry>, E>,
) -> std::result::Result<Option<KeyspaceId>, E> {
    if name == DEFAULT_NAME {
        return Ok(Some(KeyspaceId::DEFAULT));
    }
    catalogue::check_name(name)?;
    let (catalogue, name) = (view.sibling(KeyspaceId::CATALOGUE)?, name.as_bytes());
    // The limit of keys is not one of names.
    let entry = read(&*catalogue.reader, name, view.hold_moment()?.snapshot.as_ref())?;
    Ok(entry.map(|entry| catalogue::decode(&entry.value)).transpose()?)
}

/// Returns the entry of a key of the catalogue; waits for the disk if it has to.
pub(super) fn read_blocking(
    catalogue: &dyn ReadHalf,
    name: &[u8],
    snapshot: Option<&EngineSnapshot>,
) -> Result<Option<Entry>> {
    match snapshot {
        Some(snapshot) => catalogue.get_at(name, snapshot),
        None => catalogue.get(name),
    }
}

/// Returns the function that reads the entry of a key of the catalogue as far as `access` allows.
pub(super) fn read_within(
    access: Access,
) -> impl FnOnce(&dyn ReadHalf, &[u8], Option<&EngineSnapshot>) -> ReadResult<Option<Entry>> {
    move |catalogue, key, snapshot| match snapshot {
        Some(snapshot) => catalogue.try_get_at(key, snapshot, access),
        None => catalogue.try_get(key, access),
    }
}

/// Returns the names of all keyspaces at the moment of the view.
pub(super) fn names(view: &KeyspaceView) -> Result<Vec<String>> {
    let named = |key: &[u8], _: &[u8]| catalogue::name(key);
    let mut names = visit_catalogue(view, true, named)?;
    names.push(DEFAULT_NAME.to_owned());
    names.sort_unstable();
    Ok(names)
}

/// Returns the names and the numbers of all keyspaces at the moment of the view, by name.
pub(super) fn numbers(view: &KeyspaceView) -> Result<Vec<(String, KeyspaceId)>> {
    let numbered =
        |key: &[u8], value: &[u8]| Ok((catalogue::name(key)?, catalogue::decode(value)?));
    let mut numbers = visit_catalogue(view, false, numbered)?;
    numbers.push((DEFAULT_NAME.to_owned(), KeyspaceId::DEFAULT));
    numbers.sort_unstable();
    Ok(numbers)
}

/// Returns what `read` makes of each entry of the catalogue at the moment of the view.
fn visit_catalogue<T>(
    view: &KeyspaceView,
    keys_only: bool,
    read: impl Fn(&[u8], &[u8]) -> Result<T>,
) -> Result<Vec<T>> {
    let catalogue = view.sibling(KeyspaceId::CATALOGUE)?;
    let (start, end) = catalogue::names();
    let mut scan = catalogue.scan_at_once(start, end, false, keys_only)?;
    let (mut found, mut checked) = (Vec::new(), Ok(()));
    scan.page(usize::MAX, &mut |ScannedEntry { key, value, .. }| match read(key, value) {
        Ok(entry) => {
            found.push(entry);
            ControlFlow::Continue(())
        }
        Err(error) => {
            checked = Err(error);
            ControlFlow::Break(())
        }
    })?;
    checked.map(|()| found)
}
