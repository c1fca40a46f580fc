//! Batches, the unit in which a store is written.

use smallvec::{SmallVec, smallvec};

use super::operation::{KeyspaceOperation, WriteOperation};

/// Operations that are applied together or not at all, in order, each seeing the ones before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Batch {
    /// The operations in order.
    pub(crate) operations: KeyspaceOperations,
    /// True if it waits for the disk, false if it does not; `None` leaves that to the durability of
    /// the store.
    pub(crate) sync: Option<bool>,
}

/// Operations on one keyspace; most batches have one, which costs no allocation of its own.
pub(crate) type WriteOperations = SmallVec<[WriteOperation; 1]>;

/// The operations of a batch.
pub(crate) type KeyspaceOperations = SmallVec<[KeyspaceOperation; 1]>;

impl Batch {
    /// Returns a batch of one operation.
    pub(crate) fn single(operation: impl Into<KeyspaceOperation>) -> Self {
        Self { operations: smallvec![operation.into()], sync: None }
    }

    /// Returns true if its outcome depends on what is stored.
    pub(crate) fn reads(&self) -> bool {
        self.operations.iter().any(KeyspaceOperation::reads)
    }

    /// Returns true if it takes no longer than its own bytes and operations say.
    pub(crate) fn is_short(&self) -> bool {
        self.operations.iter().all(|operation| operation.operation.is_short())
    }

    /// Returns true if it may add something to what is stored: it is refused where there is no
    /// memory for more.
    pub(super) fn may_add(&self) -> bool {
        self.operations.iter().any(|operation| operation.operation.may_add())
    }

    /// Returns the bytes of memory that it holds.
    pub(crate) fn memory(&self) -> usize {
        let keys_and_values = self.operations.iter().map(|each| each.operation.memory());
        self.operations.capacity() * size_of::<KeyspaceOperation>() + keys_and_values.sum::<usize>()
    }
}

impl<O: Into<KeyspaceOperation>> FromIterator<O> for Batch {
    fn from_iter<I: IntoIterator<Item = O>>(operations: I) -> Self {
        Self { operations: operations.into_iter().map(Into::into).collect(), sync: None }
    }
}
