//! Going through all keys, page by page, on a reader.

use std::ops::Bound;

use super::arguments::is;
use super::glob::{self, Case};
use super::refusal::{NOT_AN_INTEGER, Refusal, SYNTAX};
use super::{Executed, bulk, done};
use crate::engine::KeyRange;
use crate::engine::{Access, Page, ScanPage, Scanned};
use crate::protocol::resp::Value;
use crate::server::execute::execution::{Call, Execution};
use crate::store::parse_integer;

/// How many keys are read at one point in time, which keeps the engine from dropping old versions.
const PAGE_KEYS: usize = 512;

/// The most keys one `SCAN` visits, whatever `COUNT` says, so that a reader is soon free again.
const COUNT_MAX: usize = 10_000;

/// How many keys one `SCAN` visits where `COUNT` does not say.
const COUNT_DEFAULT: usize = 10;

/// How many bytes of visited keys end a `SCAN` early, so that long keys make neither a huge reply nor much
/// work for a pattern.
const VISITED_BYTES: usize = 1 << 20;

/// The longest pattern: matching a key takes up to its length times the pattern's.
const PATTERN_BYTES_MAX: usize = 1024;

/// The arguments of `SCAN`.
struct ScanOptions<'a> {
    cursor: u64,
    pattern: Option<&'a [u8]>,
    count: usize,
    /// Every value is a string, so another type matches none; Redis 7.0 refuses no type either.
    strings: bool,
}

impl<'a> ScanOptions<'a> {
    fn parse(call: &Call<'a>) -> Result<Self, Refusal> {
        let mut options = Self {
            cursor: cursor(call.argument(1)).ok_or(Refusal::new("ERR invalid cursor"))?,
            pattern: None,
            count: COUNT_DEFAULT,
            strings: true,
        };
        let mut rest = call.rest(2);
        while let Some(option) = rest.next() {
            let argument = rest.next().ok_or(Refusal::new(SYNTAX))?;
            if is(option, "MATCH") {
                options.pattern = Some(pattern(argument)?).filter(|pattern| *pattern != b"*");
            } else if is(option, "COUNT") {
                let count = parse_integer(argument).ok_or(Refusal::new(NOT_AN_INTEGER))?;
                if count < 1 {
                    return Err(Refusal::new(SYNTAX));
                }
                options.count = usize::try_from(count).unwrap_or(COUNT_MAX).min(COUNT_MAX);
            } else if is(option, "TYPE") {
                options.strings = is(argument, "string");
            } else {
                return Err(Refusal::new(SYNTAX));
            }
        }
        Ok(options)
    }

    fn shows(&self, key: &[u8]) -> bool {
        self.strings && self.pattern.is_none_or(|pattern| glob::matches(pattern, key, Case::Exact))
    }
}

/// A cursor as clients send it; Redis reads leading zeros and so do we.
pub(crate) fn cursor(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub(super) fn scan(call: &Call<'_>) -> Executed {
    let options = ScanOptions::parse(call)?;
    if call.access == Access::MemoryOnly {
        return Ok(Execution::WouldBlock);
    }
    let cursors = &call.context.commands.cursors;
    let mut resume_after = cursors.position(options.cursor);
    let (mut keys, mut bytes, mut visited) = (vec![], 0, 0);
    while visited < options.count && bytes < VISITED_BYTES {
        let limit = PAGE_KEYS.min(options.count - visited);
        visited += limit;
        let page = live_keys(call, resume_after.as_deref(), limit)?;
        for Scanned { key, .. } in page.entries {
            bytes += key.len();
            if options.shows(&key) {
                keys.push(Value::Bulk(key));
            }
        }
        resume_after = page.resume_after;
        if resume_after.is_none() {
            break;
        }
    }
    let next = match resume_after {
        Some(key) => cursors.advance(options.cursor, key),
        None => {
            cursors.finish(options.cursor);
            0
        }
    };
    done(Value::Array(vec![bulk(next.to_string()), Value::Array(keys)]))
}

/// `KEYS pattern`
pub(super) fn keys(call: &Call<'_>) -> Executed {
    if call.access == Access::MemoryOnly {
        return Ok(Execution::WouldBlock);
    }
    let pattern = pattern(call.argument(1))?;
    let (mut keys, mut resume_after) = (vec![], None);
    loop {
        let page = live_keys(call, resume_after.as_deref(), PAGE_KEYS)?;
        let page_keys = page.entries.into_iter().map(|scanned| scanned.key);
        let shown = page_keys.filter(|key| glob::matches(pattern, key, Case::Exact));
        keys.extend(shown.map(Value::Bulk));
        resume_after = page.resume_after;
        if resume_after.is_none() {
            return done(Value::Array(keys));
        }
    }
}

/// A pattern that is short enough to match many keys with.
fn pattern(argument: &[u8]) -> Result<&[u8], Refusal> {
    if argument.len() > PATTERN_BYTES_MAX {
        let text = format!("ERR pattern is longer than the limit of {PATTERN_BYTES_MAX} bytes");
        return Err(Refusal::new(text));
    }
    Ok(argument)
}

/// A page of keys that have not expired.
fn live_keys(call: &Call<'_>, resume_after: Option<&[u8]>, limit: usize) -> Result<Page, Refusal> {
    let range = KeyRange {
        start: resume_after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.to_vec())),
        end: Bound::Unbounded,
        reverse: false,
    };
    let store = &call.context.store;
    let mut page =
        store.reader().scan(&ScanPage { range: &range, snapshot: None, limit, keys_only: true })?;
    page.entries.retain(|scanned| !store.clock().is_past(scanned.entry.expires_at));
    Ok(page)
}
