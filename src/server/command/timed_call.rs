//! The end of a call: its counters, and its time where that was measured.

use super::call::{Call, CommandFunction};
use super::client;
use super::command_row::{CommandRow, Flag};
use super::word::is;
use crate::server::measure::call_counters::{CallCounters, CallTime, CallTimer};
use crate::server::measure::slow_log::SlowCall;
use crate::store::read::Access;

/// The most arguments of a call in the slow log, as in Redis.
const ARGUMENTS_MAX: usize = 32;

/// The most bytes of such an argument.
const ARGUMENT_BYTES_MAX: usize = 128;

/// The text in place of a password.
const REDACTED: &[u8] = b"(redacted)";

impl Call<'_> {
    /// Returns true if the call is timed for itself alone. A reader waits for the disk, beside
    /// which the clock costs nothing.
    pub(super) fn is_timed_exactly(&self) -> bool {
        self.access != Access::MemoryOnly || self.context.settings.is_exact()
    }

    /// Counts the call, which was executed, and notes its time if that was measured.
    pub(super) fn finish(
        &self,
        row: &CommandRow<CommandFunction>,
        counters: &CallCounters,
        timer: Option<CallTimer>,
        has_failed: bool,
    ) {
        counters.count(has_failed);
        if let Some(timer) = timer {
            self.note_time(row, counters, timer.stop());
        }
    }

    /// Notes the time that the call took.
    pub(super) fn note_time(
        &self,
        row: &CommandRow<CommandFunction>,
        counters: &CallCounters,
        time: CallTime,
    ) {
        let settings = &self.context.settings;
        counters.note_time(time, settings.tracks_latency());
        let took = time.took;
        let is_long =
            |limit: Option<u64>, time: u128| limit.is_some_and(|limit| time >= u128::from(limit));
        let seconds = || self.context.store.now().0 / 1000;
        if is_long(settings.slow_microseconds(), took.as_micros()) && !row.has(Flag::SkipSlowlog) {
            let call = SlowCall {
                at_seconds: seconds(),
                microseconds: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                arguments: self.shortened(),
                address: client::printed(&self.session.address),
                name: self.session.labels().name,
            };
            self.context.slow_log.add(call, settings.slow_calls_max());
        }
        if is_long(settings.monitored_milliseconds(), took.as_millis()) {
            let event = if row.has(Flag::Fast) { "fast-command" } else { "command" };
            self.context.latency_monitor.add(event, seconds(), took);
        }
    }

    /// Returns the name and the arguments as the slow log keeps them: few, and short.
    fn shortened(&self) -> Vec<Vec<u8>> {
        let count = self.arguments.count();
        let shown = if count > ARGUMENTS_MAX { ARGUMENTS_MAX - 1 } else { count };
        let mut arguments: Vec<_> = self.readable().take(shown).map(shortened).collect();
        if shown < count {
            arguments.push(format!("... ({} more arguments)", count - shown).into_bytes());
        }
        arguments
    }

    /// Returns the name and the arguments, without passwords.
    pub(super) fn readable(&self) -> impl Iterator<Item = &[u8]> {
        let is_auth = is(self.arguments.name(), "AUTH");
        let is_hello = is(self.arguments.name(), "HELLO");
        let is_set = |container: &str, subcommand: &str| {
            is(self.arguments.name(), container) && is(self.argument(1), subcommand)
        };
        let sets_password = is_set("CONFIG", "SET");
        let sets_user = is_set("ACL", "SETUSER");
        let is_secret = move |position: usize| {
            let follows = |distance: usize, word: &str| {
                position > distance && is(self.argument(position - distance), word)
            };
            position > 0 && is_auth
                || is_hello && (follows(1, "AUTH") || follows(2, "AUTH"))
                || sets_password && follows(1, "requirepass")
                || sets_user && position > 2
        };
        let arguments = self.arguments.iter().enumerate();
        arguments.map(move |(position, argument)| match is_secret(position) {
            true => REDACTED,
            false => argument,
        })
    }
}

fn shortened(argument: &[u8]) -> Vec<u8> {
    match argument.split_at_checked(ARGUMENT_BYTES_MAX) {
        Some((beginning, rest)) if !rest.is_empty() => {
            [beginning, format!("... ({} more bytes)", rest.len()).as_bytes()].concat()
        }
        _ => argument.to_vec(),
    }
}
