//! Batches, the unit in which a store is written.

use smallvec::{SmallVec, smallvec};

use super::operation::WriteOperation;

/// Operations that are applied together or not at all, in order, each seeing the ones before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Batch {
    /// The operations in order.
    pub(crate) operations: WriteOperations,
}

/// The operations of a batch; most batches have one, which costs no allocation of its own.
pub(crate) type WriteOperations = SmallVec<[WriteOperation; 1]>;

impl Batch {
    /// Returns a batch of one operation.
    pub(crate) fn single(operation: WriteOperation) -> Self {
        Self { operations: smallvec![operation] }
    }
}
