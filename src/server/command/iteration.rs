//! Iterations over all keys, page by page, on a reader.

use std::ops::ControlFlow;
use std::time::Instant;

use super::call::{Call, Executed};
use super::command_error::{CommandError, NOT_AN_INTEGER, SYNTAX};
use super::reply_value::{bulk, done};
use super::word::is;
use crate::protocol::resp::Value;
use crate::server::execute::glob::{self, Case};
use crate::server::execute::scan_cursors::ScanCursors;
use crate::store::parse_integer;
use crate::store::reader::ReadLength;
use crate::store::scan::{ScanPosition, ScannedEntry, StoreScan};

/// The most keys read at one point in time, which keeps the engine from dropping old versions.
const PAGE_KEYS: usize = 512;

/// The most keys one `SCAN` visits, whatever `COUNT` says, so that a reader is soon free again.
const COUNT_MAX: usize = 10_000;

/// The number of keys that one `SCAN` visits without `COUNT`.
const COUNT_DEFAULT: usize = 10;

/// The bytes of visited keys that end a `SCAN` early, so that long keys make neither a huge reply
/// nor much work for a pattern.
const VISITED_BYTES: usize = 1 << 20;

/// The bytes of keys between two landmarks, at least, where they are fewer than [`COUNT_MAX`].
const LANDMARK_BYTES: usize = 16 << 20;

/// The most bytes of a pattern: matching a key takes up to its length times that of the pattern.
const PATTERN_BYTES_MAX: usize = 1024;

/// The arguments of `SCAN`.
struct ScanOptions<'a> {
    cursor: u64,
    pattern: Option<&'a [u8]>,
    count: usize,
    /// False if another type than strings is asked for, which no key has; Redis 7.0 refuses no
    /// type either.
    strings: bool,
}

impl<'a> ScanOptions<'a> {
    fn parse(call: &Call<'a>) -> Result<Self, CommandError> {
        let mut options = Self {
            cursor: cursor(call.argument(1)).ok_or(CommandError::new("ERR invalid cursor"))?,
            pattern: None,
            count: COUNT_DEFAULT,
            strings: true,
        };
        let mut rest = call.rest(2);
        while let Some(option) = rest.next() {
            let argument = rest.next().ok_or(CommandError::new(SYNTAX))?;
            if is(option, "MATCH") {
                options.pattern = Some(pattern(argument)?).filter(|pattern| *pattern != b"*");
            } else if is(option, "COUNT") {
                let count = parse_integer(argument).ok_or(CommandError::new(NOT_AN_INTEGER))?;
                if count < 1 {
                    return Err(CommandError::new(SYNTAX));
                }
                options.count = usize::try_from(count).unwrap_or(COUNT_MAX).min(COUNT_MAX);
            } else if is(option, "TYPE") {
                options.strings = is(argument, "string");
            } else {
                return Err(CommandError::new(SYNTAX));
            }
        }
        Ok(options)
    }

    fn shows(&self, key: &[u8]) -> bool {
        self.strings && self.pattern.is_none_or(|pattern| matches(pattern, key))
    }
}

/// Returns a cursor as clients send it. As in Redis leading zeros and a sign are accepted, and a
/// negative one counts down from the highest.
pub(crate) fn cursor(text: &[u8]) -> Option<u64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

/// Returns true if a key is one that a pattern asks for. Redis shows the empty key to the empty
/// pattern alone, and to `*`, which it does not match with.
fn matches(pattern: &[u8], key: &[u8]) -> bool {
    match key {
        [] => pattern.is_empty() || pattern == b"*",
        key => glob::matches(pattern, key, Case::Exact),
    }
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub(super) fn scan(call: &Call<'_>) -> Executed {
    let options = ScanOptions::parse(call)?;
    call.check_may_wait(ReadLength::Short)?;
    let cursors = &call.context.cursors;
    let view = call.view()?;
    let mut scan = view.scan_keys(cursors.position(options.cursor));
    let mut keys = vec![];
    visit(&mut scan, &options, options.count, VISITED_BYTES, &mut keys)?;
    let next = match scan.position() {
        Some(position) => match cursors.advance(options.cursor, &position, Instant::now()) {
            Some(cursor) => cursor,
            None => go_on_to_landmark(&mut scan, &position, &options, cursors, &mut keys)?,
        },
        None => {
            cursors.finish(options.cursor);
            0
        }
    };
    done(Value::Array(vec![bulk(next.to_string()), Value::Array(keys)]))
}

/// Visits up to `count` keys, and no more after so many bytes of them; adds those that are shown.
fn visit(
    scan: &mut StoreScan<'_>,
    options: &ScanOptions<'_>,
    count: usize,
    bytes_max: usize,
    keys: &mut Vec<Value>,
) -> crate::Result<()> {
    let (mut bytes, mut visited) = (0, 0);
    while visited < count && bytes < bytes_max && !scan.is_at_end() {
        let limit = PAGE_KEYS.min(count - visited);
        visited += limit;
        scan.page(limit, &mut |ScannedEntry { key, .. }| {
            bytes += key.len();
            if options.shows(key) {
                keys.push(Value::Bulk(key.to_vec()));
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(())
}

/// Goes on from a position to the next landmark, or makes one a long page ahead. Returns its
/// cursor, or zero at the end of the keys.
fn go_on_to_landmark(
    scan: &mut StoreScan<'_>,
    position: &ScanPosition,
    options: &ScanOptions<'_>,
    cursors: &ScanCursors,
    keys: &mut Vec<Value>,
) -> crate::Result<u64> {
    let landmark = cursors.landmark_from(position);
    if let Some((ahead, cursor)) = &landmark {
        if ahead == position {
            return Ok(*cursor);
        }
        scan.end_at(ahead);
    }
    visit(scan, options, COUNT_MAX, LANDMARK_BYTES, keys)?;
    Ok(match (scan.position(), landmark) {
        (Some(position), _) => cursors.add_landmark(position),
        (None, Some((_, cursor))) => cursor,
        (None, None) => 0,
    })
}

/// `KEYS pattern`
pub(super) fn keys(call: &Call<'_>) -> Executed {
    call.check_may_wait(ReadLength::Long)?;
    let pattern = pattern(call.argument(1))?;
    let view = call.view()?;
    let mut scan = view.scan_keys(None);
    let mut keys = vec![];
    while !scan.is_at_end() {
        scan.page(PAGE_KEYS, &mut |ScannedEntry { key, .. }| {
            if matches(pattern, key) {
                keys.push(Value::Bulk(key.to_vec()));
            }
            ControlFlow::Continue(())
        })?;
    }
    done(Value::Array(keys))
}

/// Returns a pattern, if it is short enough to match many keys with.
pub(super) fn pattern(argument: &[u8]) -> Result<&[u8], CommandError> {
    if argument.len() > PATTERN_BYTES_MAX {
        let text = format!("ERR pattern is longer than the limit of {PATTERN_BYTES_MAX} bytes");
        return Err(CommandError::new(text));
    }
    Ok(argument)
}
