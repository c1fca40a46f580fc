//! The operations that a batch is made of.

use super::precondition::Precondition;
use super::update::Update;

/// A write, or a condition of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WriteOperation {
    /// Sets the key; answers [`WriteAnswer::Done`](super::WriteAnswer::Done).
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
        /// The time at which it expires, in milliseconds since the Unix epoch.
        expires_at: Option<u64>,
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
    /// Removes every key; answers [`WriteAnswer::Done`](super::WriteAnswer::Done). It must be alone
    /// in its batch.
    Clear,
}

impl WriteOperation {
    /// Returns the key that the operation is about; a clear has none, which is an empty one.
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. }
            | Self::Remove { key }
            | Self::Require { key, .. }
            | Self::Update { key, .. } => key,
            Self::Clear => &[],
        }
    }

    /// Returns true if the outcome depends on what is stored.
    pub(crate) fn reads(&self) -> bool {
        !matches!(self, Self::Put { .. } | Self::Clear)
    }
}
