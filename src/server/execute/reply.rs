//! The reply to one request, in either dialect.

use crate::protocol::native::{FRAME_BYTES_MAX, Response, ServerHello};
use crate::protocol::resp::Value;
use crate::server::execute::failure::response_too_large;
use crate::server::execute::session::Session;

/// A reply in the dialect of its connection.
pub(crate) enum Reply {
    /// Of a Redis command.
    Resp(Value),
    /// Of a native operation.
    Native(Response<'static>),
    /// Of a native client's hello.
    Hello(ServerHello),
}

impl Reply {
    /// Appends the reply to `out`, encoded as the session wants it now.
    pub(crate) fn encode(&self, session: &Session, out: &mut Vec<u8>) {
        match self {
            Self::Resp(value) => value.encode(session.version(), out),
            Self::Hello(hello) => hello.encode(out),
            Self::Native(response) => {
                if response.encode(FRAME_BYTES_MAX, out).is_ok() {
                    return;
                }
                let refusal = Response { id: response.id, result: Err(response_too_large()) };
                // One short sentence always fits a frame.
                let _ = refusal.encode(FRAME_BYTES_MAX, out);
            }
        }
    }
}
