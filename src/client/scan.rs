//! Reading a range of keys in order, page by page.

use std::ops::Bound;

use crate::key_bounds::KeyBounds;
use crate::protocol::native::{ByteString, RequestOperation, Success};

/// Keys with their values, in the order of a scan.
pub(super) type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// The entries of an answer, and true if the range goes on behind them.
pub(super) type AnsweredPage = (Entries, bool);

/// The keys of a range that were not read yet, for reading it a page at a time, however long it is:
/// see `next_page` of [`KvsClient`](crate::KvsClient::next_page) and its keyspaces.
#[derive(Debug, Clone)]
pub struct ClientScan {
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
    is_reverse: bool,
    keys_only: bool,
    is_at_end: bool,
}

impl ClientScan {
    /// Returns a scan of a range in key order.
    #[must_use]
    pub fn new(range: impl KeyBounds) -> Self {
        let (start, end) = range.into_bounds();
        Self { start, end, is_reverse: false, keys_only: false, is_at_end: false }
    }

    /// Returns the same scan from the end of the range to its start.
    #[must_use]
    pub fn reverse(self) -> Self {
        Self { is_reverse: true, ..self }
    }

    /// Returns the same scan without values: they are empty.
    #[must_use]
    pub fn keys_only(self) -> Self {
        Self { keys_only: true, ..self }
    }

    /// Returns true once every key of the range was read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Returns the request for the next entries, at most so many.
    pub(super) fn request(&self, limit: usize) -> RequestOperation<'_> {
        RequestOperation::Scan {
            start: borrowed(&self.start),
            end: borrowed(&self.end),
            reverse: self.is_reverse,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            keys_only: self.keys_only,
        }
    }

    /// Takes a page, behind which the scan goes on; returns its entries.
    pub(super) fn take(&mut self, (entries, more): AnsweredPage) -> Entries {
        match entries.last() {
            Some((last, _)) if more => {
                let bound = if self.is_reverse { &mut self.end } else { &mut self.start };
                *bound = Bound::Excluded(last.clone());
            }
            _ => self.is_at_end = true,
        }
        entries
    }
}

/// Returns the page of an answer, unless it has more entries than were wanted.
pub(super) fn page(answer: Success<'_>, wanted: usize) -> Option<AnsweredPage> {
    let Success::Entries { entries, more } = answer else { return None };
    if entries.len() > wanted {
        return None;
    }
    let entries = entries.into_iter().map(|entry| {
        (entry.key.into_vec(), entry.value.map(ByteString::into_vec).unwrap_or_default())
    });
    Some((entries.collect(), more))
}

/// Returns a range as a request has it.
pub(super) fn bounds(
    range: impl KeyBounds,
) -> (Bound<ByteString<'static>>, Bound<ByteString<'static>>) {
    let (start, end) = range.into_bounds();
    (start.map(ByteString::from), end.map(ByteString::from))
}

fn borrowed(bound: &Bound<Vec<u8>>) -> Bound<ByteString<'_>> {
    bound.as_ref().map(|key| ByteString::from(key.as_slice()))
}
