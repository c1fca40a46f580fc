//! The state of evictions, and the keys that are considered for one.

#[cfg(test)]
use crate::Result;
use crate::engine::KeyspaceId;
#[cfg(test)]
use crate::engine::Sequence;

/// A key with its keyspace.
pub(super) type EvictedKey = (KeyspaceId, Vec<u8>);

/// The most keys that are remembered to be evicted later in the turn.
const PASSED_OVER_MAX: usize = 16;

/// The reason why the last evictions have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EvictionEnd {
    /// Enough memory is free.
    Enough,
    /// It was enough for one turn; another one may evict more.
    Turn,
    /// No key is left that may be evicted.
    NothingLeft,
    /// The removal failed, as other writes will for the same reason. It is tried again with the
    /// next write, or once time has passed.
    Failure,
}

/// The state of evictions.
pub(super) struct Eviction {
    /// The state of the generator that chooses keys.
    random: u64,
    /// The end of the last evictions.
    pub(super) ended: EvictionEnd,
    /// The groups of evictions since the last look: the first version, the keys, and the number of
    /// those that were removed.
    #[cfg(test)]
    pub(super) groups: Vec<(Sequence, Vec<EvictedKey>, Result<usize>)>,
}

impl Eviction {
    /// Returns the state of a store that has evicted nothing; the seed decides what is chosen.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: seed,
            ended: EvictionEnd::Enough,
            #[cfg(test)]
            groups: Vec::new(),
        }
    }

    /// Returns a number at random ([SplitMix64](https://doi.org/10.1145/2660193.2660195)).
    pub(super) fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// The keys that were looked at in a turn and are not evicted yet, with their worth, the highest
/// first.
#[derive(Default)]
pub(super) struct PassedOver(Vec<(u64, EvictedKey)>);

impl PassedOver {
    /// Adds a key; only those stay that are worth least.
    pub(super) fn add(&mut self, worth: u64, key: EvictedKey) {
        if self.0.iter().any(|(_, other)| *other == key) {
            return;
        }
        let place = self.0.partition_point(|(other, _)| *other >= worth);
        self.0.insert(place, (worth, key));
        if self.0.len() > PASSED_OVER_MAX {
            self.0.remove(0);
        }
    }

    /// Takes the key that is worth least.
    pub(super) fn take(&mut self) -> Option<EvictedKey> {
        self.0.pop().map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_keys_that_were_passed_over_the_one_of_least_worth_is_taken_first() {
        let mut keys = PassedOver::default();
        let key = |number: u8| (KeyspaceId::DEFAULT, vec![number]);
        for number in [7, 3, 30, 3, 9, 1, 40] {
            keys.add(number.into(), key(number));
        }
        assert_eq!([keys.take(), keys.take(), keys.take()], [1, 3, 7].map(|it| Some(key(it))));
        for number in 100..130 {
            keys.add(number.into(), key(number));
        }
        assert_eq!(keys.0.len(), PASSED_OVER_MAX);
        assert_eq!(keys.take(), Some(key(9)));
    }
}
