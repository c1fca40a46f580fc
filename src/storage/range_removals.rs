//! The range removals of a log, and what they removed.
//!
//! Those that were found are made into ranges that do not overlap, each with the newest removal of
//! its keys: so whether a record counts takes one look, however many removals there are.

use std::collections::{BTreeSet, BinaryHeap};

use crate::bugs::{Bug, planted};
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::record::Extent;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::key_range::KeyInterval;

/// A record that removed a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RangeRemoval {
    pub(crate) keyspace: KeyspaceId,
    pub(crate) start: Vec<u8>,
    /// Empty if the range has no end.
    pub(crate) end: Vec<u8>,
    pub(crate) sequence: Sequence,
    pub(crate) segment: SegmentId,
    pub(crate) extent: Extent,
}

impl RangeRemoval {
    /// Returns the keys that it removed.
    pub(crate) fn interval(&self) -> KeyInterval<'_> {
        KeyInterval { start: &self.start, end: &self.end }
    }
}

/// Every range removal that was found so far.
#[derive(Default, Clone)]
pub(crate) struct RangeRemovals {
    found: Vec<RangeRemoval>,
    /// The parts of them that no newer one covers, by keyspace and start.
    uncovered: Vec<Uncovered>,
    /// The keyspaces and sequence numbers of those of which something is left.
    newest: BTreeSet<(KeyspaceId, Sequence)>,
}

/// Keys of which a removal is the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Uncovered {
    keyspace: KeyspaceId,
    start: Vec<u8>,
    end: Vec<u8>,
    sequence: Sequence,
}

impl RangeRemovals {
    /// Adds some, which count from the next [`settle`](Self::settle) on.
    pub(crate) fn add(&mut self, removals: impl IntoIterator<Item = RangeRemoval>) {
        self.found.extend(removals);
    }

    /// Finds out which keys each removal is the newest of.
    pub(crate) fn settle(&mut self) {
        self.found.sort_by(|a, b| (a.keyspace, &a.start).cmp(&(b.keyspace, &b.start)));
        let same = self.found.chunk_by(|a, b| a.keyspace == b.keyspace);
        self.uncovered = same.flat_map(uncovered).collect();
        self.newest = self.uncovered.iter().map(|range| (range.keyspace, range.sequence)).collect();
    }

    /// Returns true if a record of this version and key is gone.
    pub(crate) fn covers(&self, keyspace: KeyspaceId, key: &[u8], version: Sequence) -> bool {
        let is_at_or_before =
            |range: &Uncovered| (range.keyspace, &range.start[..]) <= (keyspace, key);
        let behind = self.uncovered.partition_point(is_at_or_before);
        let Some(range) = behind.checked_sub(1).map(|at| &self.uncovered[at]) else { return false };
        let interval = KeyInterval { start: &range.start, end: &range.end };
        let is_inside =
            interval.is_below_end(key) || planted(Bug::IncludeRangeEnd) && range.end == key;
        let is_older =
            version < range.sequence || planted(Bug::RemoveOwnBatch) && version == range.sequence;
        range.keyspace == keyspace && is_inside && is_older
    }

    /// Returns the removals that newer ones do not wholly cover.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &RangeRemoval> {
        let is_newest =
            |removal: &&RangeRemoval| self.newest.contains(&(removal.keyspace, removal.sequence));
        self.found.iter().filter(is_newest)
    }
}

/// Returns the ranges of one keyspace, whose removals are ordered by start, that do not overlap.
fn uncovered(removals: &[RangeRemoval]) -> Vec<Uncovered> {
    let keyspace = removals.first().map_or(KeyspaceId::DEFAULT, |removal| removal.keyspace);
    let mut bounds: Vec<&[u8]> = Vec::with_capacity(2 * removals.len());
    for removal in removals {
        bounds.push(&removal.start);
        bounds.extend(Some(&removal.end[..]).filter(|end| !end.is_empty()));
    }
    bounds.sort_unstable();
    bounds.dedup();
    let mut ranges: Vec<Uncovered> = Vec::new();
    // Those that began, the newest on top; what has ended is taken away when it gets there.
    let mut begun: BinaryHeap<(Sequence, &[u8])> = BinaryHeap::new();
    let mut removals = removals.iter().peekable();
    for (position, start) in bounds.iter().enumerate() {
        while let Some(removal) = removals.next_if(|removal| removal.start == *start) {
            begun.push((removal.sequence, &removal.end));
        }
        let has_ended = |end: &[u8]| !end.is_empty() && end <= *start;
        while begun.peek().is_some_and(|(_, end)| has_ended(end)) {
            begun.pop();
        }
        let Some((sequence, _)) = begun.peek() else { continue };
        let end = bounds.get(position + 1).map_or_else(Vec::new, |end| end.to_vec());
        match ranges.last_mut() {
            Some(last) if last.sequence == *sequence && last.end == *start => last.end = end,
            _ => {
                ranges.push(Uncovered { keyspace, start: start.to_vec(), end, sequence: *sequence })
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removal(keyspace: u32, start: &str, end: &str, sequence: u64) -> RangeRemoval {
        RangeRemoval {
            keyspace: KeyspaceId(keyspace),
            start: start.into(),
            end: end.into(),
            sequence: Sequence(sequence),
            segment: SegmentId(1),
            extent: Extent { offset: 72, length: 20 },
        }
    }

    fn removals(all: &[RangeRemoval]) -> RangeRemovals {
        let mut removals = RangeRemovals::default();
        removals.add(all.iter().cloned());
        removals.settle();
        removals
    }

    #[test]
    fn older_removals_inside_a_newer_range_are_covered() {
        let removals = removals(&[removal(2, "b", "d", 5)]);
        for (keyspace, key, version, expected) in [
            (2, "b", 4, true),
            (2, "c", 4, true),
            (2, "c", 5, false),
            (2, "a", 4, false),
            (2, "d", 4, false),
            (2, "", 4, false),
            (1, "c", 4, false),
            (3, "c", 4, false),
        ] {
            let is_covered =
                removals.covers(KeyspaceId(keyspace), key.as_bytes(), Sequence(version));
            assert_eq!(is_covered, expected, "{keyspace} {key} {version}");
        }
    }

    #[test]
    fn overlapping_removals_cover_what_any_of_them_does() {
        let mut state = 7_u64;
        let mut roll = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % sides
        };
        let key = |number: u64| if number == 0 { String::new() } else { format!("{number}") };
        for round in 0..500 {
            let all: Vec<_> = (0..round % 12)
                .map(|sequence| {
                    let start = roll(8);
                    let end = [key(start + 1 + roll(9 - start)), String::new()];
                    let keyspace = u32::try_from(roll(3)).unwrap();
                    removal(keyspace, &key(start), &end[usize::from(roll(4) == 0)], sequence + 1)
                })
                .collect();
            let removals = removals(&all);
            for keyspace in (0..4).map(KeyspaceId) {
                for key in (0..10).map(key) {
                    for version in (0..14).map(Sequence) {
                        let covers = |removal: &RangeRemoval| {
                            removal.keyspace == keyspace
                                && removal.interval().contains(key.as_bytes())
                                && version < removal.sequence
                        };
                        let expected = all.iter().any(covers);
                        let found = removals.covers(keyspace, key.as_bytes(), version);
                        assert_eq!(found, expected, "{keyspace:?} {key} {version}: {all:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_removal_that_newer_ones_cover_together_is_not_among_the_newest() {
        let removals = removals(&[
            removal(0, "b", "f", 1),
            removal(0, "a", "c", 2),
            removal(0, "c", "", 3),
            removal(1, "b", "f", 1),
        ]);
        let newest: Vec<_> = removals.newest().map(|r| (r.keyspace.0, r.sequence.0)).collect();
        assert_eq!(newest, [(0, 2), (0, 3), (1, 1)]);
    }
}
