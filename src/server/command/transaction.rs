//! Transactions: the requests between `MULTI` and `EXEC` become one batch of the writer.
//!
//! ```text
//! MULTI ─► requests, queued ─► EXEC: each makes its operations ─► one batch ─► replies
//! WATCH ─► versions of keys ─────────────────► conditions of the batch ──┘
//! ```
//!
//! The writer applies the batch whole, at one moment and with one sync, and each request in it sees
//! what those before it did. A request that fails, as `INCR` of a text does, is an attempt in the
//! batch and does not keep the others from being done. Reads are operations of the batch, too.
//!
//! Requests that are about no single keys, as `DBSIZE`, `KEYS`, `RANDOMKEY` and `INFO`, are
//! executed when `EXEC` comes, before the batch: they do not see what the transaction writes.
//!
//! Messages to channels are sent, and subscriptions change, behind the batch.
//!
//! A watched key of a database has a version, or is absent. The batch is refused unless that is
//! still so. So a key that was absent, was set and removed again counts as unchanged.

use std::cell::Cell;

use super::call::{Call, CommandFunction, Executed, Unfinished};
use super::command_error::CommandError;
use super::command_row::CommandRow;
use super::reply_value::{done, ok, refuse};
use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::{Execution, Render};
use crate::server::execute::queued_transaction::{QueuedCommand, QueuedKind, WatchedKey};
use crate::server::measure::call_counters::{CallTime, CallTimer, CommandPosition};
use crate::server::statistics::Statistics;
use crate::store::reader::ReadLength;
use crate::store::{
    Applied, Batch, BatchOutcome, KeyspaceOperation, KeyspaceOperations, WriteAnswer, WriteAnswers,
    WriteOperation, database_keyspace,
};
use crate::sync::Arc;
use crate::{Error, Precondition};

/// The answer to a request of a transaction until `EXEC`.
const QUEUED: &str = "QUEUED";

/// The answer to `EXEC` if a request was refused when it was to be queued.
const ABORTED: &str = "EXECABORT Transaction discarded because of previous errors.";

/// The requests of a transaction as operations and replies.
struct PreparedTransaction<'a> {
    /// The conditions of watched keys, and behind them what the requests do.
    operations: Vec<KeyspaceOperation>,
    replies: Vec<PreparedReply>,
    /// The calls that were executed.
    finished: Vec<FinishedCall<'a>>,
    hits: u64,
    misses: u64,
    /// The bytes of values that were read or expanded.
    read_bytes: usize,
    /// The database that the next request is about.
    database: u32,
}

/// A call of a transaction that was executed.
struct FinishedCall<'a> {
    arguments: Arguments<'a>,
    /// The database that it was about.
    database: u32,
    position: CommandPosition,
    row: &'static CommandRow<CommandFunction>,
    /// The time that it took, if that was measured.
    time: Option<CallTime>,
    was_refused: bool,
}

/// The reply to a request of a transaction.
enum PreparedReply {
    /// The reply.
    Ready(Value),
    /// The function that makes it of the answer to an operation of a command.
    Made(Render, CommandPosition),
}

/// `MULTI`
pub(super) fn multi(call: &Call<'_>) -> Executed {
    match call.session.transaction.begin() {
        true => done(ok()),
        false => refuse("ERR MULTI calls can not be nested"),
    }
}

/// Adds a call of a command, of this kind, to the transaction of its connection.
pub(super) fn queue(call: &Call<'_>, command: CommandPosition, kind: QueuedKind) -> Value {
    let request = QueuedCommand { command, arguments: call.arguments.keep() };
    call.session.transaction.add(request, kind);
    Value::Simple(QUEUED.into())
}

/// Notes that a call of a command is refused before it is queued; returns the error to reply with.
pub(super) fn refuse_call(call: &Call<'_>, name: &str, error: CommandError) -> CommandError {
    let transaction = &call.session.transaction;
    if name == "exec" {
        transaction.end();
        return error.discarding();
    }
    transaction.abort();
    error
}

/// `EXEC`
///
/// The transaction ends when everything is prepared: until then a reader may execute this once
/// more.
pub(super) fn exec(call: &Call<'_>) -> Executed {
    let transaction = &call.session.transaction;
    if !transaction.is_open() {
        return refuse("ERR EXEC without MULTI");
    }
    let Some(requests) = transaction.requests() else {
        transaction.end();
        return refuse(ABORTED);
    };
    call.check_keys(requests.len())?;
    // An administrative command takes effect at once. If a later request had to wait, everything
    // would be executed again, and that with it; a reader of long reads executes everything once.
    if transaction.kind().is_administrative {
        call.check_may_wait(ReadLength::Long)?;
    }
    let database = call.database.get();
    let mut prepared = PreparedTransaction::new(transaction.watched(), requests.len(), database);
    let watched = prepared.operations.len();
    let bytes_max = call.context.reply_bytes_max();
    for request in &requests {
        prepared.add(call, request)?;
        if prepared.read_bytes > bytes_max {
            break;
        }
    }
    transaction.end();
    prepared.count(call);
    if prepared.read_bytes > bytes_max {
        return Err(CommandError::reply_too_large(bytes_max).into());
    }
    let PreparedTransaction { operations, replies, database: selected, .. } = prepared;
    if operations.is_empty() {
        call.session.select_database(selected);
        let applied = Applied { version: None, answers: WriteAnswers::new() };
        return done(reply(Ok(applied), watched, replies, &call.session.statistics));
    }
    let batch = Batch { operations: operations.into(), sync: None };
    let statistics = Arc::clone(&call.session.statistics);
    let render = move |outcome| ClientReply::Resp(reply(outcome, watched, replies, &statistics));
    if selected == database {
        return Ok(Execution::Write(batch, Box::new(render)));
    }
    // What is not done selects nothing, and the next requests are about the database that is.
    let session = call.context.clients.find(call.session.id);
    let select = move |outcome: BatchOutcome| {
        if let Some(session) = session.filter(|_| outcome.is_ok()) {
            session.select_database(selected);
        }
        render(outcome)
    };
    Ok(Execution::WriteAlone(batch, Box::new(select)))
}

/// `DISCARD`
pub(super) fn discard(call: &Call<'_>) -> Executed {
    match call.session.transaction.end() {
        true => done(ok()),
        false => refuse("ERR DISCARD without MULTI"),
    }
}

/// `WATCH key [key ...]`
pub(super) fn watch(call: &Call<'_>) -> Executed {
    if call.session.transaction.is_open() {
        return refuse("ERR WATCH inside MULTI is not allowed");
    }
    let mut versions = Vec::new();
    // A key over the limit is never there, so it does not change.
    let view = call.view()?;
    for key in call.rest(1).filter(|key| call.context.store.may_hold(key)) {
        let found = view.read_metadata(key, call.access)?;
        versions.push((key, found.map(|found| found.version.0)));
    }
    for (key, version) in versions {
        call.session.transaction.watch(call.database.get(), key, version);
    }
    done(ok())
}

/// `UNWATCH`; in a transaction it comes too late to change anything.
pub(super) fn unwatch(call: &Call<'_>) -> Executed {
    if !call.is_queued {
        call.session.transaction.unwatch();
    }
    done(ok())
}

/// Returns the condition that a watched key is as it was.
fn unchanged(((database, key), version): (WatchedKey, Option<u64>)) -> KeyspaceOperation {
    let condition = version.map_or(Precondition::Absent, Precondition::Version);
    let operation = WriteOperation::Require { key, condition };
    KeyspaceOperation { keyspace: database_keyspace(database), operation }
}

/// Returns the operations of a request as one, which is refused without those of the others.
fn attempt(mut operations: KeyspaceOperations) -> KeyspaceOperation {
    match operations.pop() {
        Some(only) if operations.is_empty() && only.operation.is_unconditional() => only,
        last => {
            operations.extend(last);
            WriteOperation::Attempt(operations.into_vec()).into()
        }
    }
}

/// Returns the reply to `EXEC`, given the outcome of its batch, which begins with so many
/// conditions.
fn reply(
    outcome: BatchOutcome,
    watched: usize,
    replies: Vec<PreparedReply>,
    statistics: &Statistics,
) -> Value {
    let Applied { version, answers } = match outcome {
        Ok(applied) => applied,
        Err(Error::ConditionFailed { .. }) => return Value::NullArray,
        Err(error @ Error::MemoryFull { .. }) => {
            return CommandError::from(error).discarding().into_value();
        }
        Err(error) => return CommandError::from(error).into_value(),
    };
    let mut answers = answers.into_iter().skip(watched);
    let made = |render: Render| {
        let outcome = match answers.next() {
            Some(WriteAnswer::Attempted(Ok(answers))) => {
                Ok(Applied { version, answers: answers.into() })
            }
            Some(WriteAnswer::Attempted(Err(refusal))) => Err(refusal.0),
            Some(answer) => Ok(Applied { version, answers: WriteAnswers::from_buf([answer]) }),
            // Each has an answer.
            None => Err(Error::Closed),
        };
        match render(outcome) {
            ClientReply::Resp(value) => value,
            _ => Value::Null,
        }
    };
    Value::Array(values(replies, statistics, made))
}

/// Returns the replies as values, and counts those that are errors.
fn values(
    replies: Vec<PreparedReply>,
    statistics: &Statistics,
    mut made: impl FnMut(Render) -> Value,
) -> Vec<Value> {
    let value = |reply| {
        let (value, command) = match reply {
            PreparedReply::Ready(value) => (value, None),
            PreparedReply::Made(render, command) => (made(render), Some(command)),
        };
        if let Value::Error(text) = &value {
            statistics.errors.note(text);
            // The others were counted when they were executed.
            command.into_iter().for_each(|command| statistics.calls(command).failed.add(1));
        }
        value
    };
    replies.into_iter().map(value).collect()
}

impl<'a> PreparedTransaction<'a> {
    /// Returns a transaction without requests, with room for so many.
    fn new(watched: Vec<(WatchedKey, Option<u64>)>, requests: usize, database: u32) -> Self {
        let mut operations = Vec::with_capacity(watched.len() + requests);
        operations.extend(watched.into_iter().map(unchanged));
        Self {
            operations,
            replies: Vec::with_capacity(requests),
            finished: Vec::with_capacity(requests),
            hits: 0,
            misses: 0,
            read_bytes: 0,
            database,
        }
    }

    /// Executes a queued request up to its operations.
    fn add(&mut self, exec: &Call<'_>, request: &'a QueuedCommand) -> Result<(), Unfinished> {
        let (position, arguments) = (request.command, request.arguments.arguments());
        let Some(row) = exec.table.row(position.row) else {
            return self.refuse(CommandError::unknown_command(&arguments));
        };
        let call = queued_call(exec, self.database, arguments);
        let chosen = match row.choose(&call.arguments) {
            Ok(chosen) => chosen,
            Err(error) => return self.refuse(error),
        };
        let context = exec.context;
        let timer = context.statistics.calls(position).begin(call.is_timed_exactly());
        let executed = (chosen.function)(&call);
        let time = timer.map(CallTimer::stop);
        self.hits += call.hits.get();
        self.misses += call.misses.get();
        self.read_bytes = self.read_bytes.saturating_add(call.read_bytes.get());
        self.database = call.database.get();
        let database = self.database;
        let reply = self.take(executed, position)?;
        let was_refused = matches!(&reply, PreparedReply::Ready(Value::Error(_)));
        self.finished.push(FinishedCall {
            arguments,
            database,
            position,
            row: chosen,
            time,
            was_refused,
        });
        self.replies.push(reply);
        Ok(())
    }

    /// Replies with an error to a request.
    fn refuse(&mut self, error: CommandError) -> Result<(), Unfinished> {
        self.replies.push(PreparedReply::Ready(error.into_value()));
        Ok(())
    }

    /// Adds the operations of a request, and returns its reply.
    fn take(
        &mut self,
        executed: Executed,
        position: CommandPosition,
    ) -> Result<PreparedReply, Unfinished> {
        Ok(match executed {
            Ok(Execution::Write(batch, render) | Execution::WriteAlone(batch, render)) => {
                self.operations.push(attempt(batch.operations));
                PreparedReply::Made(render, position)
            }
            Ok(Execution::Done(value) | Execution::Close(value)) => PreparedReply::Ready(value),
            Ok(Execution::Delay { reply, .. }) => PreparedReply::Ready(reply),
            Ok(Execution::WouldBlock(length)) => return Err(Unfinished::WouldBlock(length)),
            Ok(
                Execution::Remove(_) | Execution::Watch(_) | Execution::Sync(_) | Execution::End,
            ) => {
                let text = "ERR this is not possible in a transaction";
                PreparedReply::Ready(CommandError::new(text).into_value())
            }
            Err(Unfinished::Refused(error)) => PreparedReply::Ready(error.into_value()),
            Err(unfinished @ Unfinished::WouldBlock(_)) => return Err(unfinished),
        })
    }

    /// Counts the requests, once there will be no other execution of them.
    fn count(&self, exec: &Call<'_>) {
        for FinishedCall { arguments, database, position, row, time, was_refused } in &self.finished
        {
            let counters = exec.context.statistics.calls(*position);
            counters.count(*was_refused);
            if time.is_none() && !exec.context.monitors.is_watched() {
                continue;
            }
            let call = queued_call(exec, *database, *arguments);
            if let Some(time) = time {
                call.note_time(row, counters, *time);
            }
            call.show(row);
        }
        exec.hits.set(exec.hits.get() + self.hits);
        exec.misses.set(exec.misses.get() + self.misses);
    }
}

/// Returns the call of a queued request, which is about a database.
fn queued_call<'a>(exec: &Call<'a>, database: u32, arguments: Arguments<'a>) -> Call<'a> {
    Call {
        database: Cell::new(database),
        arguments,
        hits: Cell::new(0),
        misses: Cell::new(0),
        read_bytes: Cell::new(0),
        is_queued: true,
        context: exec.context,
        session: exec.session,
        access: exec.access,
        table: exec.table,
    }
}
