//! Keyspaces and types of values, by the numbers that records carry.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The number of a keyspace; none is given again.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(crate) struct KeyspaceId(pub(crate) u32);

impl KeyspaceId {
    /// The keyspace of whoever names none.
    pub(crate) const DEFAULT: Self = Self(0);
    /// The names of keyspaces, with their numbers.
    pub(crate) const CATALOGUE: Self = Self(1);
    /// The first one that is given to a name.
    pub(crate) const FIRST_NAMED: Self = Self(2);
}

/// A key with its keyspace; they are ordered by keyspace first.
pub(crate) type PlacedKey<'a> = (KeyspaceId, &'a [u8]);

/// The type of a value, by its number. A number without a name here is kept, and read by nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ValueType(pub(crate) u8);

impl ValueType {
    /// A string of bytes.
    pub(crate) const STRING: Self = Self(0);

    /// Returns [`Error::WrongType`] unless this is a string. Whoever looks at a value asks here.
    pub(crate) fn require_string(self) -> Result<()> {
        if self == Self::STRING { Ok(()) } else { Err(Error::WrongType) }
    }
}
