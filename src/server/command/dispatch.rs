//! The way of a request into its command.

use std::cell::Cell;

use super::call::{Call, CommandFunction, Unfinished};
use super::command_error::{CommandError, OUT_OF_MEMORY};
use super::command_row::{CommandRow, Flag};
use super::table::TABLE;
use super::{channel, string, transaction};
use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::execution::{Effect, Execution};
use crate::server::execute::queued_transaction::QueuedKind;
use crate::server::execute::scope::Scope;
use crate::server::execute::session::Session;
use crate::server::measure::call_counters::{CommandPosition, CountedCommand};

/// Commands whose flags say too little: `BITFIELD`, `GETEX` and `SETRANGE` only read in some of
/// their forms, and `KEYS` and `LCS` must not follow another read on a reader of short ones.
const UNLIKE_THEIR_FLAGS: [&str; 5] = ["bitfield", "getex", "keys", "lcs", "setrange"];

/// The refusal of every other command before a password.
const NOT_AUTHENTICATED: &str = "NOAUTH Authentication required.";

/// The refusal of a command that is never queued.
const NOT_IN_TRANSACTION: &str = "ERR Command not allowed inside a transaction";

/// A command that a request names.
#[derive(Clone, Copy)]
pub(crate) struct FoundCommand {
    position: usize,
    row: &'static CommandRow<CommandFunction>,
}

/// Returns all commands, in the order of the counters of their calls.
pub(crate) fn counted() -> impl Iterator<Item = CountedCommand> {
    TABLE.rows().iter().map(|row| {
        let subcommand = |sub: &CommandRow<CommandFunction>| CountedCommand {
            name: row.full_name(sub),
            is_short: sub.is_short(),
            subcommands: Vec::new(),
        };
        CountedCommand {
            name: row.name.to_owned(),
            is_short: row.is_short(),
            subcommands: row.subcommands.iter().map(subcommand).collect(),
        }
    })
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

/// Returns true if a request may write; one that ends a transaction does what was queued.
pub(crate) fn may_write(found: Option<FoundCommand>, session: &Session) -> bool {
    found.is_some_and(|FoundCommand { row, .. }| {
        row.has(Flag::Write) || row.name == "exec" && session.transaction.kind().may_write
    })
}

/// Returns true if a request is refused before its command sees it.
pub(crate) fn is_refused(
    found: Option<FoundCommand>,
    arguments: &Arguments<'_>,
    session: &Session,
) -> bool {
    found.is_none_or(|FoundCommand { row, .. }| choose(row, arguments, session).is_err())
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
    let position = CommandPosition { row: position, subcommand: row.named_subcommand(&arguments) };
    scope.session.note_command(position);
    let counters = scope.context.statistics.calls(position);
    let chosen = choose(row, &call.arguments, scope.session);
    let chosen = match chosen.and_then(|chosen| check_memory(chosen, &call)) {
        Ok(chosen) => chosen,
        Err(error) => {
            // As in Redis nobody counts a subcommand that is none.
            let is_unknown = position.subcommand.is_none() && !row.subcommands.is_empty();
            if !is_unknown || !row.takes(call.arguments.count()) {
                counters.rejected.add(1);
            }
            return Execution::Done(transaction::refuse_call(&call, row.name, error).into_value());
        }
    };
    if scope.session.transaction.is_open() && !row.has(Flag::Unqueued) {
        let kind = QueuedKind {
            is_administrative: chosen.has(Flag::Admin),
            may_write: row.has(Flag::Write),
        };
        return Execution::Done(transaction::queue(&call, position, kind));
    }
    let timer = counters.begin(call.is_timed_exactly());
    let (execution, has_failed) = match (chosen.function)(&call) {
        Err(Unfinished::WouldBlock(length)) => return Execution::WouldBlock(length),
        Ok(execution) => {
            let has_failed =
                matches!(&execution, Execution::Done(Value::Error(_)) | Execution::Delay { .. });
            (execution, has_failed)
        }
        Err(Unfinished::Refused(error)) => (Execution::Done(error.into_value()), true),
    };
    call.finish(chosen, counters, timer, has_failed);
    call.show(chosen);
    scope.context.statistics.count_lookups(call.hits.get(), call.misses.get());
    execution
}

/// Returns the row, unless it may add something and there is no memory for more.
fn check_memory<'a>(
    chosen: &'a CommandRow<CommandFunction>,
    call: &Call<'_>,
) -> Result<&'a CommandRow<CommandFunction>, CommandError> {
    match chosen.has(Flag::DenyOom) && call.context.store.memory().is_full() {
        true => Err(CommandError::new(OUT_OF_MEMORY)),
        false => Ok(chosen),
    }
}

/// Returns the row that executes a request, if it is well-formed and the client may send it now.
fn choose<'a>(
    row: &'a CommandRow<CommandFunction>,
    arguments: &Arguments<'_>,
    session: &Session,
) -> Result<&'a CommandRow<CommandFunction>, CommandError> {
    let chosen = row.choose(arguments)?;
    if !session.is_authenticated() && !row.has(Flag::NoAuth) {
        return Err(CommandError::new(NOT_AUTHENTICATED));
    }
    if !row.has(Flag::WhileSubscribed) && channel::is_limited(session) {
        let subcommand = (!row.subcommands.is_empty()).then_some(chosen.name);
        return Err(CommandError::while_subscribed(row.name, subcommand));
    }
    if session.transaction.is_open() && row.has(Flag::NoMulti) {
        return Err(CommandError::new(NOT_IN_TRANSACTION));
    }
    Ok(chosen)
}
