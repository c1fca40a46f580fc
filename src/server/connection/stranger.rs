//! A client that has given no password, and the check of what the server does for it: for the tests
//! and the fuzz target.

#![allow(clippy::unwrap_used, reason = "a check fails by panicking")]

use std::time::Instant;

use crate::protocol::native::{
    FRAME_BYTES_MAX, FailureKind, ResponseMessage, ServerHello, decode_frame,
};
use crate::protocol::resp::RequestLimits;
use crate::protocol::{Dialect, detect};
use crate::server::connection::intake::{Ask, Intake};
use crate::server::connection::server_connection::{STRANGER_OUTPUT_BYTES_MAX, ServerConnection};
use crate::server::execute::context::Context;
use crate::server::execute::session::HeldBytes;
use crate::server::testing;
use crate::sync::Arc;

/// The value that no stranger may see, under the only key.
const TREASURE: &[u8] = b"treasure";

/// The codes of the errors that it may get.
const CODES: [&[u8]; 5] = [b"-NOAUTH ", b"-WRONGPASS ", b"-NOPROTO ", b"-EXECABORT ", b"-ERR "];

/// The longest request, of either protocol.
const REQUEST_BYTES_MAX: usize = RequestLimits::STRANGER.request_bytes_max;

/// No reply is longer: errors repeat no more than the beginning of a word.
const REPLY_BYTES_MAX: usize = 1024;

/// A client that has given no password, with its connection.
pub(crate) struct Stranger {
    context: Arc<Context>,
    connection: ServerConnection,
    replies: Vec<u8>,
}

impl Stranger {
    /// Returns the state of a server with a password, whose store has the one key.
    pub(crate) fn guarded_context() -> Context {
        let context = testing::guarded_context(&["the right one"]);
        context.store.set("k", TREASURE).unwrap();
        context
    }

    /// Returns a client that has sent nothing yet, of a [`guarded_context`](Self::guarded_context).
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let connection = ServerConnection::new(testing::session(&context));
        Self { context, connection, replies: Vec::new() }
    }

    /// Sends bytes in pieces of these lengths, in turn, as long as the server takes them, and
    /// checks all that it does. A client that takes no replies takes them at the end.
    ///
    /// Returns the replies.
    ///
    /// # Panics
    /// If the server does what it may not do.
    pub(crate) fn send(mut self, stream: &[u8], pieces: &[usize], takes_replies: bool) -> Vec<u8> {
        let mut rest = stream;
        for length in pieces.iter().cycle() {
            if rest.is_empty() || !self.connection.wants_input() {
                break;
            }
            let (piece, later) = rest.split_at((*length).clamp(1, rest.len()));
            rest = later;
            self.connection.receive(piece);
            self.advance(piece.len());
            while takes_replies && self.take_replies() {
                self.advance(piece.len());
            }
        }
        while self.take_replies() {
            self.advance(stream.len());
        }
        self.check(stream);
        std::mem::take(&mut self.replies)
    }

    /// Lets the server work, which may at most ask for a delay.
    fn advance(&mut self, piece: usize) {
        loop {
            let mut intake = Intake::default();
            let ask = self.connection.advance(&self.context, &mut intake);
            assert!(intake.batches.is_empty(), "a write is sent");
            self.check_held(piece);
            match ask {
                None => return,
                Some(Ask::Delay) => self.connection.end_delay(),
                Some(Ask::Read(_) | Ask::Sync | Ask::Watch) => panic!("more is asked for"),
            }
        }
    }

    /// Takes the replies that there are; false if there are none.
    fn take_replies(&mut self) -> bool {
        let output = self.connection.output();
        let count = output.len();
        self.replies.extend_from_slice(output.as_slice());
        output.consume(count);
        count > 0
    }

    /// Checks what the server holds: at most a request, a piece that just came, and the replies up
    /// to the one that was too many.
    fn check_held(&mut self, piece: usize) {
        self.connection.take_stock(Instant::now());
        let HeldBytes { input, output, memory } = self.connection.session().held();
        let (input_max, output_max) =
            (REQUEST_BYTES_MAX + piece, STRANGER_OUTPUT_BYTES_MAX + REPLY_BYTES_MAX);
        assert!(input <= input_max, "{input} bytes of requests are held");
        assert!(output <= output_max, "{output} bytes of replies are held");
        // A buffer keeps up to as many consumed bytes as others, and up to twice that capacity. A
        // connection without buffers is some kilobytes.
        let memory_max = 4 * (input_max + output_max) + (16 << 10);
        assert!(memory <= memory_max, "{memory} bytes of memory are held");
    }

    fn check(&self, stream: &[u8]) {
        let replies = &self.replies[..];
        match detect(stream) {
            Some(Dialect::Resp) => self.check_resp(),
            Some(Dialect::Native) => check_native(replies),
            None => assert!(replies.is_empty(), "{}", replies.escape_ascii()),
        }
        let has = |bytes: &[u8]| bytes.windows(TREASURE.len()).any(|part| part == TREASURE);
        assert!(has(stream) || !has(replies), "{}", replies.escape_ascii());
        assert!(!self.connection.session().is_authenticated());
        let store = &self.context.store;
        assert_eq!(store.get("k").unwrap().as_deref(), Some(TREASURE));
        assert_eq!(store.len().unwrap(), 1);
    }

    /// Checks that it got errors, and `OK` or `RESET` to the commands that need no password.
    fn check_resp(&self) {
        let mut rest = &self.replies[..];
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let line = &rest[..end];
            rest = &rest[end + 2..];
            let is_last = rest.is_empty() && self.connection.is_finished();
            let is_allowed = CODES.iter().any(|code| line.starts_with(code))
                || line == b"+RESET"
                || line == b"+OK" && is_last;
            assert!(is_allowed && line.len() < REPLY_BYTES_MAX, "{}", line.escape_ascii());
        }
        assert!(rest.is_empty(), "{}", rest.escape_ascii());
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.context.clients.close(self.connection.session());
    }
}

/// Checks that it got a hello and failures.
fn check_native(replies: &[u8]) {
    if replies.is_empty() {
        return;
    }
    let (_, mut start) = ServerHello::decode(replies).unwrap().unwrap();
    while let Some((body, bytes)) = decode_frame(&replies[start..], FRAME_BYTES_MAX).unwrap() {
        assert!(bytes <= REPLY_BYTES_MAX, "a failure of {bytes} bytes");
        let response = ResponseMessage::decode(body).unwrap();
        let kind = response.result.unwrap_err().kind;
        let is_allowed = matches!(
            kind,
            FailureKind::NotAuthenticated | FailureKind::WrongPassword | FailureKind::Protocol
        );
        assert!(is_allowed, "{kind:?}");
        start += bytes;
    }
    assert_eq!(start, replies.len());
}
