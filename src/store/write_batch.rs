//! Writing several keys at once.

use std::fmt;

use super::batch::Batch;
use super::clock::Clock;
use super::keyspace::{Keyspace, KeyspaceIdentity};
use super::operation::{KeyspaceOperation, WriteOperation};
use super::update::Update;
use crate::Result;
use crate::engine::KeyspaceId;
use crate::expiry::Expiry;
use crate::key_bounds::{KeyBounds, KeyPrefix};
use crate::precondition::Precondition;
use crate::sync::Arc;

/// Writes to one or several keyspaces that are applied together or not at all, in order, each
/// behind those before it.
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

    /// Returns the number of writes and conditions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.operations.len()
    }

    /// Returns true if there are no writes and no conditions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.operations.is_empty()
    }

    fn push(&mut self, operation: WriteOperation) {
        self.batch.operations.push(KeyspaceOperation { keyspace: UNNAMED, operation });
    }
}

macro_rules! batch_writes {
    ($batch:ty) => {
        impl $batch {
            /// Sets the key to the value, for good: an expiry it had is gone.
            pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
                self.push(WriteOperation::set(key, value, None));
            }

            /// Sets the key to the value until it expires; the time counts from this call.
            pub fn set_expiring(
                &mut self,
                key: impl Into<Vec<u8>>,
                value: impl Into<Vec<u8>>,
                expiry: Expiry,
            ) {
                let time = Clock::system().time_of(expiry);
                self.push(WriteOperation::set(key, value, Some(time)));
            }

            /// Removes the key if it is there.
            pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
                self.push(WriteOperation::Remove { key: key.into() });
            }

            /// Removes every key of the range.
            pub fn remove_range(&mut self, range: impl KeyBounds) {
                self.push(WriteOperation::remove_range(range));
            }

            /// Removes every key that begins with `prefix`.
            pub fn remove_prefix(&mut self, prefix: impl AsRef<[u8]>) {
                self.remove_range(KeyPrefix(prefix.as_ref()));
            }

            /// Requires the condition to hold of the key where it stands in the batch, behind the
            /// writes before it; else nothing of the batch is written, and writing it is
            /// [`Error::ConditionFailed`](crate::Error::ConditionFailed) with the key.
            pub fn require(&mut self, key: impl Into<Vec<u8>>, condition: Precondition) {
                self.push(WriteOperation::Require { key: key.into(), condition });
            }

            /// Adds to the integer of the key, as [`Keyspace::increment`] does. Where it cannot,
            /// nothing of the batch is written, and writing it is the error.
            pub fn increment(&mut self, key: impl Into<Vec<u8>>, amount: i64) {
                self.update(key, Update::Add(amount));
            }

            /// Appends to the value of the key, as [`Keyspace::append`] does.
            pub fn append(&mut self, key: impl Into<Vec<u8>>, suffix: impl Into<Vec<u8>>) {
                self.update(key, Update::Append(suffix.into()));
            }

            /// Lets the key expire if it is there; the time counts from this call.
            pub fn expire(&mut self, key: impl Into<Vec<u8>>, expiry: Expiry) {
                self.update(key, Update::expire(expiry, Clock::system().now()));
            }

            /// Keeps the key for good if it is there.
            pub fn persist(&mut self, key: impl Into<Vec<u8>>) {
                self.update(key, Update::Persist);
            }

            fn update(&mut self, key: impl Into<Vec<u8>>, update: Update) {
                self.push(WriteOperation::Update { key: key.into(), update });
            }
        }
    };
}

batch_writes!(WriteBatch);
batch_writes!(KeyspaceBatch<'_>);

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
    /// open store; [`Error::ConditionFailed`](crate::Error::ConditionFailed),
    /// [`Error::NotAnInteger`](crate::Error::NotAnInteger) and
    /// [`Error::IntegerOverflow`](crate::Error::IntegerOverflow). After each of these nothing was
    /// written, to no keyspace.
    pub fn write(&self, batch: WriteBatch) -> Result<()> {
        let (batch, others) = self.prepare(batch)?;
        if batch.operations.is_empty() {
            return Ok(());
        }
        self.apply(batch, &others).map(|_| ())
    }

    /// Returns the batch with this keyspace where it names none, and the keyspaces that it names.
    pub(super) fn prepare(&self, batch: WriteBatch) -> Result<(Batch, Vec<Arc<KeyspaceIdentity>>)> {
        let WriteBatch { mut batch, keyspaces } = batch;
        keyspaces.iter().try_for_each(|keyspace| keyspace.require_of(&self.view.shared))?;
        for operation in &mut batch.operations {
            if operation.keyspace == UNNAMED {
                operation.keyspace = self.number;
            }
        }
        Ok((batch, keyspaces))
    }
}
