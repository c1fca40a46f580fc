//! The reply to one request, in either dialect.

use crate::protocol::native::{FRAME_BYTES_MAX, ResponseMessage, ServerHello};
use crate::protocol::resp::Value;
use crate::server::execute::failure::response_too_large;
use crate::server::execute::session::Session;

/// A reply in the dialect of its connection.
pub(crate) enum ClientReply {
    /// The reply to a Redis command.
    Resp(Value),
    /// The response to a native operation.
    Native(ResponseMessage<'static>),
    /// The answer to a native client's hello.
    Hello(ServerHello),
}

impl ClientReply {
    /// Appends the reply to `out`, encoded for the session's present version of its protocol.
    pub(crate) fn encode(&self, session: &Session, out: &mut Vec<u8>) {
        match self {
            Self::Resp(value) => value.encode(session.version(), out),
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
