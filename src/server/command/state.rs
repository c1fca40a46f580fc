//! What commands remember from one to the next, over all connections.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

use super::cursor::Cursors;
use super::table::COMMANDS;
use crate::protocol::resp::Value;
use crate::server::execute::execution::Execution;
use crate::server::statistics::Counter;
use crate::sync::{Mutex, lock};

/// What commands remember from one to the next, over all connections.
pub(crate) struct State {
    /// How often each command was called.
    pub(super) calls: Calls,
    /// Where unfinished iterations are.
    pub(super) cursors: Cursors,
    /// How fast requests come in.
    pub(super) rate: Rate,
    /// Tells one run of a server from the next: 40 hexadecimal digits.
    pub(super) run_id: String,
}

impl Default for State {
    fn default() -> Self {
        let digits: String = (0..3).map(|_| format!("{:016x}", random_u64())).collect();
        Self {
            calls: Calls::default(),
            cursors: Cursors::starting_at(random_u64()),
            rate: Rate::default(),
            run_id: digits.chars().take(40).collect(),
        }
    }
}

/// A number nobody can foresee; not for keeping secrets.
fn random_u64() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The counters of every command, in the order of the table.
pub(super) struct Calls(Box<[CommandCalls]>);

/// The counters of one command.
#[derive(Debug, Default)]
pub(super) struct CommandCalls {
    /// Calls that were executed.
    pub(super) executed: Counter,
    /// Calls with the wrong number of arguments or an unknown subcommand.
    pub(super) rejected: Counter,
    /// Executed calls whose arguments were refused; what the writer refuses later is not among them.
    pub(super) failed: Counter,
}

impl Default for Calls {
    fn default() -> Self {
        Self(COMMANDS.iter().map(|_| CommandCalls::default()).collect())
    }
}

impl Calls {
    /// The counters of the command at that position of the table.
    pub(super) fn of(&self, position: usize) -> &CommandCalls {
        // There is one for each row, and positions come from the table.
        &self.0[position]
    }

    /// Every command's name and counters.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &CommandCalls)> {
        COMMANDS.iter().map(|entry| entry.name).zip(&self.0)
    }
}

impl CommandCalls {
    /// Counts an execution; a cold one is executed again, and counted then.
    pub(super) fn note(&self, execution: &Execution<Value>) {
        match execution {
            Execution::WouldBlock => return,
            Execution::Done(Value::Error(_)) => self.failed.add(1),
            _ => {}
        }
        self.executed.add(1);
    }

    /// Starts again from zero.
    pub(super) fn reset(&self) {
        for counter in [&self.executed, &self.rejected, &self.failed] {
            counter.reset();
        }
    }
}

/// Requests per second since somebody last asked.
pub(super) struct Rate(Mutex<Sample>);

struct Sample {
    taken: Instant,
    requests: u64,
    per_second: u64,
}

impl Default for Rate {
    fn default() -> Self {
        Self(Mutex::new(Sample { taken: Instant::now(), requests: 0, per_second: 0 }))
    }
}

impl Rate {
    /// The rate between the last two questions that were at least a second apart.
    pub(super) fn per_second(&self, requests: u64, now: Instant) -> u64 {
        let mut sample = lock(&self.0);
        let elapsed = now.saturating_duration_since(sample.taken).as_millis();
        if elapsed >= 1000 {
            let count = u128::from(requests.saturating_sub(sample.requests));
            *sample = Sample {
                taken: now,
                requests,
                per_second: u64::try_from(count * 1000 / elapsed).unwrap_or(u64::MAX),
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

    #[test]
    fn runs_have_different_identities() {
        let (first, second) = (State::default(), State::default());
        assert_eq!(first.run_id.len(), 40);
        assert_ne!(first.run_id, second.run_id);
    }
}
