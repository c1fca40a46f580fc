//! The counters of a running server. They are exact; two of them may be read a moment apart.

use std::time::Instant;

use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// A number that only grows, until it is reset.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds to the number.
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Returns the number.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Starts again from zero.
    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

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
    /// The name and the counters of every command, in the order of the table of commands.
    calls: Box<[(&'static str, CallCounters)]>,
}

/// The counters of one command.
#[derive(Debug, Default)]
pub(crate) struct CallCounters {
    /// Executed calls.
    pub(crate) executed: Counter,
    /// Calls with the wrong number of arguments or an unknown subcommand.
    pub(crate) rejected: Counter,
    /// Executed calls whose arguments were refused, without those that the writer refused later.
    pub(crate) failed: Counter,
}

impl CallCounters {
    /// Counts a call that was executed.
    pub(crate) fn count(&self, is_refused: bool) {
        self.executed.add(1);
        if is_refused {
            self.failed.add(1);
        }
    }
}

impl Statistics {
    /// Returns counters that are zero, for a server with these commands.
    pub(crate) fn new(commands: impl Iterator<Item = &'static str>) -> Self {
        let calls = commands.map(|name| (name, CallCounters::default())).collect();
        Self { calls, ..Self::default() }
    }

    /// Returns the counters of the command at a position of the table.
    pub(crate) fn calls(&self, position: usize) -> &CallCounters {
        // There is one for each row, and positions come from the table.
        &self.calls[position].1
    }

    /// Returns the name and the counters of every command.
    pub(crate) fn all_calls(&self) -> impl Iterator<Item = &(&'static str, CallCounters)> {
        self.calls.iter()
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
            calls,
        } = self;
        let connections = [connections_accepted, connections_rejected];
        let refused =
            [protocol_errors, wrong_passwords, connections_timed_out, connections_evicted];
        let traffic = [requests, bytes_in, bytes_out, hits, misses];
        let of_calls =
            calls.iter().flat_map(|(_, calls)| [&calls.executed, &calls.rejected, &calls.failed]);
        connections
            .into_iter()
            .chain(refused)
            .chain(traffic)
            .chain(of_calls)
            .for_each(Counter::reset);
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
