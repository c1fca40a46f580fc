//! Reads of a range at one point in time, with answers bounded in entries and bytes.

use std::ops::{Bound, ControlFlow};

use crate::protocol::native::{ByteString, LIST_ITEMS_MAX, ScanEntry, Success};
use crate::store::KeyspaceView;
use crate::store::read::{Access, ReadError, ReadResult};
use crate::store::scan::ScannedEntry;

/// The bytes of keys and values that end an answer early; the client goes on behind its last key.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Returns the first entries of a range; expired keys are left out.
///
/// If `access` allows no long reads, a large value ends the answer before it: the client asks for
/// it next, and the scan that would begin with it fails with [`ReadError::TooLong`].
pub(super) fn scan(
    view: &KeyspaceView,
    start: Bound<ByteString<'_>>,
    end: Bound<ByteString<'_>>,
    reverse: bool,
    limit: u32,
    keys_only: bool,
    access: Access,
) -> ReadResult<Success<'static>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(LIST_ITEMS_MAX);
    let (start, end) = (start.map(ByteString::into_vec), end.map(ByteString::into_vec));
    let mut scan = view.scan_at_once(start, end, reverse, keys_only)?;
    let mut entries = Vec::new();
    let (mut bytes, mut is_long) = (0, false);
    while !is_long && entries.len() < limit && bytes < ANSWER_BYTES_MAX && !scan.is_at_end() {
        // At most as many as are still wanted, so that the last entry is where the client goes on.
        scan.page(limit - entries.len(), &mut |ScannedEntry { key, value, .. }| {
            is_long = access.check(value.len()).is_err();
            if is_long {
                return ControlFlow::Break(());
            }
            bytes += key.len() + value.len();
            let value = (!keys_only).then(|| value.to_vec().into());
            entries.push(ScanEntry { key: key.to_vec().into(), value });
            match bytes {
                ANSWER_BYTES_MAX.. => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
    }
    if is_long && entries.is_empty() {
        return Err(ReadError::TooLong);
    }
    let more = is_long || !scan.is_at_end();
    Ok(Success::Entries { entries, more })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;
    use crate::store::read::SHORT_READ_BYTES;

    /// Returns the keys of an answer, and whether there may be more.
    fn keys(answer: Success<'_>) -> (Vec<u8>, bool) {
        let Success::Entries { entries, more } = answer else { panic!("no entries") };
        (entries.iter().flat_map(|entry| entry.key.iter().copied()).collect(), more)
    }

    #[test]
    fn a_large_value_ends_a_short_scan_and_begins_a_long_one() {
        let context = testing::context();
        let store = &context.store;
        for (key, bytes) in [("a", 1), ("b", SHORT_READ_BYTES + 1), ("c", 1), ("d", 1 << 21)] {
            store.set(key, vec![7; bytes]).unwrap();
        }
        let scan = |start, access| scan(store, start, Bound::Unbounded, false, 100, false, access);
        let behind = |key: &[u8]| Bound::Excluded(ByteString::from(key.to_vec()));
        assert_eq!(keys(scan(Bound::Unbounded, Access::Short).unwrap()), (b"a".to_vec(), true));
        assert!(matches!(scan(behind(b"a"), Access::Short), Err(ReadError::TooLong)));
        assert_eq!(keys(scan(behind(b"a"), Access::Blocking).unwrap()), (b"bcd".to_vec(), false));
        assert_eq!(keys(scan(behind(b"b"), Access::Short).unwrap()), (b"c".to_vec(), true));
        let all = scan(Bound::Unbounded, Access::Blocking).unwrap();
        assert_eq!(keys(all), (b"abcd".to_vec(), false));
    }
}
