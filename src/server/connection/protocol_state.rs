//! The state of a protocol on one connection, and the step that parses and executes a request.

use crate::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, HelloStatus, RequestMessage, ResponseMessage,
    STRANGER_FRAME_BYTES_MAX, ServerHello, decode_frame, missing_frame_bytes,
};
use crate::protocol::resp::{self, Parsed, RequestLimits, RequestParser};
use crate::protocol::{Dialect, ProtocolError, detect};
use crate::server::command;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::{Effect, Execution};
use crate::server::execute::failure::{EVICTION, eviction_failure, protocol_failure};
use crate::server::execute::scope::Scope;
use crate::server::native;

/// The id of a response that states why the connection is closed, and answers no request.
const NO_REQUEST: u64 = 0;

/// The protocol of a connection and the progress of its opening.
pub(crate) enum ProtocolState {
    /// Too few bytes came to tell the protocol.
    Undecided,
    /// The protocol of Redis.
    Resp(Box<RequestParser>),
    /// The native protocol, before the client's hello.
    Hello,
    /// The native protocol.
    Native,
}

/// The requests that may be executed, given the replies that the connection still waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Any request: every earlier one is answered.
    Everything,
    /// Writes alone: earlier writes are not answered yet.
    Writes,
    /// Reads alone: a reader goes ahead of the worker.
    Reads,
}

impl Accepts {
    /// Returns true if a request of this effect is accepted; asks for the effect only if it
    /// matters.
    fn admits(self, effect: impl FnOnce() -> Effect) -> bool {
        match self {
            Self::Everything => true,
            Self::Writes => effect() == Effect::Writes,
            Self::Reads => effect() == Effect::Reads,
        }
    }
}

/// The result of a step over the input.
pub(crate) enum StepResult {
    /// The first request is not complete; `consumed` bytes before it are of no more use. At least
    /// `missing` bytes have to come before the next step.
    Incomplete { consumed: usize, missing: usize },
    /// The first request is not accepted yet; nothing is consumed.
    Wait,
    /// The first request waits for the end of a pause; nothing is consumed.
    Paused,
    /// The first request, `consumed` bytes long, was executed. If that led to
    /// [`Execution::WouldBlock`], its bytes must stay for a reader.
    Executed { consumed: usize, execution: Execution<ClientReply> },
    /// The bytes follow no protocol; the connection is closed after the last reply, if any.
    Refused { error: ProtocolError, last: Option<ClientReply> },
}

impl ProtocolState {
    /// Returns the state of a connection of this dialect after its opening.
    pub(crate) fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Resp => Self::Resp(Box::new(RequestParser::new(RequestLimits::default()))),
            Dialect::Native => Self::Native,
        }
    }

    /// Returns the dialect, once the opening is over.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::Undecided | Self::Hello => None,
            Self::Resp(_) => Some(Dialect::Resp),
            Self::Native => Some(Dialect::Native),
        }
    }

    /// Returns the bytes of memory that it holds.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Resp(parser) => size_of::<RequestParser>() + parser.memory(),
            Self::Undecided | Self::Hello | Self::Native => 0,
        }
    }

    /// Returns the last reply of a connection that is closed because it holds too much memory; none
    /// before its opening is over.
    pub(crate) fn eviction_reply(&self) -> Option<ClientReply> {
        match self {
            Self::Undecided | Self::Hello => None,
            Self::Resp(_) => {
                let text = format!("OOM {EVICTION}");
                Some(ClientReply::Resp(resp::Value::Error(text.into())))
            }
            Self::Native => {
                let result = Err(eviction_failure());
                Some(ClientReply::Native(ResponseMessage { id: NO_REQUEST, result }))
            }
        }
    }

    /// Parses and executes the first request of `input`.
    pub(crate) fn step(&mut self, input: &[u8], accepts: Accepts, scope: &Scope<'_>) -> StepResult {
        match self {
            Self::Undecided => match detect(input) {
                None => StepResult::Incomplete { consumed: 0, missing: 1 },
                Some(Dialect::Native) => {
                    *self = Self::Hello;
                    self.hello(input)
                }
                Some(dialect @ Dialect::Resp) => {
                    *self = Self::of(dialect);
                    self.step(input, accepts, scope)
                }
            },
            Self::Resp(parser) => step_resp(parser, input, accepts, scope),
            Self::Hello => self.hello(input),
            Self::Native => step_native(input, accepts, scope),
        }
    }

    fn hello(&mut self, input: &[u8]) -> StepResult {
        let (client, consumed) = match ClientHello::decode(input) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => return StepResult::Incomplete { consumed: 0, missing: 1 },
            Err(error) => return StepResult::Refused { error, last: None },
        };
        let answer = ServerHello::answer(&client, FRAME_BYTES_MAX);
        *self = Self::Native;
        let execution = if answer.status == HelloStatus::Accepted {
            Execution::Done(ClientReply::Hello(answer))
        } else {
            Execution::Close(ClientReply::Hello(answer))
        };
        StepResult::Executed { consumed, execution }
    }
}

fn step_resp(
    parser: &mut RequestParser,
    input: &[u8],
    accepts: Accepts,
    scope: &Scope<'_>,
) -> StepResult {
    parser.set_limits(match scope.session.is_authenticated() {
        true => RequestLimits::default(),
        false => RequestLimits::STRANGER,
    });
    let (arguments, consumed) = match parser.parse(input) {
        Ok(Parsed::Request { arguments, consumed }) => (arguments, consumed),
        Ok(Parsed::Incomplete { consumed, missing }) => {
            return StepResult::Incomplete { consumed, missing };
        }
        Err(error) => {
            // A browser that was tricked into talking to this port must not get an answer to use.
            let last = (error != ProtocolError::CrossProtocol)
                .then(|| ClientReply::Resp(resp::error_reply(&error)));
            return StepResult::Refused { error, last };
        }
    };
    let command = command::find(&arguments);
    if !accepts.admits(|| command::effect(command, &arguments)) {
        return StepResult::Wait;
    }
    if scope.context.pause.stops(|| command::may_write(command, scope.session))
        && !command::is_refused(command, &arguments, scope.session)
    {
        return StepResult::Paused;
    }
    let execution = command::execute(command, arguments, scope).map(ClientReply::Resp);
    let has_reply = match execution {
        // It is executed once more.
        Execution::WouldBlock(_) => true,
        _ => scope.session.replies.next(),
    };
    let execution = if has_reply { execution } else { execution.silenced() };
    StepResult::Executed { consumed, execution }
}

fn step_native(input: &[u8], accepts: Accepts, scope: &Scope<'_>) -> StepResult {
    let frame_bytes_max = match scope.session.is_authenticated() {
        true => FRAME_BYTES_MAX,
        false => STRANGER_FRAME_BYTES_MAX,
    };
    let (body, consumed) = match decode_frame(input, frame_bytes_max) {
        Ok(Some(frame)) => frame,
        Ok(None) => {
            let missing = missing_frame_bytes(input);
            return StepResult::Incomplete { consumed: 0, missing };
        }
        Err(error) => return refuse_native(error),
    };
    if let Some(refusal) = native::refuse_undecoded(body, scope) {
        return match accepts.admits(|| Effect::Writes) {
            false => StepResult::Wait,
            true => {
                let execution = Execution::Done(ClientReply::Native(refusal));
                StepResult::Executed { consumed, execution }
            }
        };
    }
    let request = match RequestMessage::decode(body) {
        Ok(request) => request,
        Err(error) => return refuse_native(error),
    };
    if !accepts.admits(|| native::effect(&request.operation)) {
        return StepResult::Wait;
    }
    if scope.context.pause.stops(|| native::may_write(&request.operation)) {
        return StepResult::Paused;
    }
    StepResult::Executed {
        consumed,
        execution: native::execute(request, scope).map(ClientReply::Native),
    }
}

/// Returns the end of a native connection whose bytes are no request.
fn refuse_native(error: ProtocolError) -> StepResult {
    let last = ResponseMessage { id: NO_REQUEST, result: Err(protocol_failure(&error)) };
    StepResult::Refused { error, last: Some(ClientReply::Native(last)) }
}
