//! Replies that cannot be sent yet, because a write before them is not answered.

use std::collections::VecDeque;

use crate::server::execute::execution::Render;
use crate::server::execute::session::Session;
use crate::store::batch::Outcome;

/// How many replies a connection is owed at most; its next requests wait at the limit.
pub(crate) const OWED_MAX: usize = 1024;

/// How many bytes of unanswered writes make the next requests wait until some are answered.
const WRITE_BYTES_MAX: usize = 8 << 20;

/// Replies in the order of their requests; the first of them belongs to an unanswered write.
#[derive(Default)]
pub(crate) struct Owed {
    replies: VecDeque<OwedReply>,
    /// Bytes of the requests of unanswered writes.
    write_bytes: usize,
}

enum OwedReply {
    /// The writer has not answered.
    Write { render: Render, bytes: usize },
    /// It follows an unanswered write.
    Ready(Vec<u8>),
}

impl Owed {
    /// True where every write is answered.
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Whether no more may be added for now.
    pub(crate) fn is_full(&self) -> bool {
        self.replies.len() >= OWED_MAX || self.write_bytes >= WRITE_BYTES_MAX
    }

    /// Adds the reply to a write whose request has this many bytes.
    pub(crate) fn add_write(&mut self, render: Render, bytes: usize) {
        self.write_bytes += bytes;
        self.replies.push_back(OwedReply::Write { render, bytes });
    }

    /// Adds an encoded reply; it must follow an unanswered write.
    pub(crate) fn add_ready(&mut self, bytes: Vec<u8>) {
        self.replies.push_back(OwedReply::Ready(bytes));
    }

    /// Appends the reply to the oldest unanswered write, and those that waited for it.
    pub(crate) fn written(&mut self, outcome: Outcome, session: &Session, output: &mut Vec<u8>) {
        let Some(OwedReply::Write { render, bytes }) = self.replies.pop_front() else {
            return;
        };
        self.write_bytes -= bytes;
        render(outcome).encode(session, output);
        while let Some(OwedReply::Ready(bytes)) = self.replies.front() {
            output.extend_from_slice(bytes);
            self.replies.pop_front();
        }
    }
}
