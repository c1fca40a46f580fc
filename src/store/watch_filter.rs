//! The part of all changes that a watch is about.

use std::ops::{Bound, RangeBounds};

use super::change::{Change, ChangeBatch};
use crate::engine::KeyspaceId;

/// A range of keys of a keyspace; all keys of the default one by default.
#[derive(Debug)]
pub(super) struct WatchFilter {
    pub(super) keyspace: KeyspaceId,
    pub(super) start: Bound<Vec<u8>>,
    pub(super) end: Bound<Vec<u8>>,
}

impl Default for WatchFilter {
    fn default() -> Self {
        let keyspace = KeyspaceId::DEFAULT;
        Self { keyspace, start: Bound::Unbounded, end: Bound::Unbounded }
    }
}

impl WatchFilter {
    /// Returns the bytes of its keys.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) | Bound::Excluded(key) => key.len(),
            Bound::Unbounded => 0,
        };
        bytes(&self.start) + bytes(&self.end)
    }

    /// Returns the changes of a batch that concern a key of the range, be it there or not.
    pub(super) fn of<'b>(&self, batch: &'b ChangeBatch) -> impl Iterator<Item = Change<'b>> {
        let all = batch.changes().filter(|(keyspace, _)| *keyspace == self.keyspace);
        all.map(|(_, change)| change).filter(|change| self.concerns(change))
    }

    fn concerns(&self, change: &Change<'_>) -> bool {
        match *change {
            Change::Set { key, .. } | Change::Removed { key } | Change::Expired { key } => {
                (slice(&self.start), slice(&self.end)).contains(key)
            }
            Change::RangeRemoved { start, end } => self.meets(start, end),
            Change::Cleared | Change::Dropped => true,
        }
    }

    /// Returns true if a key may lie in both ranges.
    fn meets(&self, start: &[u8], end: Option<&[u8]>) -> bool {
        let ends_before = match &self.start {
            Bound::Included(first) | Bound::Excluded(first) => end.is_some_and(|end| end <= first),
            Bound::Unbounded => false,
        };
        let starts_behind = match &self.end {
            Bound::Included(last) => start > &last[..],
            Bound::Excluded(last) => start >= &last[..],
            Bound::Unbounded => false,
        };
        !ends_before && !starts_behind
    }
}

fn slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(|key| &key[..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_bounds::{KeyBounds, KeyPrefix};

    fn filter(range: impl KeyBounds) -> WatchFilter {
        let (start, end) = range.into_bounds();
        WatchFilter { keyspace: KeyspaceId::DEFAULT, start, end }
    }

    #[test]
    fn keys_and_ranges_concern_a_watch_if_they_meet_its_range() {
        let concerns = |filter: &WatchFilter, key: &[u8]| {
            let changes = [
                Change::Set { key, value: b"", expires_at: None },
                Change::Removed { key },
                Change::Expired { key },
            ];
            let found = changes.map(|change| filter.concerns(&change));
            assert!(found == [true; 3] || found == [false; 3], "{found:?}");
            found[0]
        };
        let prefix = filter(KeyPrefix(b"b"));
        let keys = [&b"a"[..], b"b", b"b\xff\xff", b"c"].map(|key| concerns(&prefix, key));
        assert_eq!(keys, [false, true, true, false]);
        let one = filter("b"..="b");
        let keys = [&b"a"[..], b"b", b"b\0"].map(|key| concerns(&one, key));
        assert_eq!(keys, [false, true, false]);
        let ranges = [("a", "b"), ("a", "b\0"), ("b", "c"), ("b\0", "c"), ("b", ""), ("c", "")];
        let met = ranges.map(|(start, end)| {
            let end = Some(end.as_bytes()).filter(|end| !end.is_empty());
            one.concerns(&Change::RangeRemoved { start: start.as_bytes(), end })
        });
        assert_eq!(met, [false, true, true, false, true, false]);
        let open = filter(..);
        assert!(open.concerns(&Change::RangeRemoved { start: b"x", end: None }));
        let behind = filter((Bound::Excluded("b"), Bound::Excluded("d")));
        assert!(!behind.concerns(&Change::RangeRemoved { start: b"d", end: None }));
        assert!(!behind.concerns(&Change::RangeRemoved { start: b"", end: Some(b"b") }));
        for all in [Change::Cleared, Change::Dropped] {
            assert!(one.concerns(&all));
        }
    }
}
