//! The handle of a keyspace.

use std::fmt;
use std::ops::Deref;

use super::batch::Batch;
use super::keyspace_view::KeyspaceView;
use super::open_store::OpenStore;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::outcome::Applied;
use crate::engine::KeyspaceId;
use crate::sync::{Arc, Weak};
use crate::{Error, Result};

/// A handle on a keyspace: a set of keys of its own within a store, in their own order and counted
/// for itself. It reads by the methods of [`KeyspaceView`], which it dereferences to.
///
/// [`Store::keyspace`](crate::Store::keyspace) opens it. Cloning is cheap, and every clone may be
/// used from its own thread; each of them keeps the store open.
///
/// A handle goes on with its keyspace whatever name that has. After a
/// [rename](crate::Store::rename_keyspace) or a [swap](crate::Store::swap_keyspaces) it reads and
/// writes the same keys as before, which have another name now. After the keyspace was
/// [dropped](crate::Store::drop_keyspace) the handle finds no keys, and its writes are refused with
/// [`Error::KeyspaceDropped`], also if there is a new keyspace of the same name.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// let users = store.keyspace("users")?;
/// users.set("1", "alice")?;
/// assert_eq!(users.get("1")?.as_deref(), Some(&b"alice"[..]));
/// // The same key of the default keyspace is another one.
/// assert_eq!(store.get("1")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Keyspace {
    pub(super) view: KeyspaceView,
    pub(super) number: KeyspaceId,
    pub(super) identity: Arc<KeyspaceIdentity>,
    /// True if its writes wait for the disk, false if they do not; `None` leaves that to the
    /// durability of the store.
    pub(super) sync: Option<bool>,
}

/// The identity of an open keyspace.
pub(super) struct KeyspaceIdentity {
    pub(super) number: KeyspaceId,
    /// The name that it was opened by.
    pub(super) name: String,
    /// The store that it is in.
    pub(super) store: Weak<OpenStore>,
}

impl KeyspaceIdentity {
    /// Returns [`Error::ForeignKeyspace`] unless the keyspace is in this open store.
    pub(super) fn require_of(&self, store: &Arc<OpenStore>) -> Result<()> {
        if std::ptr::eq(self.store.as_ptr(), Arc::as_ptr(store)) {
            return Ok(());
        }
        Err(Error::ForeignKeyspace { name: self.name.clone() })
    }
}

impl Keyspace {
    /// Returns the handle of a keyspace that the view reads.
    pub(super) fn new(view: KeyspaceView, number: KeyspaceId, name: &str) -> Self {
        let (name, store) = (name.to_owned(), Arc::downgrade(&view.shared));
        let identity = Arc::new(KeyspaceIdentity { number, name, store });
        Self { view, number, identity, sync: None }
    }

    /// Returns the name that the keyspace was opened by; it may have another one by now.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// Returns a handle of the same keyspace whose writes wait until they survive power loss, or
    /// do not wait for that, whatever the [`Durability`](crate::Durability) of the store.
    ///
    /// Writes that wait at the same time share one disk access, and what was acknowledged before
    /// survives with them. Those that do not wait are as durable as with an interval of one
    /// second, and with [`Durability::Never`](crate::Durability::Never) as little. The `memory`
    /// engine has no disk, and `sled` promises nothing of a power loss.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// store.set("draft", "...")?; // a power loss takes the last second of these
    /// store.with_sync(true).set("order", "paid")?; // and nothing from here back
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_sync(&self, waits: bool) -> Self {
        Self { sync: Some(waits), ..self.clone() }
    }

    /// Returns an operation on the keys of this keyspace.
    pub(crate) fn operation(&self, operation: WriteOperation) -> KeyspaceOperation {
        KeyspaceOperation { keyspace: self.number, operation }
    }

    /// Applies a batch, which may write to the `others` as well, and blocks until its outcome is
    /// known.
    pub(super) fn apply(
        &self,
        mut batch: Batch,
        others: &[Arc<KeyspaceIdentity>],
    ) -> Result<Applied> {
        batch.sync = self.sync;
        self.view.shared.apply(batch).map_err(|error| self.with_name(error, others))
    }

    /// Names the keyspace, this one or one of the `others`, that a write was refused for.
    pub(super) fn with_name(&self, error: Error, others: &[Arc<KeyspaceIdentity>]) -> Error {
        named(error, others.iter().chain([&self.identity]).map(|identity| &**identity))
    }

    /// Names the one of these keyspaces that a write was refused for.
    pub(crate) fn with_name_among<'k>(
        error: Error,
        keyspaces: impl IntoIterator<Item = &'k Self>,
    ) -> Error {
        named(error, keyspaces.into_iter().map(|keyspace| &*keyspace.identity))
    }
}

fn named<'k>(error: Error, mut all: impl Iterator<Item = &'k KeyspaceIdentity>) -> Error {
    let Error::KeyspaceDropped { number, .. } = error else { return error };
    let dropped = all.find(|identity| identity.number.0 == number);
    let name = dropped.map_or_else(String::new, |identity| identity.name.clone());
    Error::KeyspaceDropped { number, name }
}

impl Deref for Keyspace {
    type Target = KeyspaceView;

    fn deref(&self) -> &KeyspaceView {
        &self.view
    }
}

impl fmt::Debug for Keyspace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Keyspace");
        shown.field("name", &self.name()).field("view", &self.view).finish_non_exhaustive()
    }
}
