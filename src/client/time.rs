//! The time of day, by which keys expire, as requests have it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::expiry::Expiry;

/// Returns the Unix time in milliseconds.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the time of an expiry that is stated now, in Unix milliseconds.
pub(super) fn time_of(expiry: Expiry) -> u64 {
    expiry.unix_milliseconds(now())
}
