//! Ranges of keys, as a program writes them.

use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// A range of keys: `..` for all of them, `"a".."b"`, `"a"..`, `..="b"` and so on, or a pair of
/// [`Bound`]s, with keys of any type that is bytes.
///
/// Keys are ordered by their bytes. A range that ends before it starts has no keys.
pub trait KeyBounds {
    /// Returns the start and the end of the range.
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>);
}

fn bytes(bound: Bound<impl AsRef<[u8]>>) -> Bound<Vec<u8>> {
    bound.map(|key| key.as_ref().to_vec())
}

impl KeyBounds for RangeFull {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Unbounded, Bound::Unbounded)
    }
}

impl<K: AsRef<[u8]>> KeyBounds for (Bound<K>, Bound<K>) {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (bytes(self.0), bytes(self.1))
    }
}

impl<K: AsRef<[u8]>> KeyBounds for Range<K> {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Included(self.start), Bound::Excluded(self.end)).into_bounds()
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeInclusive<K> {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        let (start, end) = self.into_inner();
        (Bound::Included(start), Bound::Included(end)).into_bounds()
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeFrom<K> {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Included(self.start), Bound::Unbounded).into_bounds()
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeTo<K> {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Unbounded, Bound::Excluded(self.end)).into_bounds()
    }
}

impl<K: AsRef<[u8]>> KeyBounds for RangeToInclusive<K> {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Unbounded, Bound::Included(self.end)).into_bounds()
    }
}

/// The keys that begin with a prefix, as a range.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// store.set("user:1", "alice")?;
/// store.set("users", "1")?;
/// assert_eq!(store.count(kvs::KeyPrefix(b"user:"))?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPrefix<'a>(pub &'a [u8]);

impl KeyBounds for KeyPrefix<'_> {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        let Self(prefix) = self;
        // The lowest key above all of them: the last byte that can be is raised.
        let raised = prefix.iter().rposition(|byte| *byte < u8::MAX);
        let end = raised.map_or(Bound::Unbounded, |position| {
            let mut end = prefix[..=position].to_vec();
            end[position] += 1;
            Bound::Excluded(end)
        });
        (Bound::Included(prefix.to_vec()), end)
    }
}

/// Returns the lowest key of a range and the key behind it, which is empty where the range has no
/// end.
pub(crate) fn interval(range: impl KeyBounds) -> (Vec<u8>, Vec<u8>) {
    let behind = |mut key: Vec<u8>| {
        key.push(0);
        key
    };
    let (start, end) = range.into_bounds();
    let start = match start {
        Bound::Included(key) => key,
        Bound::Excluded(key) => behind(key),
        Bound::Unbounded => Vec::new(),
    };
    match end {
        Bound::Included(key) => (start, behind(key)),
        // Before the empty key there is none: an empty end would say that the range has none.
        Bound::Excluded(key) if key.is_empty() => (behind(key), vec![0]),
        Bound::Excluded(key) => (start, key),
        Bound::Unbounded => (start, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeBounds;

    use super::*;

    #[test]
    fn an_interval_has_the_keys_of_its_range() {
        let contains = |range: (Bound<&str>, Bound<&str>), key: &str| {
            let (start, end) = interval(range);
            start[..] <= *key.as_bytes() && (end.is_empty() || *key.as_bytes() < end[..])
        };
        let bounds = |key| [Bound::Unbounded, Bound::Included(key), Bound::Excluded(key)];
        let keys = ["", "\0", "a", "a\0", "ab", "b"];
        for range in keys.iter().flat_map(|start| {
            let ends = keys.iter().flat_map(|end| bounds(*end));
            ends.flat_map(|end| bounds(*start).map(|start| (start, end)))
        }) {
            for key in keys {
                let expected =
                    <(Bound<&str>, Bound<&str>) as RangeBounds<str>>::contains(&range, key);
                assert_eq!(contains(range, key), expected, "{key:?} of {range:?}");
            }
        }
    }

    #[test]
    fn a_prefix_is_the_range_of_its_keys() {
        let end = |prefix: &[u8]| match KeyPrefix(prefix).into_bounds() {
            (Bound::Included(start), end) if start == prefix => end,
            other => panic!("{other:?}"),
        };
        assert_eq!(end(b"ab"), Bound::Excluded(b"ac".to_vec()));
        assert_eq!(end(b"a\xff\xff"), Bound::Excluded(b"b".to_vec()));
        assert_eq!(end(b"\xfe\xff"), Bound::Excluded(b"\xff".to_vec()));
        assert_eq!(end(b"\xff\xff"), Bound::Unbounded);
        assert_eq!(end(b""), Bound::Unbounded);
    }
}
