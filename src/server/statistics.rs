//! The counters of a running server. They are exact; two of them may be read a moment apart.

use std::time::Instant;

use crate::server::measure::call_counters::{CallCounters, CommandPosition, CountedCommand};
use crate::server::measure::error_counts::ErrorCounts;
use crate::server::measure::event_counter::Counter;
use crate::sync::{Mutex, lock};

/// The counters of a server since its start or their last reset.
#[derive(Default)]
pub(crate) struct Statistics {
    /// Accepted connections.
    pub(crate) connections_accepted: Counter,
    /// Connections that were refused at the limit.
    pub(crate) connections_rejected: Counter,
    /// Executed requests.
    pub(crate) requests: Counter,
    /// Bytes read from clients.
    pub(crate) bytes_in: Counter,
    /// Bytes written to clients.
    pub(crate) bytes_out: Counter,
    /// Reads that found their key.
    pub(crate) hits: Counter,
    /// Reads that found no key.
    pub(crate) misses: Counter,
    /// Connections that were closed for bytes that follow no protocol.
    pub(crate) protocol_errors: Counter,
    /// Wrong users and passwords that clients gave.
    pub(crate) wrong_passwords: Counter,
    /// Connections that were closed because their clients were late.
    pub(crate) connections_timed_out: Counter,
    /// Connections that were closed because clients held too much memory.
    pub(crate) connections_evicted: Counter,
    /// The rate of requests.
    pub(crate) request_rate: Rate,
    /// The rate of bytes from clients.
    pub(crate) input_rate: Rate,
    /// The rate of bytes to clients.
    pub(crate) output_rate: Rate,
    /// Reads of the sockets of clients that brought something.
    pub(crate) reads: Counter,
    /// Writes to the sockets of clients.
    pub(crate) writes: Counter,
    /// Error replies.
    pub(crate) errors: ErrorCounts,
    /// The counters of every command, in the order of the table of commands.
    calls: Box<[CallCounters]>,
}

impl Statistics {
    /// Returns counters that are zero, for a server with these commands.
    pub(crate) fn new(commands: impl Iterator<Item = CountedCommand>) -> Self {
        Self { calls: commands.map(CallCounters::new).collect(), ..Self::default() }
    }

    /// Returns the counters of the command or the subcommand at a position of the table.
    pub(crate) fn calls(&self, position: CommandPosition) -> &CallCounters {
        // There is one for each row, and positions come from the table.
        let calls = &self.calls[position.row];
        let subcommand = position.subcommand.and_then(|position| calls.subcommand(position));
        subcommand.unwrap_or(calls)
    }

    /// Returns the counters of every command, each followed by those of its subcommands.
    pub(crate) fn all_calls(&self) -> impl Iterator<Item = &CallCounters> {
        self.calls.iter().flat_map(CallCounters::with_subcommands)
    }

    /// Counts reads by their result.
    pub(crate) fn count_lookups(&self, hits: u64, misses: u64) {
        // Most requests look up one key, so one of the two need not be touched.
        if hits > 0 {
            self.hits.add(hits);
        }
        if misses > 0 {
            self.misses.add(misses);
        }
    }

    /// Starts all counters again from zero.
    pub(crate) fn reset(&self) {
        let Self {
            connections_accepted,
            connections_rejected,
            requests,
            bytes_in,
            bytes_out,
            hits,
            misses,
            protocol_errors,
            wrong_passwords,
            connections_timed_out,
            connections_evicted,
            request_rate: _,
            input_rate: _,
            output_rate: _,
            reads,
            writes,
            errors,
            calls,
        } = self;
        let connections = [connections_accepted, connections_rejected];
        let refused =
            [protocol_errors, wrong_passwords, connections_timed_out, connections_evicted];
        let traffic = [requests, bytes_in, bytes_out, hits, misses, reads, writes];
        connections.into_iter().chain(refused).chain(traffic).for_each(Counter::reset);
        errors.reset();
        calls.iter().for_each(CallCounters::reset);
    }
}

/// A rate per second, measured between the questions for it.
pub(crate) struct Rate(Mutex<Sample>);

struct Sample {
    taken: Instant,
    count: u64,
    per_second: u64,
}

impl Default for Rate {
    fn default() -> Self {
        Self(Mutex::new(Sample { taken: Instant::now(), count: 0, per_second: 0 }))
    }
}

impl Rate {
    /// Returns the rate between the last two queries that were at least a second apart.
    pub(crate) fn per_second(&self, count: u64, now: Instant) -> u64 {
        let mut sample = lock(&self.0);
        let elapsed = now.saturating_duration_since(sample.taken).as_millis();
        if elapsed >= 1000 {
            let more = u128::from(count.saturating_sub(sample.count));
            *sample = Sample {
                taken: now,
                count,
                per_second: u64::try_from(more * 1000 / elapsed).unwrap_or(u64::MAX),
            };
        }
        sample.per_second
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_is_that_of_the_time_since_the_last_sample() {
        let rate = Rate::default();
        let start = Instant::now();
        assert_eq!(rate.per_second(50, start), 0);
        assert_eq!(rate.per_second(1000, start + Duration::from_secs(2)), 500);
        assert_eq!(rate.per_second(9000, start + Duration::from_millis(2500)), 500);
        assert_eq!(rate.per_second(1000, start + Duration::from_secs(4)), 0);
        // A reset of the counters makes them go back.
        assert_eq!(rate.per_second(10, start + Duration::from_secs(5)), 0);
    }
}
