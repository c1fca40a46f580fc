//! One connection without its socket: bytes in, replies out in the order of the requests.
//!
//! ```text
//! receive --> input --> parse, execute --> output --> the socket
//!                          |        ^
//!                          v        |
//!                     writer or reader, whose answers come back through
//!                     `written`, `synced` and `read`
//! ```
//!
//! A request sees the effects of all earlier requests of its connection. Writes may follow
//! unanswered writes, because the writer keeps their order; any other request waits until every
//! earlier one is answered. Meanwhile its bytes stay in the input and the socket is not read. So a
//! client that does not take its replies, or sends faster than the store works, holds a bounded
//! amount of memory.

mod memory;
mod watching;

use crate::Result;
use crate::protocol::ProtocolError;
use crate::server::connection::blocking_read::{BlockingRead, ReaderReplies};
use crate::server::connection::buffer::Buffer;
use crate::server::connection::intake::{Ask, Intake};
use crate::server::connection::owed::Owed;
use crate::server::connection::protocol_state::{Accepts, ProtocolState, StepResult};
use crate::server::connection::reply_queue::ReplyQueue;
use crate::server::connection::waiting_for::WaitingFor;
use crate::server::execute::charge::Charge;
use crate::server::execute::client_pause::PausedClient;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::connection_watch::ConnectionWatch;
use crate::server::execute::context::Context;
use crate::server::execute::execution::Execution;
use crate::server::execute::scope::Scope;
use crate::server::execute::session::Session;
use crate::store::BatchOutcome;
use crate::store::read::Access;
use crate::store::reader::ReadLength;
use crate::sync::Arc;

/// The bytes of output at which the next requests wait for the client to read.
///
/// As many as the largest value has, so that a client may send a long pipeline before it reads.
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 << 20;

/// The bytes of replies in a turn behind which the next requests wait for another one, so that
/// other connections are served meanwhile, and it is seen whether anybody takes the replies.
const TURN_OUTPUT_BYTES: usize = 256 << 10;

/// The most requests in a turn, for the same reason.
pub(crate) const TURN_REQUESTS: u64 = 1024;

/// The same as [`OUTPUT_BYTES_MAX`] for a client that has not given a password: it gets nothing but
/// refusals.
pub(crate) const STRANGER_OUTPUT_BYTES_MAX: usize = 16 << 10;

/// One connection without its socket.
pub(crate) struct ServerConnection {
    session: Arc<Session>,
    protocol: ProtocolState,
    input: Buffer,
    /// The reason why no more bytes will come, if so.
    input_ended: Option<InputEnd>,
    output: Buffer,
    replies: ReplyQueue,
    waiting_for: WaitingFor,
    phase: ConnectionPhase,
    /// True if the last call of [`advance`](Self::advance) left requests that only wait for another
    /// turn.
    is_interrupted: bool,
    /// The count of this client if the last call of [`advance`](Self::advance) left requests that
    /// wait for the end of a pause.
    paused: Option<PausedClient>,
    refusal: Option<ProtocolError>,
    /// The number of requests that were executed.
    executed: u64,
    /// The memory that it holds.
    charge: Charge,
    /// The watch of the client, if it has one.
    watch: Option<Box<ConnectionWatch>>,
    /// True if the watch may have more to tell than the output has room for, or a turn time.
    has_more_to_tell: bool,
}

/// A reason why no more bytes will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputEnd {
    /// The client ended its output.
    Client,
    /// The server stops.
    Server,
}

/// The phase of the life of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionPhase {
    /// It takes requests.
    Open {
        /// True if the last call of [`ServerConnection::advance`] left no complete request.
        hungry: bool,
    },
    /// It takes no more requests; earlier ones are still answered.
    Ending,
    /// It is closed at once.
    Aborted,
}

impl ServerConnection {
    /// Returns a connection that has received nothing yet.
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self {
            charge: Charge::new(Arc::clone(&session)),
            session,
            protocol: ProtocolState::Undecided,
            input: Buffer::default(),
            input_ended: None,
            output: Buffer::default(),
            replies: ReplyQueue::default(),
            waiting_for: WaitingFor::Nothing,
            phase: ConnectionPhase::Open { hungry: true },
            is_interrupted: false,
            paused: None,
            refusal: None,
            executed: 0,
            watch: None,
            has_more_to_tell: false,
        }
    }

    /// Returns the session.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Appends bytes that came from the client.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.input.tail().extend_from_slice(bytes);
    }

    /// Records that the client sends no more; its received requests are still answered.
    pub(crate) fn end_by_client(&mut self) {
        self.input_ended = Some(InputEnd::Client);
    }

    /// Records that the server stops; received requests are still answered.
    pub(crate) fn end_by_server(&mut self) {
        self.input_ended.get_or_insert(InputEnd::Server);
    }

    /// Closes the connection at once, without the replies that are still to come, and frees what it
    /// holds: many may be closed in one turn.
    pub(crate) fn abort(&mut self) {
        self.phase = ConnectionPhase::Aborted;
        (self.input, self.output, self.watch) = (Buffer::default(), Buffer::default(), None);
        self.recharge();
    }

    /// Returns true if it can use more input now.
    pub(crate) fn wants_input(&self) -> bool {
        self.phase == ConnectionPhase::Open { hungry: true } && self.input_ended.is_none()
    }

    /// Returns true if it only waits for its client to take replies.
    pub(crate) fn is_blocked_by_output(&self) -> bool {
        let is_stopped = self.awaits_answer() || self.is_paused();
        self.phase == ConnectionPhase::Open { hungry: false } && !is_stopped
    }

    /// Returns true if it has requests that only wait for another turn.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted && matches!(self.phase, ConnectionPhase::Open { .. })
    }

    /// Returns true if it has requests that wait for the end of a pause.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Returns what the server waits for its client to do.
    pub(crate) fn owed(&self) -> Owed {
        let executed = self.executed;
        if !self.session.is_authenticated() {
            Owed::Password
        } else if !self.output.is_empty() {
            Owed::Room
        } else if self.awaits_answer() || !self.wants_input() {
            Owed::Nothing
        } else if self.looks_on() && self.input.is_empty() {
            // It may wait for what it is told for as long as it likes.
            Owed::Nothing
        } else if executed == 0 {
            Owed::FirstRequest
        } else if self.input.is_empty() {
            Owed::Request { executed }
        } else {
            Owed::Rest { executed }
        }
    }

    /// Returns true if an answer of the writer or of a reader is still to come.
    pub(crate) fn awaits_answer(&self) -> bool {
        !self.replies.is_empty() || !matches!(self.waiting_for, WaitingFor::Nothing)
    }

    /// Returns true if it is to be closed at once.
    pub(crate) fn is_aborted(&self) -> bool {
        self.phase == ConnectionPhase::Aborted
    }

    /// Returns true if all of its output was taken and no more will come.
    pub(crate) fn is_finished(&self) -> bool {
        self.phase == ConnectionPhase::Ending && !self.awaits_answer() && self.output.is_empty()
    }

    /// Returns true if the client may still be sending, so that its bytes should be read before
    /// closing.
    pub(crate) fn may_receive(&self) -> bool {
        self.input_ended != Some(InputEnd::Client)
    }

    /// Returns the replies for the socket; the caller consumes what it wrote.
    pub(crate) fn output(&mut self) -> &mut Buffer {
        &mut self.output
    }

    /// Returns the bytes of output at which the next requests wait for the client to read.
    pub(crate) fn output_bytes_max(&self) -> usize {
        if self.session.is_authenticated() { OUTPUT_BYTES_MAX } else { STRANGER_OUTPUT_BYTES_MAX }
    }

    /// Takes the reason why its bytes were refused.
    pub(crate) fn take_refusal(&mut self) -> Option<ProtocolError> {
        self.refusal.take()
    }

    /// Executes as many requests as may be executed in this turn.
    pub(crate) fn advance(&mut self, context: &Context, intake: &mut Intake) -> Option<Ask> {
        self.is_interrupted = false;
        self.paused = None;
        self.tell_changes(context);
        self.take_pushed();
        let output_end = self.output.len() + TURN_OUTPUT_BYTES;
        let executed_end = self.executed + TURN_REQUESTS;
        if matches!(self.waiting_for, WaitingFor::Writes(_))
            && let WaitingFor::Writes(execution) = std::mem::take(&mut self.waiting_for)
            && let Some(ask) = self.apply(execution, context, intake)
        {
            return Some(ask);
        }
        if let WaitingFor::LongRead(bytes) = self.waiting_for {
            return self.ask_reader(bytes, ReadLength::Long);
        }
        self.send_slice(intake);
        while self.may_execute() {
            self.is_interrupted = self.output.len() >= output_end || self.executed == executed_end;
            if self.is_interrupted {
                break;
            }
            let scope = Scope { context, session: &self.session, access: Access::MemoryOnly };
            let accepts = match self.replies.is_empty() {
                true => Accepts::Everything,
                false => Accepts::Writes,
            };
            match self.protocol.step(self.input.as_slice(), accepts, &scope) {
                StepResult::Wait => break,
                StepResult::Paused => {
                    self.paused = Some(context.pause.add_client());
                    break;
                }
                StepResult::Incomplete { consumed, missing } => {
                    self.input.consume(consumed);
                    self.input.expect(missing);
                    self.recharge();
                    context.clients.relieve();
                    self.starve();
                    break;
                }
                StepResult::Refused { error, last } => {
                    self.refuse(error, last);
                    break;
                }
                StepResult::Executed { consumed, execution: Execution::WouldBlock(length) } => {
                    return self.ask_reader(consumed, length);
                }
                StepResult::Executed { consumed, execution } => {
                    self.input.consume(consumed);
                    intake.requests += 1;
                    self.executed += 1;
                    let ask = self.apply(execution, context, intake);
                    self.recharge();
                    context.clients.relieve();
                    if ask.is_some() {
                        return ask;
                    }
                }
            }
        }
        None
    }

    /// Takes the outcome of the oldest unanswered write.
    pub(crate) fn written(&mut self, outcome: BatchOutcome) {
        if matches!(self.waiting_for, WaitingFor::Outcome { .. })
            && let WaitingFor::Outcome { render, .. } = std::mem::take(&mut self.waiting_for)
        {
            return self.answer_late(&render(outcome));
        }
        if let WaitingFor::Removal { removal, is_sent: is_sent @ true } = &mut self.waiting_for {
            *is_sent = false;
            if let Some(reply) = removal.applied(outcome) {
                self.waiting_for = WaitingFor::Nothing;
                self.answer_late(&reply);
            }
            return;
        }
        if let Some(reply) = self.replies.written(outcome, &self.session.statistics) {
            self.append(&reply);
            self.replies.append_ready(self.output.tail());
        }
    }

    /// Takes the result of a sync.
    pub(crate) fn synced(&mut self, result: Result<()>) {
        if let WaitingFor::Sync(render) = std::mem::take(&mut self.waiting_for) {
            self.answer_late(&render(result));
        }
    }

    /// Answers what was delayed.
    pub(crate) fn end_delay(&mut self) {
        if let WaitingFor::Delay { reply, closes } = std::mem::take(&mut self.waiting_for) {
            self.answer(&reply);
            if closes {
                self.phase = ConnectionPhase::Ending;
            }
        }
    }

    /// Takes the replies of a reader.
    pub(crate) fn read(&mut self, replies: ReaderReplies, intake: &mut Intake) {
        self.waiting_for = WaitingFor::Nothing;
        self.input.consume(replies.consumed);
        self.output.append(replies.output);
        // It is not to count twice.
        drop(replies.charge);
        self.recharge();
        intake.requests += replies.requests;
        self.executed += replies.requests;
        if let Some(bytes) = replies.long_request {
            self.waiting_for = WaitingFor::LongRead(bytes);
        }
        if let Some(execution) = replies.rest {
            self.waiting_for = WaitingFor::Writes(execution);
        }
    }

    /// Returns true if the next request may be executed, and assumes that there is one.
    fn may_execute(&mut self) -> bool {
        if !matches!(self.phase, ConnectionPhase::Open { .. }) {
            return false;
        }
        self.phase = ConnectionPhase::Open { hungry: false };
        matches!(self.waiting_for, WaitingFor::Nothing)
            && !self.session.is_evicted()
            && self.output.len() < self.output_bytes_max()
            && !self.replies.is_full()
    }

    /// Records that the input holds no complete request.
    fn starve(&mut self) {
        self.phase = match self.input_ended {
            None => ConnectionPhase::Open { hungry: true },
            Some(_) => ConnectionPhase::Ending,
        };
    }

    fn refuse(&mut self, error: ProtocolError, last: Option<ClientReply>) {
        self.phase = match last {
            Some(last) => {
                self.answer(&last);
                ConnectionPhase::Ending
            }
            None => ConnectionPhase::Aborted,
        };
        self.refusal = Some(error);
    }

    /// Turns an execution into a reply, or into the request that has to be answered before.
    fn apply(
        &mut self,
        execution: Execution<ClientReply>,
        context: &Context,
        intake: &mut Intake,
    ) -> Option<Ask> {
        match execution {
            Execution::Done(reply) => self.answer(&reply),
            Execution::Close(reply) => {
                self.answer(&reply);
                self.phase = ConnectionPhase::Ending;
            }
            Execution::End => self.phase = ConnectionPhase::Ending,
            Execution::Delay { reply, closes } => {
                self.waiting_for = WaitingFor::Delay { reply, closes };
                return Some(Ask::Delay);
            }
            Execution::Write(batch, render) => match context.store.check(&batch) {
                Err(error) => self.answer_late(&render(Err(error))),
                Ok(()) => {
                    let bytes = batch.memory();
                    intake.batches.push(batch);
                    intake.bytes += bytes;
                    self.replies.add_write(render, bytes, self.session.last_command());
                }
            },
            Execution::WriteAlone(batch, render) if self.replies.is_empty() => {
                match context.store.check(&batch) {
                    Err(error) => self.answer_late(&render(Err(error))),
                    Ok(()) => {
                        let bytes = batch.memory();
                        intake.batches.push(batch);
                        intake.bytes += bytes;
                        self.waiting_for = WaitingFor::Outcome { render, bytes };
                    }
                }
            }
            Execution::Remove(removal) => {
                self.waiting_for = WaitingFor::Removal { removal, is_sent: false };
                self.send_slice(intake);
            }
            Execution::Watch(watch) => return self.begin_watch(watch, context),
            Execution::Sync(render) if self.replies.is_empty() => {
                self.waiting_for = WaitingFor::Sync(render);
                return Some(Ask::Sync);
            }
            execution => self.waiting_for = WaitingFor::Writes(execution),
        }
        None
    }

    /// Sends the next slice of a removal, once every earlier write is answered.
    fn send_slice(&mut self, intake: &mut Intake) {
        if let WaitingFor::Removal { removal, is_sent: is_sent @ false } = &mut self.waiting_for
            && self.replies.is_empty()
        {
            intake.batches.push(removal.next_slice());
            *is_sent = true;
        }
    }

    /// Returns the request at the front of the input, so many bytes long, for a reader.
    fn ask_reader(&mut self, bytes: usize, length: ReadLength) -> Option<Ask> {
        if !self.replies.is_empty() {
            return None;
        }
        let dialect = self.protocol.dialect()?;
        self.waiting_for = WaitingFor::Reader;
        let charge = Charge::new(Arc::clone(&self.session));
        Some(Ask::Read(BlockingRead::new(dialect, self.input.as_slice(), bytes, length, charge)))
    }

    /// Adds the reply of the last command, which the store may have refused after its execution.
    fn answer_late(&mut self, reply: &ClientReply) {
        reply.note_failure(self.session.last_command(), &self.session.statistics);
        self.answer(reply);
    }

    /// Adds a reply behind all earlier ones.
    fn answer(&mut self, reply: &ClientReply) {
        if self.replies.is_empty() {
            self.append(reply);
        } else {
            let mut bytes = Vec::new();
            reply.encode(&self.session, &mut bytes);
            self.replies.add_ready(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
