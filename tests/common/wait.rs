//! Waiting for what other threads and processes do.

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes that a test waits for, also on a machine with more to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until it is true, but not forever; returns how long that took.
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "still waiting: {what}");
        thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}
