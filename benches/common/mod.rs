//! Helpers that the benches share.

#![allow(dead_code, reason = "each bench uses a part")]

pub mod actor_server;
pub mod filled;
pub mod keys;
pub mod load;
pub mod log_store;
pub mod page_cache;
pub mod pool_server;

use std::time::Duration;

use criterion::Criterion;

/// Settings with which all benches together take minutes: what they compare differs by more than
/// the few percent that longer runs would tell apart.
pub fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(400))
        .measurement_time(Duration::from_millis(1200))
}
