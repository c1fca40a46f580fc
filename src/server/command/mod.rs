//! Redis commands: one row of the [`table`] each.
//!
//! ```text
//! arguments ─► find ─► arity, subcommand ─► function(&Call) ─► value, or who has to compute it
//! ```
//!
//! A command computes a value and knows neither the socket nor the protocol's version. It reads what is
//! in memory itself; what it changes it hands to the writer as one batch, so that every command is
//! atomic. Whatever depends on the stored value is decided by an
//! [`Update`](crate::store::Update), which the writer applies.
//!
//! Left out: other types than strings, transactions (which [`transaction`] refuses as a whole), publish
//! and subscribe, scripts, passwords. There is one database. Texts of replies are those of Redis 7.0, because clients compare them.

mod arguments;
mod client;
mod config;
mod connection;
mod counter;
mod cursor;
mod entry;
mod expiry;
mod glob;
mod info;
mod introspection;
mod iteration;
mod key;
mod read;
mod refusal;
mod server;
mod state;
mod string;
mod substring;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod write;

pub(crate) use state::State;

/// Readers of bytes that clients choose, for the fuzz targets.
#[cfg(any(test, fuzzing))]
pub(crate) mod parsers {
    pub(crate) use super::glob::{Case, matches as glob_matches};
    pub(crate) use super::iteration::cursor;
}

use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::execution::{Call, Effect, Execution};
use entry::{Command, Flag};
use refusal::Refusal;

/// The version of Redis whose replies these commands give; clients choose their features by it.
const REDIS_VERSION: &str = "7.0.15";

/// What a command leads to; a refusal is an error reply, so that `?` can end a command early.
type Executed = Result<Execution<Value>, Refusal>;

/// A reply that is known at once.
fn done(value: Value) -> Executed {
    Ok(Execution::Done(value))
}

/// The reply to what needs none.
fn ok() -> Value {
    Value::Simple("OK".into())
}

/// A bulk string from a text.
fn bulk(text: impl Into<String>) -> Value {
    Value::Bulk(text.into().into_bytes())
}

/// An integer from a length.
fn length(length: usize) -> Value {
    Value::Integer(i64::try_from(length).unwrap_or(i64::MAX))
}

/// Commands that Redis flags as writes, but that only read in some of their forms.
const READ_IN_SOME_FORMS: [&str; 2] = ["getex", "setrange"];

/// A command of the table; only the table's modules look into it.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    position: usize,
    command: &'static Command,
}

/// The command that a request names.
pub(crate) fn find(arguments: &Arguments<'_>) -> Option<Found> {
    table::find(arguments.name()).map(|(position, command)| Found { position, command })
}

/// What the request does.
pub(crate) fn effect(found: Option<Found>, arguments: &Arguments<'_>) -> Effect {
    match found.map(|found| found.command) {
        // A short one may reply with a large value, so each waits until there is room for its reply.
        Some(command) if command.name == "set" && string::replies_with_value(arguments) => {
            Effect::Other
        }
        Some(command) if READ_IN_SOME_FORMS.contains(&command.name) => Effect::Other,
        Some(command) if command.has(Flag::Write) => Effect::Writes,
        Some(command) if command.has(Flag::ReadOnly) => Effect::Reads,
        _ => Effect::Other,
    }
}

/// Executes the command that was found for the call.
pub(crate) fn execute(found: Option<Found>, call: &Call<'_>) -> Execution<Value> {
    match found {
        Some(Found { position, command }) => {
            let calls = call.context.commands.calls.of(position);
            match choose(command, call) {
                Ok(chosen) => {
                    let execution = (chosen.function)(call).unwrap_or_else(Refusal::into_execution);
                    calls.note(&execution);
                    execution
                }
                Err(refusal) => {
                    calls.rejected.add(1);
                    refusal.into_execution()
                }
            }
        }
        None => refusal::unknown_command(&call.arguments).into_execution(),
    }
}

/// Returns what executes the call, if it is well-formed and belongs to no refused transaction.
fn choose<'a>(command: &'a Command, call: &Call<'_>) -> Result<&'a Command, Refusal> {
    let chosen = command.choose(&call.arguments)?;
    if call.session.is_in_refused_transaction() && !command.has(Flag::Unqueued) {
        return Err(Refusal::new(transaction::NOT_EXECUTED));
    }
    Ok(chosen)
}
