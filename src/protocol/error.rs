//! The one error of both dialects: why the bytes of a peer were refused.

use std::ascii;

/// Why bytes were refused.
///
/// The stream has lost its synchronisation, so a server answers once where the dialect allows it
/// and closes the connection. Messages quote at most one byte of the peer, which keeps them safe to
/// log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The number behind `*` is not a decimal number ended by CR LF.
    #[error("the count of arguments is not a decimal number")]
    CountMalformed,
    /// A request announces or has too many arguments.
    #[error("a request of {found} arguments is over the limit of {limit}")]
    CountTooLarge {
        /// Arguments announced or found.
        found: usize,
        /// Arguments allowed.
        limit: usize,
    },
    /// An element of a request array is not a bulk string.
    #[error("expected '$' before an argument, found '{}'", ascii::escape_default(*found))]
    BulkExpected {
        /// The byte in the place of the `$`.
        found: u8,
    },
    /// The number behind `$` is not a decimal number ended by CR LF, or is negative.
    #[error("the length of a bulk string is not a decimal number")]
    BulkLengthMalformed,
    /// One argument is announced longer than allowed.
    #[error("a bulk string of {found} bytes is over the limit of {limit} bytes")]
    BulkTooLarge {
        /// Bytes announced.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes behind a bulk string are not CR LF.
    #[error("a bulk string is not followed by its line end")]
    BulkUnterminated,
    /// All arguments of a request together are longer than allowed.
    #[error("a request of at least {found} bytes is over the limit of {limit} bytes")]
    RequestTooLarge {
        /// Bytes up to the end of the argument that went over the limit.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// An inline request has no line end within the limit.
    #[error("an inline request is over the limit of {limit} bytes")]
    InlineTooLong {
        /// Bytes allowed before the line end.
        limit: usize,
    },
    /// A quote of an inline request is not closed, or text follows its closing quote.
    #[error("an inline request has unbalanced quotes")]
    QuotesUnbalanced,
    /// The request is a piece of HTTP: a browser was tricked into talking to this port.
    #[error("the request is HTTP, which this port does not speak")]
    CrossProtocol,
    /// A reply begins with a byte that is no type of RESP2.
    #[error("expected a reply, found '{}'", ascii::escape_default(*found))]
    ReplyExpected {
        /// The byte in the place of the type.
        found: u8,
    },
    /// The number behind `:` is not a decimal number ended by CR LF.
    #[error("an integer is not a decimal number")]
    IntegerMalformed,
    /// A line of a reply has one half of a line end in it.
    #[error("a line of a reply is not ended by CR LF")]
    ReplyLineMalformed,
    /// A line of a reply has no line end within the limit.
    #[error("a line of a reply is over the limit of {limit} bytes")]
    ReplyLineTooLong {
        /// Bytes allowed before the line end.
        limit: usize,
    },
    /// The first bytes of a native connection are not the magic.
    #[error("the hello does not start with the magic bytes of the native protocol")]
    MagicMismatch,
    /// A client hello offers an empty range of versions.
    #[error("the hello offers versions from {min} to {max}")]
    VersionsInverted {
        /// Oldest version offered.
        min: u16,
        /// Newest version offered.
        max: u16,
    },
    /// A frame announces, or a message to send needs, too many bytes.
    #[error("a frame of {found} bytes is over the limit of {limit} bytes")]
    FrameTooLarge {
        /// Bytes of the body.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A frame is complete but its body is not a message.
    #[error("a frame does not hold a message: {0}")]
    MessageMalformed(#[source] postcard::Error),
    /// A frame holds bytes behind its message.
    #[error("a frame holds {found} bytes behind its message")]
    MessageTrailed {
        /// Bytes left over.
        found: usize,
    },
    /// A message to send holds a list that the other side would refuse.
    #[error("a message holds a list over the limit of {limit} items")]
    ListTooLong {
        /// Items allowed.
        limit: usize,
    },
    /// A response carries another number than that of the request it was awaited for.
    #[error("a response to request {found} came instead of one to request {expected}")]
    ResponseMismatched {
        /// The number in the response.
        found: u64,
        /// The number of the request.
        expected: u64,
    },
    /// A response holds an answer that its request cannot have.
    #[error("a response holds an answer of another kind than its request asks for")]
    AnswerMismatched,
}
