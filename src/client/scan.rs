//! Reading a range of keys in order.

use std::ops::{Bound, RangeBounds};

use super::KvsClient;
use super::error::ClientResult;
use crate::protocol::native::{ByteString, RequestOperation, Success};

/// Keys with their values, in key order.
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

impl KvsClient {
    /// Returns the first `limit` keys of the range with their values, in key order.
    ///
    /// A long range takes several requests. Each sees one point in time, but not the same one.
    ///
    /// ```no_run
    /// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
    /// for (key, value) in client.scan(b"a".to_vec()..b"b".to_vec(), 100)? {
    ///     println!("{} = {}", key.escape_ascii(), value.escape_ascii());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan(
        &mut self,
        range: impl RangeBounds<Vec<u8>>,
        limit: usize,
    ) -> ClientResult<Entries> {
        let mut start = range.start_bound().cloned();
        let mut found = Vec::new();
        loop {
            let wanted = limit - found.len();
            let operation = RequestOperation::Scan {
                start: start.as_ref().map(bytes),
                end: range.end_bound().map(bytes),
                reverse: false,
                limit: u32::try_from(wanted).unwrap_or(u32::MAX),
                keys_only: false,
            };
            let (mut page, more) = self.call(operation, |answer| match answer {
                Success::Entries { entries, more } if entries.len() <= wanted => {
                    let page = entries.into_iter().map(|entry| {
                        let value = entry.value.map(ByteString::into_vec).unwrap_or_default();
                        (entry.key.into_vec(), value)
                    });
                    Some((page.collect::<Entries>(), more))
                }
                _ => None,
            })?;
            let last = page.last().map(|(key, _)| key.clone());
            found.append(&mut page);
            match last {
                Some(key) if more && found.len() < limit => start = Bound::Excluded(key),
                _ => return Ok(found),
            }
        }
    }
}

fn bytes(key: &Vec<u8>) -> ByteString<'_> {
    ByteString::from(key.as_slice())
}
