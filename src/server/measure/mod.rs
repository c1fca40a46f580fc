//! Figures about the commands that a server executes: how many, for how long, and with what errors.
//!
//! | file | contents |
//! |---|---|
//! | [`event_counter`] | a number that only grows |
//! | [`call_counters`] | the counters and times of each command |
//! | [`latency_histogram`] | numbers of calls by the time that they took |
//! | [`error_counts`] | error replies by their code |
//! | [`slow_log`] | the latest calls that took long |
//! | [`latency_monitor`] | the longest calls of each second |
//!
//! The time of a call is that of its execution alone, on a worker or a reader: neither parsing nor
//! the way to the client counts. Of a write it is the preparation of its batch. The writer commits
//! many batches as one, so the time of a single one is not known; `INFO store` has that of syncs.
//!
//! Reading the clock costs a short call some percents, so of those only one in
//! [`CALLS_PER_SAMPLE`](call_counters::CALLS_PER_SAMPLE) is timed, and counts for all of them. All
//! calls are timed that a reader executes, that are about many keys, and those of administrative
//! commands; and every call at all while the slow log or the latency monitor asks for times below
//! [`EXACT_BELOW`](call_counters::EXACT_BELOW).

pub(crate) mod call_counters;
pub(crate) mod error_counts;
pub(crate) mod event_counter;
pub(crate) mod latency_histogram;
pub(crate) mod latency_monitor;
pub(crate) mod slow_log;
