//! The counters and times of each command, and of each subcommand of a container.

use std::time::{Duration, Instant};

use super::latency_histogram::{LatencyCounts, LatencyHistogram};
use crate::server::measure::event_counter::Counter;
use crate::sync::{OnceLock, now};

/// Of so many calls of a command whose calls are short one is timed.
pub(crate) const CALLS_PER_SAMPLE: u64 = 16;

/// The time below which calls may take so little that every one has to be timed for none to be
/// missed that somebody asks for.
pub(crate) const EXACT_BELOW: Duration = Duration::from_millis(10);

/// The position of a command in the table, and that of its subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommandPosition {
    /// The position of the command among all.
    pub(crate) row: usize,
    /// The position of the subcommand among those of the command.
    pub(crate) subcommand: Option<usize>,
}

impl CommandPosition {
    /// Returns the position as a number above zero.
    pub(crate) fn number(self) -> usize {
        (self.row + 1) << 8 | self.subcommand.map_or(0, |position| position + 1)
    }

    /// Returns the position that has this number.
    pub(crate) fn of(number: usize) -> Option<Self> {
        let row = (number >> 8).checked_sub(1)?;
        Some(Self { row, subcommand: (number & 0xFF).checked_sub(1) })
    }
}

/// A call whose time is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallTimer {
    begun: Instant,
    calls: u64,
}

impl CallTimer {
    /// Returns the time until now.
    pub(crate) fn stop(self) -> CallTime {
        CallTime { took: now().saturating_duration_since(self.begun), calls: self.calls }
    }
}

/// The time that a call took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallTime {
    pub(crate) took: Duration,
    /// The number of calls that it stands for.
    pub(crate) calls: u64,
}

/// The description of a command whose calls are counted.
pub(crate) struct CountedCommand {
    /// The name; that of a subcommand behind the one of its container and a bar.
    pub(crate) name: String,
    /// True if its calls are short, so that some of them are timed for all.
    pub(crate) is_short: bool,
    /// The subcommands.
    pub(crate) subcommands: Vec<CountedCommand>,
}

/// The counters of one command.
pub(crate) struct CallCounters {
    /// The name.
    pub(crate) name: String,
    /// Executed calls.
    pub(crate) executed: Counter,
    /// Calls with the wrong number of arguments, or that the client may not make.
    pub(crate) rejected: Counter,
    /// Executed calls that were answered with an error.
    pub(crate) failed: Counter,
    /// Of so many calls one is timed.
    sampled: u64,
    /// The times, once there is one.
    times: OnceLock<Box<CallTimes>>,
    subcommands: Vec<CallCounters>,
}

/// The times of the calls that were timed.
#[derive(Default)]
struct CallTimes {
    /// The calls that they stand for.
    calls: Counter,
    nanoseconds: Counter,
    histogram: LatencyHistogram,
}

impl CallCounters {
    pub(crate) fn new(command: CountedCommand) -> Self {
        let CountedCommand { name, is_short, subcommands } = command;
        Self {
            name,
            executed: Counter::default(),
            rejected: Counter::default(),
            failed: Counter::default(),
            sampled: if is_short { CALLS_PER_SAMPLE } else { 1 },
            times: OnceLock::new(),
            subcommands: subcommands.into_iter().map(Self::new).collect(),
        }
    }

    /// Returns the counters of a subcommand.
    pub(crate) fn subcommand(&self, position: usize) -> Option<&Self> {
        self.subcommands.get(position)
    }

    /// Returns these counters and those of the subcommands.
    pub(crate) fn with_subcommands(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.subcommands)
    }

    /// Returns true if the command was called.
    pub(crate) fn was_called(&self) -> bool {
        self.executed.get() + self.rejected.get() + self.failed.get() > 0
    }

    /// Begins to measure the time of a call, if it is to be timed: every one with `is_exact`.
    pub(crate) fn begin(&self, is_exact: bool) -> Option<CallTimer> {
        let calls = if is_exact { 1 } else { self.sampled };
        let is_timed = calls == 1 || self.executed.get().is_multiple_of(calls);
        is_timed.then(|| CallTimer { begun: now(), calls })
    }

    /// Counts a call that was executed.
    pub(crate) fn count(&self, is_refused: bool) {
        self.executed.add(1);
        if is_refused {
            self.failed.add(1);
        }
    }

    /// Notes the time that a call took.
    pub(crate) fn note_time(&self, CallTime { took, calls }: CallTime, is_tracked: bool) {
        let times = self.times.get_or_init(Box::default);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        times.calls.add(calls);
        times.nanoseconds.add(nanoseconds.saturating_mul(calls));
        if is_tracked {
            times.histogram.note(took, calls);
        }
    }

    /// Returns the microseconds of all calls, as one may conclude from those that were timed.
    pub(crate) fn microseconds(&self) -> u64 {
        let Some(times) = self.times.get() else { return 0 };
        let all = u128::from(times.nanoseconds.get()) * u128::from(self.executed.get());
        let all = all.checked_div(u128::from(times.calls.get())).unwrap_or(0);
        u64::try_from(all / 1000).unwrap_or(u64::MAX)
    }

    /// Returns the times of the calls, if there are any.
    pub(crate) fn latencies(&self) -> Option<LatencyCounts> {
        let counts = self.times.get()?.histogram.read();
        (counts.total() > 0).then_some(counts)
    }

    /// Starts again from zero.
    pub(crate) fn reset(&self) {
        [&self.executed, &self.rejected, &self.failed].into_iter().for_each(Counter::reset);
        if let Some(times) = self.times.get() {
            [&times.calls, &times.nanoseconds].into_iter().for_each(Counter::reset);
            times.histogram.reset();
        }
        self.subcommands.iter().for_each(Self::reset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_found_by_its_number() {
        for row in [0, 1, 300] {
            for subcommand in [None, Some(0), Some(20)] {
                let position = CommandPosition { row, subcommand };
                assert_eq!(CommandPosition::of(position.number()), Some(position));
            }
        }
        assert_eq!(CommandPosition::of(0), None);
    }

    #[test]
    fn some_short_calls_are_timed_for_all_of_them() {
        let command =
            |is_short| CountedCommand { name: "get".to_owned(), is_short, subcommands: Vec::new() };
        let (short, long) = (CallCounters::new(command(true)), CallCounters::new(command(false)));
        for counters in [&short, &long] {
            for _ in 0..2 * CALLS_PER_SAMPLE {
                if let Some(CallTimer { calls, .. }) = counters.begin(false) {
                    let took = Duration::from_micros(3);
                    counters.note_time(CallTime { took, calls }, true);
                }
                counters.count(false);
            }
            assert_eq!(counters.microseconds(), 3 * 2 * CALLS_PER_SAMPLE);
        }
        for counters in [&short, &long] {
            assert_eq!(counters.latencies().unwrap().total(), 2 * CALLS_PER_SAMPLE);
        }
        short.count(false);
        assert!(short.begin(false).is_none() && short.begin(true).is_some());
        // One that was timed for itself alone counts as no more.
        for _ in 0..CALLS_PER_SAMPLE {
            short.note_time(CallTime { took: Duration::from_micros(20), calls: 1 }, true);
            short.count(false);
        }
        let expected = 3 * 2 * CALLS_PER_SAMPLE + 20 * CALLS_PER_SAMPLE;
        let shown = short.microseconds();
        assert!((expected..expected + 10).contains(&shown), "{shown} instead of {expected}");
        short.reset();
        assert!(!short.was_called() && short.latencies().is_none() && short.microseconds() == 0);
    }
}
