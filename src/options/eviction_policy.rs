//! The choice of the keys that are removed when the memory is used up.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The keys that are removed when the memory of [`Options::memory_max`](crate::Options::memory_max)
/// is used up, under the names that Redis has for them.
///
/// A key is chosen among some keys at random ([samples](crate::Options::eviction_samples)), so it
/// is seldom the very best choice, and never a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum EvictionPolicy {
    /// None: writes that may add something are refused (`noeviction`).
    #[default]
    NoEviction,
    /// Those that were neither read nor written for the longest time (`allkeys-lru`).
    AllKeysLru,
    /// Those that are read and written least often (`allkeys-lfu`).
    AllKeysLfu,
    /// Any (`allkeys-random`).
    AllKeysRandom,
    /// Of the keys that expire, those that were not used for the longest time (`volatile-lru`).
    VolatileLru,
    /// Of the keys that expire, those that are used least often (`volatile-lfu`).
    VolatileLfu,
    /// Any of the keys that expire (`volatile-random`).
    VolatileRandom,
    /// Those that expire soonest (`volatile-ttl`).
    VolatileTtl,
}

/// Every policy with its name.
const NAMES: [(EvictionPolicy, &str); 8] = [
    (EvictionPolicy::NoEviction, "noeviction"),
    (EvictionPolicy::AllKeysLru, "allkeys-lru"),
    (EvictionPolicy::AllKeysLfu, "allkeys-lfu"),
    (EvictionPolicy::AllKeysRandom, "allkeys-random"),
    (EvictionPolicy::VolatileLru, "volatile-lru"),
    (EvictionPolicy::VolatileLfu, "volatile-lfu"),
    (EvictionPolicy::VolatileRandom, "volatile-random"),
    (EvictionPolicy::VolatileTtl, "volatile-ttl"),
];

impl EvictionPolicy {
    /// Every policy.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(policy, _)| policy)
    }

    /// Returns true if only keys that expire are removed.
    pub(crate) fn only_expiring(self) -> bool {
        use EvictionPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
        matches!(self, VolatileLfu | VolatileLru | VolatileRandom | VolatileTtl)
    }

    /// Returns true if it matters when keys were used last.
    pub(crate) fn is_lru(self) -> bool {
        matches!(self, Self::AllKeysLru | Self::VolatileLru)
    }

    /// Returns true if it matters how often keys are used.
    pub(crate) fn is_lfu(self) -> bool {
        matches!(self, Self::AllKeysLfu | Self::VolatileLfu)
    }
}

impl fmt::Display for EvictionPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(policy, _)| policy == self).map(|(_, name)| *name);
        formatter.write_str(name.unwrap_or_default())
    }
}

impl FromStr for EvictionPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        found.map(|(policy, _)| *policy).ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(_, name)| *name).collect();
            let names = names.join(", ");
            Error::InvalidOption(format!("unknown eviction policy {text:?}: choose one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_what_it_prints() {
        for policy in EvictionPolicy::all() {
            assert_eq!(policy.to_string().parse::<EvictionPolicy>().unwrap(), policy);
            assert_eq!(policy.only_expiring(), policy.to_string().starts_with("volatile"));
        }
        assert_eq!(EvictionPolicy::all().count(), 8);
        assert!("lru".parse::<EvictionPolicy>().is_err());
    }
}
