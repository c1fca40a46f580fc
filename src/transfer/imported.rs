//! The outcome of an import.

use std::collections::BTreeMap;
use std::fmt;

/// The outcome of an import, as numbers of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The keys that were written. One that the source has twice counts twice.
    pub keys: u64,
    /// The keys that had expired already, and so are not in the store.
    pub expired: u64,
    /// The keys whose values have a type that a store does not have, by the name of the type. They
    /// were left out.
    pub other_types: BTreeMap<String, u64>,
}

impl fmt::Display for Imported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "keys imported: {}, expired: {}", self.keys, self.expired)?;
        for (name, count) in &self.other_types {
            write!(formatter, ", left out of type {name}: {count}")?;
        }
        Ok(())
    }
}
