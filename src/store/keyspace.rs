//! The handle of a keyspace, and its writes.

use std::fmt;
use std::ops::Deref;

use super::batch::Batch;
use super::keyspace_view::KeyspaceView;
use super::open_store::OpenStore;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::outcome::{Applied, WriteAnswer};
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
        Self { view, number, identity: Arc::new(KeyspaceIdentity { number, name, store }) }
    }

    /// Returns the name that the keyspace was opened by; it may have another one by now.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] and [`Error::ValueTooLarge`]; [`Error::Io`] if it could not be
    /// written, in which case nothing changed; [`Error::UnknownOutcome`] and [`Error::Poisoned`]
    /// after a failed sync; [`Error::KeyspaceDropped`]; [`Error::ReadOnly`].
    pub fn set(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<()> {
        self.write_one(WriteOperation::Put {
            key: key.into(),
            value: value.into(),
            expires_at: None,
        })
        .map(|_| ())
    }

    /// Removes the key; returns false if it was not there.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn remove(&self, key: impl Into<Vec<u8>>) -> Result<bool> {
        let applied = self.write_one(WriteOperation::Remove { key: key.into() })?;
        Ok(applied.answers.first() == Some(&WriteAnswer::Flag(true)))
    }

    fn write_one(&self, operation: WriteOperation) -> Result<Applied> {
        let operation = KeyspaceOperation { keyspace: self.number, operation };
        self.apply(Batch::single(operation), &[])
    }

    /// Applies a batch, which may write to the `others` as well, and blocks until its outcome is
    /// known.
    pub(super) fn apply(&self, batch: Batch, others: &[Arc<KeyspaceIdentity>]) -> Result<Applied> {
        self.view.shared.apply(batch).map_err(|error| match error {
            Error::KeyspaceDropped { number, .. } => {
                let all = others.iter().chain([&self.identity]);
                let dropped = all.into_iter().find(|identity| identity.number.0 == number);
                let name = dropped.map_or_else(String::new, |identity| identity.name.clone());
                Error::KeyspaceDropped { number, name }
            }
            error => error,
        })
    }
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
