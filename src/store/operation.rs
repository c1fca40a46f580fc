//! The operations that a batch is made of.

use super::bit_combination::BitCombination;
use super::catalogue::CatalogueOperation;
use super::database::named_database;
use super::key_copy::KeyCopy;
use super::read_set::ReadSet;
use super::update::Update;
use crate::engine::KeyspaceId;
use crate::engine::UnixMillis;
use crate::key_bounds::{KeyBounds, interval};
use crate::precondition::Precondition;

/// An operation on keys of a keyspace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyspaceOperation {
    /// The keyspace.
    pub(crate) keyspace: KeyspaceId,
    /// The operation.
    pub(crate) operation: WriteOperation,
}

impl KeyspaceOperation {
    /// Returns true if the outcome depends on what is stored: a database other than the first may
    /// have to get a keyspace.
    pub(super) fn reads(&self) -> bool {
        self.operation.reads() || named_database(self.keyspace).is_some_and(|number| number > 0)
    }
}

/// The default keyspace is meant where none is named.
impl From<WriteOperation> for KeyspaceOperation {
    fn from(operation: WriteOperation) -> Self {
        Self { keyspace: KeyspaceId::DEFAULT, operation }
    }
}

/// A write, or a condition of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WriteOperation {
    /// Sets the key; answers [`WriteAnswer::Done`](super::WriteAnswer::Done).
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
        /// The time at which it expires.
        expires_at: Option<UnixMillis>,
    },
    /// Removes the key; answers a [`WriteAnswer::Flag`](super::WriteAnswer::Flag), true if it was
    /// there.
    Remove {
        /// The key.
        key: Vec<u8>,
    },
    /// Refuses the whole batch unless the condition holds; answers
    /// [`WriteAnswer::Done`](super::WriteAnswer::Done).
    Require {
        /// The key.
        key: Vec<u8>,
        /// The condition on its entry.
        condition: Precondition,
    },
    /// Reads the key, then changes it; the answer depends on the update.
    Update {
        /// The key.
        key: Vec<u8>,
        /// The change.
        update: Update,
    },
    /// Reads the key as the operations before it leave it; answers a
    /// [`WriteAnswer::Entry`](super::WriteAnswer::Entry), whose value is empty unless it is wanted.
    Read {
        /// The key.
        key: Vec<u8>,
        /// True if the value is wanted, too.
        with_value: bool,
    },
    /// Copies a key; answers a [`WriteAnswer::Flag`](super::WriteAnswer::Flag), true if the target
    /// is now what the source was.
    CopyKey(Box<KeyCopy>),
    /// Sets a key to a bitwise combination of others; answers a
    /// [`WriteAnswer::Integer`](super::WriteAnswer::Integer), its length in bytes.
    CombineBits(Box<BitCombination>),
    /// Does all of these or, if one of them is refused, none, which does not refuse the batch;
    /// answers [`WriteAnswer::Attempted`](super::WriteAnswer::Attempted).
    Attempt(Vec<KeyspaceOperation>),
    /// Refuses the whole batch unless everything that a transaction has read is as it was; answers
    /// [`WriteAnswer::Done`](super::WriteAnswer::Done).
    RequireUnchanged(Box<ReadSet>),
    /// Removes every key of a range; answers [`WriteAnswer::Done`](super::WriteAnswer::Done).
    ///
    /// The range of all keys takes no longer if there are many. Any other changes the index key by
    /// key while other writes wait: some 1.5 s for a million keys, and in `memory` 6 s.
    RemoveRange {
        /// The lowest key of the range.
        start: Vec<u8>,
        /// The key behind the range; empty if the range has no end. A range that ends before it
        /// starts has no keys.
        end: Vec<u8>,
    },
    /// Changes the catalogue of keyspaces, or all of them.
    Catalogue(CatalogueOperation),
}

impl WriteOperation {
    /// Returns the setting of a key.
    pub(crate) fn set(
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        expires_at: Option<UnixMillis>,
    ) -> Self {
        Self::Put { key: key.into(), value: value.into(), expires_at }
    }

    /// Returns the removal of every key of a range.
    pub(crate) fn remove_range(range: impl KeyBounds) -> Self {
        let (start, end) = interval(range);
        Self::RemoveRange { start, end }
    }

    /// Returns the removal of every key.
    pub(crate) fn clear() -> Self {
        Self::RemoveRange { start: Vec::new(), end: Vec::new() }
    }

    /// Returns the key that the operation is about; one about no single key has an empty one.
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. }
            | Self::Remove { key }
            | Self::Require { key, .. }
            | Self::Read { key, .. }
            | Self::Update { key, .. } => key,
            Self::CopyKey(copy) => &copy.target,
            Self::CombineBits(combination) => &combination.target,
            Self::RequireUnchanged(_)
            | Self::Attempt(_)
            | Self::RemoveRange { .. }
            | Self::Catalogue(_) => &[],
        }
    }

    /// Returns the number of operations that it is.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Attempt(operations) => operations.len().max(1),
            Self::CombineBits(combination) => combination.sources.len().max(1),
            _ => 1,
        }
    }

    /// Returns the bytes of memory of its keys and values, about.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Put { key, value, .. } => key.capacity() + value.capacity(),
            Self::Remove { key } | Self::Read { key, .. } => key.capacity(),
            Self::Attempt(operations) => {
                let parts = operations.iter().map(|each| each.operation.memory());
                operations.capacity() * size_of::<KeyspaceOperation>() + parts.sum::<usize>()
            }
            Self::Require { key, condition: Precondition::Value(value) } => {
                key.capacity() + value.capacity()
            }
            Self::Require { key, .. } => key.capacity(),
            Self::Update { key, update } => {
                // The bytes that it carries, or those that its application makes of them.
                key.capacity() + update.argument_bytes().max(update.value_bytes_min())
            }
            Self::CopyKey(copy) => copy.source.capacity() + copy.target.capacity(),
            Self::CombineBits(combination) => combination.memory(),
            Self::RequireUnchanged(reads) => reads.memory(),
            Self::RemoveRange { start, end } => start.capacity() + end.capacity(),
            Self::Catalogue(_) => 0,
        }
    }

    /// Returns true if the operation sets no key.
    pub(super) fn only_removes(&self) -> bool {
        match self {
            Self::Remove { .. } | Self::RemoveRange { .. } => true,
            Self::Catalogue(operation) => operation.only_removes(),
            Self::Read { .. } => true,
            Self::Attempt(operations) => operations.iter().all(|it| it.operation.only_removes()),
            Self::Put { .. }
            | Self::Require { .. }
            | Self::RequireUnchanged(_)
            | Self::CopyKey(_)
            | Self::CombineBits(_)
            | Self::Update { .. } => false,
        }
    }

    /// Returns true if nothing that is stored keeps it from being done: only its whole batch may be
    /// refused.
    pub(crate) fn is_unconditional(&self) -> bool {
        matches!(self, Self::Put { .. })
    }

    /// Returns true if the operation may add a key, or to a value.
    pub(super) fn may_add(&self) -> bool {
        match self {
            Self::Put { .. } | Self::CombineBits(_) => true,
            Self::Update { update, .. } => update.may_add(),
            Self::CopyKey(copy) => !copy.removes_source,
            Self::Attempt(operations) => operations.iter().any(|it| it.operation.may_add()),
            Self::Remove { .. }
            | Self::Require { .. }
            | Self::RequireUnchanged(_)
            | Self::Read { .. }
            | Self::RemoveRange { .. }
            | Self::Catalogue(_) => false,
        }
    }

    /// Returns true if it takes no longer than its own bytes say: it reads no value, which may be
    /// on the disk or large, and removes no range.
    pub(super) fn is_short(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Remove { .. } => true,
            Self::Require { condition, .. } => !condition.needs_value(),
            Self::Read { with_value, .. } => !with_value,
            Self::Attempt(operations) => operations.iter().all(|it| it.operation.is_short()),
            Self::RequireUnchanged(_)
            | Self::CopyKey(_)
            | Self::CombineBits(_)
            | Self::Update { .. }
            | Self::RemoveRange { .. }
            | Self::Catalogue(_) => false,
        }
    }

    /// Returns true if the outcome depends on what is stored.
    pub(crate) fn reads(&self) -> bool {
        match self {
            Self::Put { .. } | Self::RemoveRange { .. } => false,
            Self::Attempt(operations) => operations.iter().any(KeyspaceOperation::reads),
            Self::Remove { .. }
            | Self::Require { .. }
            | Self::RequireUnchanged(_)
            | Self::Read { .. }
            | Self::CopyKey(_)
            | Self::CombineBits(_)
            | Self::Update { .. }
            | Self::Catalogue(_) => true,
        }
    }
}
