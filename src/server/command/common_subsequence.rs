//! The longest common subsequence of two values.
//!
//! It takes a step for each pair of bytes, and a bit of memory: as many steps as Redis has memory
//! for. So it is work for a reader of long reads. In a transaction, whose replies are made on a
//! worker, fewer steps are allowed, and they count as bytes that are read: of these it has few.

use super::call::{Call, Executed};
use super::command_error::{CommandError, NOT_AN_INTEGER, SYNTAX};
use super::reply_value::{bulk, length};
use super::word::is;
use crate::Entry;
use crate::protocol::resp::Value;
use crate::store::parse_integer;
use crate::store::reader::ReadLength;

/// The most pairs of bytes: Redis takes four bytes for each, and 512 MiB for all.
const PAIRS_MAX: usize = 128 << 20;

/// The most of them in a transaction.
const PAIRS_IN_TRANSACTION_MAX: usize = 1 << 24;

/// The reply that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SubsequenceReply {
    /// The subsequence.
    Text,
    /// Its length.
    Length,
    /// The ranges of both values that it consists of.
    Ranges {
        /// The length of the shortest that are shown.
        bytes_min: usize,
        /// True if each is shown with its length.
        with_length: bool,
    },
}

/// Two ranges of equal bytes: the positions of the first byte in both values, and their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CommonRange {
    first: usize,
    second: usize,
    bytes: usize,
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]`
pub(super) fn lcs(call: &Call<'_>) -> Executed {
    let reply = parse(call)?;
    let pairs_max = if call.is_queued { PAIRS_IN_TRANSACTION_MAX } else { PAIRS_MAX };
    match call.is_queued {
        true => call.note_bytes(PAIRS_IN_TRANSACTION_MAX),
        false => call.check_may_wait(ReadLength::Long)?,
    }
    call.read_many(call.rest(1).take(2), move |entries| {
        let value = |entry: Option<Entry>| entry.map_or(vec![], |entry| entry.value);
        let mut values = entries.into_iter().map(value);
        let (first, second) =
            (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        if (first.len() + 1).saturating_mul(second.len() + 1) > pairs_max {
            let text = "ERR Insufficient memory, transient memory for LCS exceeds \
                        proto-max-bulk-len";
            return CommandError::new(text).into_value();
        }
        render(&first, &second, reply)
    })
}

fn parse(call: &Call<'_>) -> Result<SubsequenceReply, CommandError> {
    let (mut shows_length, mut shows_ranges) = (false, false);
    let (mut bytes_min, mut with_length) = (0, false);
    let mut rest = call.rest(3);
    while let Some(option) = rest.next() {
        if is(option, "IDX") {
            shows_ranges = true;
        } else if is(option, "LEN") {
            shows_length = true;
        } else if is(option, "WITHMATCHLEN") {
            with_length = true;
        } else if is(option, "MINMATCHLEN")
            && let Some(least) = rest.next()
        {
            let least = parse_integer(least).ok_or(CommandError::new(NOT_AN_INTEGER))?;
            bytes_min = usize::try_from(least).unwrap_or(0);
        } else {
            return Err(CommandError::new(SYNTAX));
        }
    }
    match (shows_length, shows_ranges) {
        (true, true) => {
            let text = "ERR If you want both the length and indexes, please just use IDX.";
            Err(CommandError::new(text))
        }
        (true, false) => Ok(SubsequenceReply::Length),
        (false, true) => Ok(SubsequenceReply::Ranges { bytes_min, with_length }),
        (false, false) => Ok(SubsequenceReply::Text),
    }
}

fn render(first: &[u8], second: &[u8], reply: SubsequenceReply) -> Value {
    let (total, ranges) = common_ranges(first, second);
    match reply {
        SubsequenceReply::Length => length(total),
        SubsequenceReply::Text => {
            let parts = ranges.iter().rev().map(|range| &first[range.first..][..range.bytes]);
            Value::Bulk(parts.collect::<Vec<_>>().concat())
        }
        SubsequenceReply::Ranges { bytes_min, with_length } => {
            let span =
                |start: usize, bytes| Value::Array(vec![length(start), length(start + bytes - 1)]);
            let shown = ranges.into_iter().filter(|range| range.bytes >= bytes_min);
            let shown = shown.map(|CommonRange { first, second, bytes }| {
                let mut parts = vec![span(first, bytes), span(second, bytes)];
                parts.extend(with_length.then(|| length(bytes)));
                Value::Array(parts)
            });
            let matches = Value::Array(shown.collect());
            Value::Map(vec![(bulk("matches"), matches), (bulk("len"), length(total))])
        }
    }
}

/// Returns the length of the longest common subsequence, and the ranges of it, the last one first.
/// Of several that are as long it is the one that Redis finds.
fn common_ranges(first: &[u8], second: &[u8]) -> (usize, Vec<CommonRange>) {
    let columns = second.len();
    // The lengths for the beginnings of `second`, with one beginning of `first` after the other.
    let mut lengths = vec![0_u32; columns + 1];
    // True for a pair if the subsequence is longer without the byte of `first` than without the one
    // of `second`.
    let mut skips_first = vec![0_u64; (first.len() * columns).div_ceil(64)];
    for (row, byte) in first.iter().enumerate() {
        let mut diagonal = 0;
        for (column, other) in second.iter().enumerate() {
            let (above, left) = (lengths[column + 1], lengths[column]);
            lengths[column + 1] = if byte == other { diagonal + 1 } else { above.max(left) };
            if above > left {
                let pair = row * columns + column;
                skips_first[pair / 64] |= 1 << (pair % 64);
            }
            diagonal = above;
        }
    }
    let mut ranges: Vec<CommonRange> = Vec::new();
    let (mut row, mut column) = (first.len(), columns);
    while row > 0 && column > 0 {
        if first[row - 1] == second[column - 1] {
            (row, column) = (row - 1, column - 1);
            match ranges.last_mut() {
                Some(last) if (last.first, last.second) == (row + 1, column + 1) => {
                    *last = CommonRange { first: row, second: column, bytes: last.bytes + 1 };
                }
                _ => ranges.push(CommonRange { first: row, second: column, bytes: 1 }),
            }
        } else {
            let pair = (row - 1) * columns + column - 1;
            match skips_first[pair / 64] >> (pair % 64) & 1 == 1 {
                true => row -= 1,
                false => column -= 1,
            }
        }
    }
    (lengths.last().map_or(0, |length| *length as usize), ranges)
}
