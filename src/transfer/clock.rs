//! The time of day of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the time of day in milliseconds since the Unix epoch.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
