//! Times at which keys expire, as requests have them.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::expiry::Expiry;

/// Returns the time of an expiry that is stated now, in Unix milliseconds.
pub(super) fn time_of(expiry: Expiry) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    expiry.unix_milliseconds(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}
