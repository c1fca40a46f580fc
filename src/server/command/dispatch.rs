//! The way of a request into its command.

use std::cell::Cell;

use super::call::{Call, CommandFunction, Unfinished};
use super::command_error::CommandError;
use super::command_row::{CommandRow, Flag};
use super::table::TABLE;
use super::{string, transaction};
use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::execution::{Effect, Execution};
use crate::server::execute::scope::Scope;
use crate::server::statistics::CallCounters;

/// Commands whose flags say too little: `GETEX` and `SETRANGE` only read in some of their forms,
/// and `KEYS` must not follow another read on a reader of short ones.
const UNLIKE_THEIR_FLAGS: [&str; 3] = ["getex", "keys", "setrange"];

/// The refusal of every other command before a password.
const NOT_AUTHENTICATED: &str = "NOAUTH Authentication required.";

/// A command that a request names.
#[derive(Clone, Copy)]
pub(crate) struct FoundCommand {
    position: usize,
    row: &'static CommandRow<CommandFunction>,
}

/// Returns the names of all commands, in the order of the counters of their calls.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.rows().iter().map(|row| row.name)
}

/// Returns the command that a request names.
pub(crate) fn find(arguments: &Arguments<'_>) -> Option<FoundCommand> {
    TABLE.find(arguments.name()).map(|(position, row)| FoundCommand { position, row })
}

/// Returns the effect of a request.
pub(crate) fn effect(found: Option<FoundCommand>, arguments: &Arguments<'_>) -> Effect {
    match found.map(|found| found.row) {
        // A short one may reply with a large value, so each waits until there is room for its
        // reply.
        Some(row) if row.name == "set" && string::replies_with_value(arguments) => Effect::Other,
        Some(row) if UNLIKE_THEIR_FLAGS.contains(&row.name) => Effect::Other,
        Some(row) if row.has(Flag::Write) => Effect::Writes,
        Some(row) if row.has(Flag::ReadOnly) => Effect::Reads,
        _ => Effect::Other,
    }
}

/// Executes a request and counts it, unless it has to be executed once more.
pub(crate) fn execute(
    found: Option<FoundCommand>,
    arguments: Arguments<'_>,
    scope: &Scope<'_>,
) -> Execution<Value> {
    let Some(FoundCommand { position, row }) = found else {
        scope.session.transaction.abort();
        return Execution::Done(CommandError::unknown_command(&arguments).into_value());
    };
    let call = Call {
        arguments,
        context: scope.context,
        session: scope.session,
        access: scope.access,
        table: &TABLE,
        hits: Cell::new(0),
        misses: Cell::new(0),
        read_bytes: Cell::new(0),
        database: Cell::new(scope.session.database()),
        is_queued: false,
    };
    scope.session.note_command(position);
    let counters = scope.context.statistics.calls(position);
    let chosen = match choose(row, &call) {
        Ok(chosen) => chosen,
        Err(error) => {
            counters.rejected.add(1);
            return Execution::Done(transaction::refuse_call(&call, row.name, error).into_value());
        }
    };
    if scope.session.transaction.is_open() && !row.has(Flag::Unqueued) {
        return Execution::Done(transaction::queue(&call));
    }
    match (chosen.function)(&call) {
        Err(Unfinished::WouldBlock(length)) => Execution::WouldBlock(length),
        Ok(execution) => {
            let is_refused =
                matches!(&execution, Execution::Done(Value::Error(_)) | Execution::Delay { .. });
            count(&call, counters, is_refused);
            execution
        }
        Err(Unfinished::Refused(error)) => {
            count(&call, counters, true);
            Execution::Done(error.into_value())
        }
    }
}

/// Returns the row that executes the call, if it is well-formed and the client may call it.
fn choose<'a>(
    row: &'a CommandRow<CommandFunction>,
    call: &Call<'_>,
) -> Result<&'a CommandRow<CommandFunction>, CommandError> {
    let chosen = row.choose(&call.arguments)?;
    if !call.session.is_authenticated() && !row.has(Flag::NoAuth) {
        return Err(CommandError::new(NOT_AUTHENTICATED));
    }
    Ok(chosen)
}

fn count(call: &Call<'_>, counters: &CallCounters, failed: bool) {
    counters.count(failed);
    call.context.statistics.count_lookups(call.hits.get(), call.misses.get());
}
