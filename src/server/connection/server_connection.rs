//! One connection: bytes in, replies out in the order of the requests. It knows no socket.
//!
//! ```text
//! receive --> input --> parse, execute --> output --> the socket
//!                          |        ^
//!                          v        |
//!                     writer or reader, whose answers come back through
//!                     `written`, `synced` and `read`
//! ```
//!
//! A request sees what the earlier requests of its connection did: writes may follow unanswered writes,
//! because the writer keeps their order; everything else waits until nothing is owed. Where it must
//! wait, the bytes stay in the input and the socket is not read, so a client that does not take its
//! replies, or asks for more than the store can do, holds a bounded amount of memory.

use crate::Result;
use crate::engine::Access;
use crate::protocol::ProtocolError;
use crate::server::connection::blocking_read::{ColdRead, ColdReplies};
use crate::server::connection::buffer::Buffer;
use crate::server::connection::protocol_state::{Accepts, Language, Scope, Step};
use crate::server::connection::reply_queue::Owed;
use crate::server::execute::context::Context;
use crate::server::execute::execution::{Execution, RenderSync};
use crate::server::execute::reply::Reply;
use crate::server::execute::session::Session;
use crate::store::batch::{Batch, Outcome};
use crate::sync::Arc;

/// How many bytes of replies wait for a client that does not read; its requests wait at the limit.
///
/// As much as the largest value, so that a client may send a long pipeline before it reads.
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 << 20;

/// One connection without its socket.
pub(crate) struct Connection {
    session: Arc<Session>,
    language: Language,
    input: Buffer,
    /// No more bytes will come.
    input_ended: Option<InputEnd>,
    output: Buffer,
    owed: Owed,
    waiting: Waiting,
    phase: Phase,
    refusal: Option<ProtocolError>,
}

/// Why no more bytes will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputEnd {
    /// The client said so.
    Client,
    /// The server stops.
    Server,
}

/// What keeps the connection from going on, besides unanswered writes.
#[derive(Default)]
enum Waiting {
    /// Nothing.
    #[default]
    Nothing,
    /// A reader has its next requests.
    Reader,
    /// The writer syncs.
    Sync(RenderSync),
    /// This comes next, and it has to wait for unanswered writes.
    Next(Execution<Reply>),
}

/// How long the connection is going to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It takes requests, as far as the last call of [`Connection::advance`] could see.
    Open {
        /// There are no complete requests in the input.
        hungry: bool,
    },
    /// It gets the replies it is owed.
    Ending,
    /// It gets nothing more.
    Aborted,
}

/// What a turn of the worker collects from its connections.
#[derive(Default)]
pub(crate) struct Intake {
    /// For the writer.
    pub(crate) batches: Vec<Batch>,
    /// How many bytes of requests they were.
    pub(crate) bytes: usize,
    /// How many requests were executed.
    pub(crate) requests: u64,
}

/// What a connection needs somebody else to do before it can go on.
pub(crate) enum Ask {
    /// Make everything written durable, then call [`Connection::synced`].
    Sync,
    /// Execute this on a reader, then call [`Connection::read`].
    Read(ColdRead),
}

impl Connection {
    /// A connection that nothing came from yet.
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            language: Language::Undecided,
            input: Buffer::default(),
            input_ended: None,
            output: Buffer::default(),
            owed: Owed::default(),
            waiting: Waiting::Nothing,
            phase: Phase::Open { hungry: true },
            refusal: None,
        }
    }

    /// What it remembers.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Takes bytes that came from the client.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.input.tail().extend_from_slice(bytes);
    }

    /// The client sends no more; what it sent is still answered.
    pub(crate) fn end_by_client(&mut self) {
        self.input_ended = Some(InputEnd::Client);
    }

    /// The server stops; what was received is still answered.
    pub(crate) fn end_by_server(&mut self) {
        self.input_ended.get_or_insert(InputEnd::Server);
    }

    /// Gives up what it is owed.
    pub(crate) fn abort(&mut self) {
        self.phase = Phase::Aborted;
    }

    /// Whether reading its socket is of use now.
    pub(crate) fn wants_input(&self) -> bool {
        self.phase == Phase::Open { hungry: true } && self.input_ended.is_none()
    }

    /// Whether it only waits for its client to take replies.
    pub(crate) fn is_blocked_by_output(&self) -> bool {
        self.phase == Phase::Open { hungry: false } && !self.is_owed()
    }

    /// Whether the writer or a reader owes it an answer.
    pub(crate) fn is_owed(&self) -> bool {
        !self.owed.is_empty() || !matches!(self.waiting, Waiting::Nothing)
    }

    /// Whether it is over at once.
    pub(crate) fn is_aborted(&self) -> bool {
        self.phase == Phase::Aborted
    }

    /// Whether everything it will ever send was taken.
    pub(crate) fn is_finished(&self) -> bool {
        self.phase == Phase::Ending && !self.is_owed() && self.output.is_empty()
    }

    /// Whether the client may still be sending, so that its bytes should be taken before closing.
    pub(crate) fn may_receive(&self) -> bool {
        self.input_ended != Some(InputEnd::Client)
    }

    /// Replies for the socket; consume what was written.
    pub(crate) fn output(&mut self) -> &mut Buffer {
        &mut self.output
    }

    /// Why its bytes were refused, told once.
    pub(crate) fn take_refusal(&mut self) -> Option<ProtocolError> {
        self.refusal.take()
    }

    /// Executes as many requests as it may.
    pub(crate) fn advance(&mut self, context: &Context, intake: &mut Intake) -> Option<Ask> {
        if matches!(self.waiting, Waiting::Next(_))
            && let Waiting::Next(execution) = std::mem::take(&mut self.waiting)
            && let Some(ask) = self.apply(execution, 0, context, intake)
        {
            return Some(ask);
        }
        while self.may_execute() {
            let scope = Scope {
                context,
                session: &self.session,
                access: Access::MemoryOnly,
                accepts: match self.owed.is_empty() {
                    true => Accepts::Everything,
                    false => Accepts::Writes,
                },
            };
            match self.language.step(self.input.as_slice(), &scope) {
                Step::Wait => break,
                Step::Incomplete { consumed } => {
                    self.input.consume(consumed);
                    self.starve();
                    break;
                }
                Step::Refused { error, last } => {
                    self.refuse(error, last);
                    break;
                }
                Step::Executed { consumed, execution: Execution::Cold } => {
                    return self.ask_reader(consumed);
                }
                Step::Executed { consumed, execution } => {
                    self.input.consume(consumed);
                    intake.requests += 1;
                    if let Some(ask) = self.apply(execution, consumed, context, intake) {
                        return Some(ask);
                    }
                }
            }
        }
        None
    }

    /// The writer answered the oldest unanswered write.
    pub(crate) fn written(&mut self, outcome: Outcome) {
        self.owed.written(outcome, &self.session, self.output.tail());
    }

    /// The writer synced, or could not.
    pub(crate) fn synced(&mut self, result: Result<()>) {
        if let Waiting::Sync(render) = std::mem::take(&mut self.waiting) {
            self.answer(&render(result));
        }
    }

    /// A reader did what it was asked.
    pub(crate) fn read(&mut self, replies: ColdReplies, intake: &mut Intake) {
        self.waiting = Waiting::Nothing;
        self.input.consume(replies.consumed);
        self.output.tail().extend_from_slice(&replies.output);
        intake.requests += replies.requests;
        match replies.rest {
            None => {}
            Some(Execution::Cold) => {
                log::error!("a request that may wait for the disk was still refused to");
                self.abort();
            }
            Some(execution) => self.waiting = Waiting::Next(execution),
        }
    }

    /// Whether the next request may be executed; also settles that there may be one.
    fn may_execute(&mut self) -> bool {
        if !matches!(self.phase, Phase::Open { .. }) {
            return false;
        }
        self.phase = Phase::Open { hungry: false };
        matches!(self.waiting, Waiting::Nothing)
            && self.output.len() < OUTPUT_BYTES_MAX
            && !self.owed.is_full()
    }

    /// There is no complete request in the input.
    fn starve(&mut self) {
        self.phase = match self.input_ended {
            None => Phase::Open { hungry: true },
            Some(_) => Phase::Ending,
        };
    }

    fn refuse(&mut self, error: ProtocolError, last: Option<Reply>) {
        self.phase = match last {
            Some(last) => {
                self.answer(&last);
                Phase::Ending
            }
            None => Phase::Aborted,
        };
        self.refusal = Some(error);
    }

    /// Turns an execution into a reply, or into what has to happen before there is one.
    fn apply(
        &mut self,
        execution: Execution<Reply>,
        bytes: usize,
        context: &Context,
        intake: &mut Intake,
    ) -> Option<Ask> {
        match execution {
            Execution::Done(reply) => self.answer(&reply),
            Execution::Close(reply) => {
                self.answer(&reply);
                self.phase = Phase::Ending;
            }
            Execution::Write(batch, render) => match context.store.check(&batch) {
                Err(error) => {
                    let reply = render(Err(error));
                    self.answer(&reply);
                }
                Ok(()) => {
                    intake.batches.push(batch);
                    intake.bytes += bytes;
                    self.owed.add_write(render, bytes);
                }
            },
            Execution::Sync(render) if self.owed.is_empty() => {
                self.waiting = Waiting::Sync(render);
                return Some(Ask::Sync);
            }
            execution => self.waiting = Waiting::Next(execution),
        }
        None
    }

    /// Hands the request at the front of the input, `length` bytes long, to a reader.
    fn ask_reader(&mut self, length: usize) -> Option<Ask> {
        if !self.owed.is_empty() {
            return None;
        }
        let dialect = self.language.dialect()?;
        self.waiting = Waiting::Reader;
        Some(Ask::Read(ColdRead::new(dialect, self.input.as_slice(), length)))
    }

    /// Adds a reply behind all that are owed.
    fn answer(&mut self, reply: &Reply) {
        if self.owed.is_empty() {
            reply.encode(&self.session, self.output.tail());
        } else {
            let mut bytes = Vec::new();
            reply.encode(&self.session, &mut bytes);
            self.owed.add_ready(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
