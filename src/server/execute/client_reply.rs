//! The reply to one request, in either dialect.

use crate::protocol::native::{FRAME_BYTES_MAX, ResponseMessage, ServerHello};
use crate::protocol::resp::Value;
use crate::server::execute::failure::response_too_large;
use crate::server::execute::session::Session;
use crate::server::measure::call_counters::CommandPosition;
use crate::server::statistics::Statistics;

/// A reply in the dialect of its connection.
pub(crate) enum ClientReply {
    /// The reply to a Redis command.
    Resp(Value),
    /// The response to a native operation.
    Native(ResponseMessage<'static>),
    /// The answer to a native client's hello.
    Hello(ServerHello),
    /// A reply that is counted and not sent, as the client wants none.
    Silent(Value),
}

impl ClientReply {
    /// Returns the same reply for a client of Redis that wants none; it is told of subscriptions in
    /// any case, as it is of their messages.
    pub(crate) fn silenced(self) -> Self {
        match self {
            Self::Resp(Value::Replies(replies)) => Self::Resp(Value::Replies(replies)),
            Self::Resp(value) => Self::Silent(value),
            reply => reply,
        }
    }

    /// Counts a call of a Redis command among those that failed, if the writer had it fail.
    pub(crate) fn note_failure(&self, command: Option<CommandPosition>, statistics: &Statistics) {
        let is_error = matches!(self, Self::Resp(Value::Error(_)) | Self::Silent(Value::Error(_)));
        if let Some(command) = command.filter(|_| is_error) {
            statistics.calls(command).failed.add(1);
        }
    }

    /// Appends the reply to `out`, encoded for the session's present version of its protocol, and
    /// counts it if it is an error.
    pub(crate) fn encode(&self, session: &Session, out: &mut Vec<u8>) {
        match self {
            Self::Resp(value) | Self::Silent(value) => {
                if let Value::Error(text) = value {
                    session.statistics.errors.note(text);
                }
                if matches!(self, Self::Resp(_)) {
                    value.encode(session.version(), out);
                }
            }
            Self::Hello(hello) => hello.encode(out),
            Self::Native(response) => {
                if response.encode(FRAME_BYTES_MAX, out).is_ok() {
                    return;
                }
                let failure =
                    ResponseMessage { id: response.id, result: Err(response_too_large()) };
                // One short sentence always fits a frame.
                let _ = failure.encode(FRAME_BYTES_MAX, out);
            }
        }
    }
}
