//! A range of keys, visited from either end.

use std::ops::Bound;

/// The keys that a scan visits, and the order of the visit.
#[derive(Debug, Clone)]
pub(crate) struct KeyRange {
    /// The start of the range, in key order.
    pub(crate) start: Bound<Vec<u8>>,
    /// The end of the range, in key order.
    pub(crate) end: Bound<Vec<u8>>,
    /// The visit goes from the end to the start.
    pub(crate) reverse: bool,
}

impl KeyRange {
    /// Returns the range of every key, in key order.
    pub(crate) fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded, reverse: false }
    }

    /// Returns true if no key can be in the range.
    pub(crate) fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
            _ => false,
        }
    }

    /// Returns true if some of the range may lie beyond `fence` in the order of the visit. A key
    /// that equals the fence counts as above it.
    pub(crate) fn reaches(&self, fence: &[u8]) -> bool {
        if self.reverse {
            match &self.start {
                Bound::Included(start) | Bound::Excluded(start) => &start[..] < fence,
                Bound::Unbounded => true,
            }
        } else {
            match &self.end {
                Bound::Included(end) => fence <= &end[..],
                Bound::Excluded(end) => fence < &end[..],
                Bound::Unbounded => true,
            }
        }
    }

    /// Returns the part that is left after `key` was visited.
    pub(crate) fn after(&self, key: &[u8]) -> Self {
        let mut rest = self.clone();
        let visited = Bound::Excluded(key.to_vec());
        if self.reverse {
            rest.end = visited;
        } else {
            rest.start = visited;
        }
        rest
    }
}

/// Keys from a start on, up to an end that is not one of them; an empty end is above every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyInterval<'a> {
    pub(crate) start: &'a [u8],
    pub(crate) end: &'a [u8],
}

impl KeyInterval<'_> {
    /// Every key.
    pub(crate) const ALL: Self = Self { start: &[], end: &[] };

    /// Returns true if it begins at or below the key and ends above it.
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.start <= key && self.is_below_end(key)
    }

    /// Returns true if it ends above the key.
    pub(crate) fn is_below_end(&self, key: &[u8]) -> bool {
        self.end.is_empty() || key < self.end
    }

    /// Returns true if the two have keys in common; neither may end before it starts.
    pub(crate) fn meets(&self, other: KeyInterval<'_>) -> bool {
        self.is_below_end(other.start) && other.is_below_end(self.start)
    }

    /// Returns the range of its keys, in order.
    pub(crate) fn range(&self) -> KeyRange {
        let end = match self.end {
            [] => Bound::Unbounded,
            end => Bound::Excluded(end.to_vec()),
        };
        KeyRange { start: Bound::Included(self.start.to_vec()), end, reverse: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_empty_if_it_ends_before_it_starts() {
        use Bound::{Excluded, Included, Unbounded};
        let is_empty = |start: Bound<&str>, end: Bound<&str>| {
            let bytes = |key: &str| key.as_bytes().to_vec();
            KeyRange { start: start.map(bytes), end: end.map(bytes), reverse: false }.is_empty()
        };
        assert!(!is_empty(Unbounded, Unbounded));
        assert!(!is_empty(Included("b"), Unbounded) && !is_empty(Unbounded, Excluded("b")));
        assert!(!is_empty(Included("a"), Included("b")) && !is_empty(Included("a"), Included("a")));
        assert!(is_empty(Included("b"), Included("a")));
        for (start, end) in [
            (Excluded("a"), Included("a")),
            (Included("a"), Excluded("a")),
            (Excluded("a"), Excluded("a")),
            (Included("b"), Excluded("a")),
        ] {
            assert!(is_empty(start, end), "{start:?} {end:?}");
        }
        assert!(!is_empty(Excluded("a"), Included("b")) && !is_empty(Excluded("a"), Excluded("b")));
    }

    #[test]
    fn intervals_meet_where_they_have_keys_in_common() {
        let [ab, bc, ac, b_on] = [("a", "b"), ("b", "c"), ("a", "c"), ("b", "")]
            .map(|(start, end)| KeyInterval { start: start.as_bytes(), end: end.as_bytes() });
        assert!(!ab.meets(bc) && !bc.meets(ab) && !ab.meets(b_on) && !b_on.meets(ab));
        assert!(ac.meets(bc) && bc.meets(ac) && ac.meets(b_on) && b_on.meets(ac));
        assert!(KeyInterval::ALL.meets(ab) && ab.meets(KeyInterval::ALL));
    }

    #[test]
    fn the_rest_of_a_range_begins_behind_the_last_visited_key() {
        let left = KeyRange::all().after(b"k");
        assert_eq!((left.start, left.end), (Bound::Excluded(b"k".to_vec()), Bound::Unbounded));
        let left = KeyRange { reverse: true, ..KeyRange::all() }.after(b"k");
        assert_eq!((left.start, left.end), (Bound::Unbounded, Bound::Excluded(b"k".to_vec())));
    }
}
