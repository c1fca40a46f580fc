//! Ranges of versions: those that are there, and those that are missing between them.

use std::ops::RangeInclusive;

use crate::storage::format::sequence::Sequence;

/// Ranges of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct VersionRanges(Vec<(u64, u64)>);

impl VersionRanges {
    /// Adds a version.
    pub(super) fn add(&mut self, version: Sequence) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == version.0 => *last = version.0,
            _ => self.0.push((version.0, version.0)),
        }
    }

    /// Adds every version from one on and before another.
    pub(super) fn add_all(&mut self, from: Sequence, before: Sequence) {
        if from < before {
            self.0.push((from.0, before.0 - 1));
        }
    }

    /// Adds those of other ranges.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Returns the version that was added first; zero if there is none.
    pub(super) fn start(&self) -> Sequence {
        self.0.first().map_or(Sequence::ZERO, |(first, _)| Sequence(*first))
    }

    /// Returns the version after the last one that was added; zero if there is none.
    pub(super) fn end(&self) -> Sequence {
        self.0.last().map_or(Sequence::ZERO, |(_, last)| Sequence(*last).next())
    }

    /// Returns the versions from one on and before another that are not in these ranges.
    pub(super) fn gaps(&self, from: Sequence, before: Sequence) -> Self {
        let (mut next, mut gaps) = (from, Self::default());
        for (first, last) in self.merged() {
            gaps.add_all(next, Sequence(first).min(before));
            next = next.max(Sequence(last).next());
        }
        gaps.add_all(next, before);
        gaps
    }

    /// Returns the ranges in order, of which none touches another.
    fn merged(&self) -> Vec<(u64, u64)> {
        let mut ranges = self.0.clone();
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= *end + 1 => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        merged
    }

    /// Returns the ranges as they are shown.
    pub(super) fn shown(&self) -> Vec<RangeInclusive<u64>> {
        self.merged().into_iter().map(|(first, last)| first..=last).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_lies_between_the_ranges() {
        let mut ranges = VersionRanges::default();
        [5, 6, 7, 12, 13].into_iter().for_each(|version| ranges.add(Sequence(version)));
        ranges.add_all(Sequence(2), Sequence(4));
        ranges.add_all(Sequence(9), Sequence(9));
        let gaps = |from, before| ranges.gaps(Sequence(from), Sequence(before)).shown();
        assert_eq!(gaps(1, 16), [1..=1, 4..=4, 8..=11, 14..=15]);
        assert_eq!(gaps(6, 10), [8..=9]);
        assert_eq!(gaps(5, 8), []);
        assert_eq!(ranges.shown(), [2..=3, 5..=7, 12..=13]);
    }
}
