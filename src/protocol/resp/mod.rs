//! The Redis serialization protocol: requests in both of its spellings, replies in RESP2 and RESP3.
//!
//! ```text
//! request array:   *2 CR LF  $3 CR LF GET CR LF  $3 CR LF key CR LF
//! inline request:  GET key LF
//! ```
//!
//! A [`RequestParser`] turns the bytes of a connection into [`Arguments`] that borrow from them; a
//! [`Value`] is encoded for the [`Version`] the connection has chosen. What the arguments mean is
//! not known here. A client of another server reads its replies as [`ReplyPart`]s.
//!
//! Deliberate differences from Redis: every number and line end is checked, where Redis skips two
//! bytes unseen; a request array may hold nothing but bulk strings, so there is no nesting to
//! bound; HTTP is refused whatever its method.

mod arguments;
mod inline;
mod limits;
mod number;
mod reply;
mod reply_part;
mod request;

use std::ascii;

pub use arguments::{Arguments, KeptArguments};
pub use limits::{BULK_BYTES_MAX, RequestLimits};
pub use reply::{Value, Version, encode_bulk, encode_push};
pub use reply_part::ReplyPart;
pub use request::{Parsed, RequestParser};

use crate::protocol::ProtocolError;

/// Returns the last reply of a connection whose bytes were refused, in the words of Redis where it
/// has any, because clients and their tests compare them.
pub fn error_reply(error: &ProtocolError) -> Value {
    const STRANGER: RequestLimits = RequestLimits::STRANGER;
    let reason = match error {
        ProtocolError::CountTooLarge { limit, .. } if *limit == STRANGER.arguments_max => {
            "unauthenticated multibulk length"
        }
        ProtocolError::BulkTooLarge { limit, .. } if *limit == STRANGER.bulk_bytes_max => {
            "unauthenticated bulk length"
        }
        ProtocolError::CountMalformed | ProtocolError::CountTooLarge { .. } => {
            "invalid multibulk length"
        }
        ProtocolError::BulkLengthMalformed | ProtocolError::BulkTooLarge { .. } => {
            "invalid bulk length"
        }
        ProtocolError::BulkExpected { found } => {
            let found = ascii::escape_default(*found);
            return Value::Error(format!("ERR Protocol error: expected '$', got '{found}'").into());
        }
        ProtocolError::InlineTooLong { .. } => "too big inline request",
        ProtocolError::QuotesUnbalanced => "unbalanced quotes in request",
        other => return Value::Error(format!("ERR Protocol error: {other}").into()),
    };
    Value::Error(format!("ERR Protocol error: {reason}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_in_the_words_of_redis() {
        let cases = [
            (ProtocolError::CountMalformed, "invalid multibulk length"),
            (ProtocolError::CountTooLarge { found: 2, limit: 1 }, "invalid multibulk length"),
            (
                ProtocolError::CountTooLarge { found: 11, limit: 10 },
                "unauthenticated multibulk length",
            ),
            (
                ProtocolError::BulkTooLarge { found: 20_000, limit: 16_384 },
                "unauthenticated bulk length",
            ),
            (ProtocolError::BulkLengthMalformed, "invalid bulk length"),
            (ProtocolError::BulkTooLarge { found: 2, limit: 1 }, "invalid bulk length"),
            (ProtocolError::BulkExpected { found: b'x' }, "expected '$', got 'x'"),
            (ProtocolError::BulkExpected { found: b'\n' }, "expected '$', got '\\n'"),
            (ProtocolError::InlineTooLong { limit: 1 }, "too big inline request"),
            (ProtocolError::QuotesUnbalanced, "unbalanced quotes in request"),
            (ProtocolError::CrossProtocol, "the request is HTTP, which this port does not speak"),
        ];
        for (error, reason) in cases {
            let mut out = Vec::new();
            error_reply(&error).encode(Version::Resp2, &mut out);
            let expected = format!("-ERR Protocol error: {reason}\r\n");
            assert_eq!(out.escape_ascii().to_string(), expected.escape_default().to_string());
        }
    }
}
