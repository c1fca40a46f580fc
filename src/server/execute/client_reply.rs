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
    /// No reply, as the client wants none.
    Nothing,
}

impl ClientReply {
    /// Counts a call of a Redis command among those that failed, if the writer had it fail.
    pub(crate) fn note_failure(&self, command: Option<CommandPosition>, statistics: &Statistics) {
        if let (Self::Resp(Value::Error(_)), Some(command)) = (self, command) {
            statistics.calls(command).failed.add(1);
        }
    }

    /// Appends the reply to `out`, encoded for the session's present version of its protocol, and
    /// counts it if it is an error.
    pub(crate) fn encode(&self, session: &Session, out: &mut Vec<u8>) {
        match self {
            Self::Resp(value) => {
                if let Value::Error(text) = value {
                    session.statistics.errors.note(text);
                }
                value.encode(session.version(), out);
            }
            Self::Hello(hello) => hello.encode(out),
            Self::Nothing => {}
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
