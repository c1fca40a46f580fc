//! One request of either dialect: parsed, executed, and its reply encoded.

use crate::engine::Access;
use crate::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, HelloStatus, Request, Response, ServerHello, decode_frame,
};
use crate::protocol::resp::{self, Limits, Parsed, RequestParser};
use crate::protocol::{Dialect, ProtocolError, detect};
use crate::server::command;
use crate::server::execute::context::Context;
use crate::server::execute::execution::{Call, Effect, Execution};
use crate::server::execute::failure::protocol_failure;
use crate::server::execute::reply::Reply;
use crate::server::execute::session::Session;
use crate::server::native;

/// The id of a response to no request: the reason why the connection is closed.
const NO_REQUEST: u64 = 0;

/// What a connection speaks, and how far its opening went.
pub(crate) enum Language {
    /// Too few bytes came to tell.
    Undecided,
    /// Redis' protocol.
    Resp(Box<RequestParser>),
    /// The native protocol, before the client's hello.
    Hello,
    /// The native protocol.
    Native,
}

/// What a request may be, given what its connection still waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Anything: nothing is owed.
    Everything,
    /// Only a write: earlier writes are not answered yet.
    Writes,
    /// Only a read: a reader goes ahead of the worker.
    Reads,
}

impl Accepts {
    /// Whether it accepts a request of that effect, which is asked for only where it matters.
    fn admits(self, effect: impl FnOnce() -> Effect) -> bool {
        match self {
            Self::Everything => true,
            Self::Writes => effect() == Effect::Writes,
            Self::Reads => effect() == Effect::Reads,
        }
    }
}

/// What executing a request may use.
pub(crate) struct Scope<'a> {
    /// What all connections share.
    pub(crate) context: &'a Context,
    /// What this one remembers.
    pub(crate) session: &'a Session,
    /// Whether it may wait for the disk.
    pub(crate) access: Access,
    /// What it may be.
    pub(crate) accepts: Accepts,
}

/// What became of the first request of the input.
pub(crate) enum Step {
    /// It is not complete; `consumed` bytes before it are done with.
    Incomplete { consumed: usize },
    /// It is not of the accepted kind; nothing is consumed.
    Wait,
    /// It was executed, and `consumed` bytes are done with unless it was [`Execution::Cold`].
    Executed { consumed: usize, execution: Execution<Reply> },
    /// The bytes cannot be trusted; the connection is closed after the last reply, if there is one.
    Refused { error: ProtocolError, last: Option<Reply> },
}

impl Language {
    /// The language to go on with behind the opening.
    pub(crate) fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Resp => Self::Resp(Box::new(RequestParser::new(Limits::default()))),
            Dialect::Native => Self::Native,
        }
    }

    /// The dialect, once requests may come.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::Undecided | Self::Hello => None,
            Self::Resp(_) => Some(Dialect::Resp),
            Self::Native => Some(Dialect::Native),
        }
    }

    /// Parses and executes the first request of `input`.
    pub(crate) fn step(&mut self, input: &[u8], scope: &Scope<'_>) -> Step {
        match self {
            Self::Undecided => match detect(input) {
                None => Step::Incomplete { consumed: 0 },
                Some(Dialect::Native) => {
                    *self = Self::Hello;
                    self.hello(input)
                }
                Some(dialect @ Dialect::Resp) => {
                    *self = Self::of(dialect);
                    self.step(input, scope)
                }
            },
            Self::Resp(parser) => step_resp(parser, input, scope),
            Self::Hello => self.hello(input),
            Self::Native => step_native(input, scope),
        }
    }

    fn hello(&mut self, input: &[u8]) -> Step {
        let (client, consumed) = match ClientHello::decode(input) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => return Step::Incomplete { consumed: 0 },
            Err(error) => return Step::Refused { error, last: None },
        };
        let answer = ServerHello::answer(&client, FRAME_BYTES_MAX);
        *self = Self::Native;
        let execution = if answer.status == HelloStatus::Accepted {
            Execution::Done(Reply::Hello(answer))
        } else {
            Execution::Close(Reply::Hello(answer))
        };
        Step::Executed { consumed, execution }
    }
}

fn step_resp(parser: &mut RequestParser, input: &[u8], scope: &Scope<'_>) -> Step {
    let (arguments, consumed) = match parser.parse(input) {
        Ok(Parsed::Request { arguments, consumed }) => (arguments, consumed),
        Ok(Parsed::Incomplete { consumed, .. }) => return Step::Incomplete { consumed },
        Err(error) => {
            // A browser that was tricked into talking to this port must not get an answer to use.
            let last = (error != ProtocolError::CrossProtocol)
                .then(|| Reply::Resp(resp::error_reply(&error)));
            return Step::Refused { error, last };
        }
    };
    let command = command::find(&arguments);
    if !scope.accepts.admits(|| command::effect(command, &arguments)) {
        return Step::Wait;
    }
    let call =
        Call { arguments, context: scope.context, session: scope.session, access: scope.access };
    Step::Executed { consumed, execution: command::execute(command, &call).map(Reply::Resp) }
}

fn step_native(input: &[u8], scope: &Scope<'_>) -> Step {
    let decoded = decode_frame(input, FRAME_BYTES_MAX).and_then(|frame| match frame {
        Some((body, consumed)) => Ok(Some((Request::decode(body)?, consumed))),
        None => Ok(None),
    });
    let (request, consumed) = match decoded {
        Ok(Some(decoded)) => decoded,
        Ok(None) => return Step::Incomplete { consumed: 0 },
        Err(error) => {
            let last = Response { id: NO_REQUEST, result: Err(protocol_failure(&error)) };
            let last = Some(Reply::Native(last));
            return Step::Refused { error, last };
        }
    };
    if !scope.accepts.admits(|| native::effect(&request.operation)) {
        return Step::Wait;
    }
    Step::Executed {
        consumed,
        execution: native::execute(request, scope.context, scope.access).map(Reply::Native),
    }
}
