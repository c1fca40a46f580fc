//! Reading a range of keys in order.

use std::ops::RangeBounds;

use super::Store;
use crate::engine::{KeyRange, ScanPage};
use crate::{Error, Result};

/// Keys that are visited at once; removed and expired ones count.
const KEYS_PER_PAGE: usize = 1024;

impl Store {
    /// The first `limit` keys of the range with their values, in key order, at one point in time.
    ///
    /// The `sled` engine has no points in time: what is written meanwhile may or may not be seen.
    ///
    /// ```no_run
    /// # let store = kvs::Store::open(kvs::Options::new("data"))?;
    /// for (key, value) in store.scan(b"a".to_vec()..b"b".to_vec(), 100)? {
    ///     println!("{} = {}", key.escape_ascii(), value.escape_ascii());
    /// }
    /// # Ok::<(), kvs::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn scan(
        &self,
        range: impl RangeBounds<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let snapshot = match self.reader().snapshot() {
            Ok(snapshot) => Some(snapshot),
            Err(Error::Unsupported { .. }) => None,
            Err(error) => return Err(error),
        };
        let (start, end) = (range.start_bound().cloned(), range.end_bound().cloned());
        let mut range = KeyRange { start, end, reverse: false };
        let now = self.clock().now();
        let mut found = Vec::new();
        while found.len() < limit {
            let limit = KEYS_PER_PAGE.min(limit - found.len());
            let page =
                ScanPage { range: &range, snapshot: snapshot.as_ref(), limit, keys_only: false };
            let page = self.reader().scan(&page)?;
            let live = page.entries.into_iter();
            let live = live.filter(|item| item.entry.expires_at.is_none_or(|time| time > now));
            found.extend(live.map(|item| (item.key, item.entry.value)));
            let Some(last) = page.resume_after else { break };
            range = range.after(&last);
        }
        Ok(found)
    }
}
