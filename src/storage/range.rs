//! A range of keys, visited from either end.

use std::ops::Bound;

/// Which keys a scan visits, and in which order.
#[derive(Debug, Clone)]
pub(crate) struct KeyRange {
    /// Where the range starts, in key order.
    pub(crate) start: Bound<Vec<u8>>,
    /// Where the range ends, in key order.
    pub(crate) end: Bound<Vec<u8>>,
    /// Visit from the end to the start.
    pub(crate) reverse: bool,
}

impl KeyRange {
    /// Every key, in order.
    pub(crate) fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded, reverse: false }
    }

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

    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.start.as_ref().map(Vec::as_slice), self.end.as_ref().map(Vec::as_slice))
    }

    /// Whether some of it may lie beyond `fence`, in the order it is visited in; keys at the fence count as
    /// above it.
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

    /// The part that is left after `key` was visited.
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
