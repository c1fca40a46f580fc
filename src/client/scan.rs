//! Reading a range of keys in order.

use std::ops::Bound;

use super::error::ClientResult;
use crate::protocol::native::{ByteString, RequestOperation, Success};

/// Keys with their values, in key order.
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// The start and the end of a range.
type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Returns the first `limit` keys of the range with their values, page by page: `ask` sends a
/// request for so many of them, and returns what [`page`] makes of the answer.
pub(super) fn collect(
    (mut start, end): Bounds,
    limit: usize,
    mut ask: impl FnMut(RequestOperation<'_>, usize) -> ClientResult<(Entries, bool)>,
) -> ClientResult<Entries> {
    let mut found = Vec::new();
    loop {
        let wanted = limit - found.len();
        let operation = RequestOperation::Scan {
            start: bytes(&start),
            end: bytes(&end),
            reverse: false,
            limit: u32::try_from(wanted).unwrap_or(u32::MAX),
            keys_only: false,
        };
        let (mut page, more) = ask(operation, wanted)?;
        let last = page.last().map(|(key, _)| key.clone());
        found.append(&mut page);
        match last {
            Some(key) if more && found.len() < limit => start = Bound::Excluded(key),
            _ => return Ok(found),
        }
    }
}

/// Returns the entries of an answer, no more than were wanted, and true if the range goes on.
pub(super) fn page(answer: Success<'_>, wanted: usize) -> Option<(Entries, bool)> {
    let Success::Entries { entries, more } = answer else { return None };
    let page = entries.into_iter().map(|entry| {
        (entry.key.into_vec(), entry.value.map(ByteString::into_vec).unwrap_or_default())
    });
    let page: Entries = page.collect();
    (page.len() <= wanted).then_some((page, more))
}

fn bytes(bound: &Bound<Vec<u8>>) -> Bound<ByteString<'_>> {
    bound.as_ref().map(|key| ByteString::from(key.as_slice()))
}
