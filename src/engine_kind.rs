//! The names of the engines.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// An engine that a store can be made with; the directory remembers which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineKind {
    /// This crate's own log-structured engine.
    Kvs,
    /// The `sled` embedded database, in builds with the Cargo feature `sled`, which is a default
    /// one.
    Sled,
    /// An in-memory store: nothing survives the process.
    Memory,
}

impl EngineKind {
    /// Returns the engines of this build.
    #[must_use]
    pub fn available() -> &'static [Self] {
        match cfg!(feature = "sled") {
            true => &[Self::Kvs, Self::Sled, Self::Memory],
            false => &[Self::Kvs, Self::Memory],
        }
    }

    /// Returns the engine of this name, also one that this build does not have.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Kvs, Self::Sled, Self::Memory].into_iter().find(|kind| kind.name() == name)
    }

    /// Refuses an engine that this build does not have.
    pub(crate) fn require(self) -> Result<Self> {
        if Self::available().contains(&self) {
            return Ok(self);
        }
        let missing = format!("this build has no {self} engine");
        let advice = format!("choose {Choices}, or build kvs with its Cargo feature {self}");
        Err(Error::InvalidOption(format!("{missing}: {advice}")))
    }

    /// Returns the name used on command lines and in the data directory.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvs => "kvs",
            Self::Sled => "sled",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::InvalidOption(format!("unknown engine {name:?}: choose {Choices}"));
        Self::named(name).ok_or_else(unknown)?.require()
    }
}

/// Shows the engines of this build as a sentence lists them.
struct Choices;

impl fmt::Display for Choices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = EngineKind::available().iter().map(|kind| kind.name()).collect();
        let (last, others) = names.split_last().expect("every build has an engine");
        write!(formatter, "{} or {last}", others.join(", "))
    }
}
