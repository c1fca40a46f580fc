//! Writing several keys at once.

use std::fmt;

use super::batch::Batch;
use super::keyspace::{Keyspace, KeyspaceIdentity};
use super::operation::{KeyspaceOperation, WriteOperation};
use crate::Result;
use crate::engine::KeyspaceId;
use crate::sync::Arc;

/// Writes to one or several keyspaces that are applied together or not at all, in order.
///
/// Writes that name no keyspace go to the one that [`write`](Keyspace::write) is called on.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// let audit = store.keyspace("audit")?;
/// let mut batch = kvs::WriteBatch::new();
/// batch.set("from", "90");
/// batch.set("to", "110");
/// batch.remove("pending");
/// batch.on(&audit).set("1", "10 moved");
/// store.write(batch)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct WriteBatch {
    batch: Batch,
    /// The keyspaces that it names, each at least once.
    keyspaces: Vec<Arc<KeyspaceIdentity>>,
}

/// The writes of a [`WriteBatch`] to one keyspace, as [`WriteBatch::on`] returns it.
pub struct KeyspaceBatch<'b> {
    batch: &'b mut Batch,
    keyspace: KeyspaceId,
}

/// Stands for the keyspace that the batch is written to. No keyspace gets this number.
const UNNAMED: KeyspaceId = KeyspaceId(u32::MAX);

impl KeyspaceBatch<'_> {
    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let (key, value) = (key.into(), value.into());
        self.push(WriteOperation::Put { key, value, expires_at: None });
    }

    /// Removes the key if it is there.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.push(WriteOperation::Remove { key: key.into() });
    }

    fn push(&mut self, operation: WriteOperation) {
        self.batch.operations.push(KeyspaceOperation { keyspace: self.keyspace, operation });
    }
}

impl WriteBatch {
    /// Returns a batch that writes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the writes of this batch to a keyspace, to add to them.
    pub fn on(&mut self, keyspace: &Keyspace) -> KeyspaceBatch<'_> {
        let identity = &keyspace.identity;
        if !self.keyspaces.last().is_some_and(|last| Arc::ptr_eq(last, identity)) {
            self.keyspaces.push(Arc::clone(identity));
        }
        KeyspaceBatch { batch: &mut self.batch, keyspace: keyspace.number }
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.unnamed().set(key, value);
    }

    /// Removes the key if it is there.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.unnamed().remove(key);
    }

    /// Returns the number of writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.operations.len()
    }

    /// Returns true if there are no writes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.operations.is_empty()
    }

    fn unnamed(&mut self) -> KeyspaceBatch<'_> {
        KeyspaceBatch { batch: &mut self.batch, keyspace: UNNAMED }
    }
}

impl fmt::Debug for WriteBatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WriteBatch").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyspaceBatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyspaceBatch").finish_non_exhaustive()
    }
}

impl Keyspace {
    /// Applies the batch; readers, snapshots and a power failure see all of it or nothing.
    ///
    /// # Errors
    /// As [`set`](Self::set); [`Error::BatchTooLarge`](crate::Error::BatchTooLarge) and
    /// [`Error::TooManyOperations`](crate::Error::TooManyOperations);
    /// [`Error::ForeignKeyspace`](crate::Error::ForeignKeyspace) if it names a keyspace of another
    /// open store. After each of these nothing was written, to no keyspace.
    pub fn write(&self, batch: WriteBatch) -> Result<()> {
        let WriteBatch { mut batch, keyspaces } = batch;
        if batch.operations.is_empty() {
            return Ok(());
        }
        keyspaces.iter().try_for_each(|keyspace| keyspace.require_of(&self.view.shared))?;
        for operation in &mut batch.operations {
            if operation.keyspace == UNNAMED {
                operation.keyspace = self.number;
            }
        }
        self.apply(batch, &keyspaces).map(|_| ())
    }
}
