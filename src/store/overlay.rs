//! The effects of a group that is not committed yet, which its later operations see.

use std::collections::HashMap;

use super::removed_ranges::RemovedRanges;
use crate::engine::{KeyInterval, KeyspaceId, Mutation, Sequence};

/// The effects on keys of all keyspaces.
#[derive(Default)]
pub(super) struct Overlay {
    keyspaces: Vec<(KeyspaceId, KeyspaceOverlay)>,
}

/// The effects on keys of one keyspace.
#[derive(Default)]
struct KeyspaceOverlay {
    /// The last change of each key that was set or removed by itself, before or after its range
    /// was.
    touched: HashMap<Vec<u8>, Touch>,
    /// The ranges that were removed.
    removed: RemovedRanges,
}

/// The last change of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    /// The position of the mutation in the group.
    pub(super) position: usize,
    /// The version of its batch.
    pub(super) version: Sequence,
}

/// The state of a key that is not as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyEffect {
    /// A mutation sets or removes it.
    Touched(Touch),
    /// It was in a range that was removed.
    Removed,
}

impl KeyspaceOverlay {
    fn remove_range(&mut self, interval: KeyInterval<'_>, position: usize) {
        if interval == KeyInterval::ALL {
            self.touched.clear();
        }
        self.removed.add(interval, position);
    }

    fn find(&self, key: &[u8]) -> Option<KeyEffect> {
        let removed = self.removed.find(key);
        match self.touched.get(key) {
            Some(touch) if removed.is_none_or(|removed| removed < touch.position) => {
                Some(KeyEffect::Touched(*touch))
            }
            _ => removed.map(|_| KeyEffect::Removed),
        }
    }
}

impl Overlay {
    fn of(&mut self, keyspace: KeyspaceId) -> &mut KeyspaceOverlay {
        let position = self.keyspaces.iter().position(|(id, _)| *id == keyspace);
        let position = position.unwrap_or_else(|| {
            self.keyspaces.push((keyspace, KeyspaceOverlay::default()));
            self.keyspaces.len() - 1
        });
        &mut self.keyspaces[position].1
    }

    /// Notes the mutation, which is at this place in the group.
    pub(super) fn note(&mut self, mutation: &Mutation, touch: Touch) {
        let overlay = self.of(mutation.keyspace);
        match mutation.range() {
            Some(interval) => overlay.remove_range(interval, touch.position),
            None => {
                let key = mutation.key().unwrap_or_default().to_vec();
                overlay.touched.insert(key, touch);
            }
        }
    }

    /// Returns the effect on a key, if there is one.
    pub(super) fn find(&self, keyspace: KeyspaceId, key: &[u8]) -> Option<KeyEffect> {
        let overlay = self.keyspaces.iter().find(|(id, _)| *id == keyspace);
        overlay.and_then(|(_, overlay)| overlay.find(key))
    }

    /// Returns true if a key of the ranges was set or removed, or a range that meets one of them
    /// was. They are in order and have no keys in common.
    pub(super) fn touches(&self, ranges: &[(KeyspaceId, KeyInterval<'_>)]) -> bool {
        self.keyspaces.iter().filter(|_| !ranges.is_empty()).any(|(keyspace, overlay)| {
            let behind = |key: &[u8]| {
                ranges.partition_point(|(of, range)| (*of, range.start) <= (*keyspace, key))
            };
            // The last range that starts at or before a key, and the first one behind it.
            let around = |key: &[u8], is_met: &dyn Fn(KeyInterval<'_>) -> bool| {
                let behind = behind(key);
                let near = &ranges[behind.saturating_sub(1)..(behind + 1).min(ranges.len())];
                near.iter().any(|(of, range)| of == keyspace && is_met(*range))
            };
            let mut removed = overlay.removed.iter().map(|(removed, _)| removed);
            overlay.touched.keys().any(|key| around(key, &|range| range.contains(key)))
                || removed.any(|removed| around(removed.start, &|range| range.meets(removed)))
        })
    }

    /// Returns the keys of a keyspace that were set or removed.
    pub(super) fn touched(&self, keyspace: KeyspaceId) -> impl Iterator<Item = &[u8]> {
        let overlays = self.keyspaces.iter().filter(move |(id, _)| *id == keyspace);
        overlays.flat_map(|(_, overlay)| overlay.touched.keys().map(|key| &key[..]))
    }

    /// Adds later effects, and leaves none of them there.
    pub(super) fn absorb(&mut self, later: &mut Self) {
        for (keyspace, later) in &mut later.keyspaces {
            let overlay = self.of(*keyspace);
            for (interval, position) in later.removed.iter() {
                overlay.remove_range(interval, position);
            }
            later.removed.clear();
            overlay.touched.extend(later.touched.drain());
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        for (_, overlay) in &mut self.keyspaces {
            overlay.touched.clear();
            overlay.removed.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read_set::{ReadRange, ReadSet};

    /// Returns a number below `sides`.
    fn roll(state: &mut u64, sides: u64) -> usize {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from((*state >> 33) % sides).unwrap()
    }

    #[test]
    fn ranges_are_touched_by_what_is_in_any_of_them() {
        const KEYS: [&str; 6] = ["", "a", "b", "c", "d", "e"];
        let (mut state, mut touched) = (7, 0);
        for round in 0..20_000 {
            let mut overlay = Overlay::default();
            let mut reads = ReadSet::new(Sequence(0));
            for _ in 0..roll(&mut state, 3) {
                let keyspace = KeyspaceId(u32::from(roll(&mut state, 2) == 0));
                let key = KEYS[roll(&mut state, 6)].into();
                let touch = Touch { position: 0, version: Sequence(1) };
                overlay.of(keyspace).touched.insert(key, touch);
            }
            if roll(&mut state, 4) == 0 {
                let start = roll(&mut state, 5);
                let end = [start + 1 + roll(&mut state, 5 - start as u64), 0][roll(&mut state, 2)];
                let keyspace = KeyspaceId(u32::from(roll(&mut state, 2) == 0));
                let (start, end) = (KEYS[start].as_bytes(), KEYS[end].as_bytes());
                overlay.of(keyspace).remove_range(KeyInterval { start, end }, 1);
            }
            for _ in 0..roll(&mut state, 4) {
                let keyspace = KeyspaceId(u32::from(roll(&mut state, 2) == 0));
                let [start, end] = [0; 2].map(|_| KEYS[roll(&mut state, 6)].into());
                reads.add_range(keyspace, start, end, 0);
            }
            let is_touched = |(keyspace, effects): &(KeyspaceId, KeyspaceOverlay)| {
                let ranges = reads.ranges.iter().filter(|range| range.keyspace == *keyspace);
                ranges.map(ReadRange::interval).filter(|range| range.is_below_end(range.start)).any(
                    |range| {
                        effects.touched.keys().any(|key| range.contains(key))
                            || effects.removed.iter().any(|(removed, _)| range.meets(removed))
                    },
                )
            };
            let expected = overlay.keyspaces.iter().any(is_touched);
            assert_eq!(overlay.touches(&reads.ranges_apart()), expected, "round {round}");
            touched += usize::from(expected);
        }
        assert!((2000..18_000).contains(&touched), "{touched} of 20,000");
    }
}
