//! Replies that wait behind an unanswered write.

use std::collections::VecDeque;

use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Render;
use crate::server::measure::call_counters::CommandPosition;
use crate::server::statistics::Statistics;
use crate::store::BatchOutcome;

/// The most replies in a queue; at the limit the next requests wait.
pub(crate) const REPLIES_MAX: usize = 1024;

/// The bytes of memory of unanswered writes at which the next requests wait.
const WRITE_BYTES_MAX: usize = 8 << 20;

/// Replies in the order of their requests; the first is that of an unanswered write.
#[derive(Default)]
pub(crate) struct ReplyQueue {
    replies: VecDeque<QueuedReply>,
    /// The bytes of memory of unanswered writes.
    write_bytes: usize,
    /// The bytes of encoded replies.
    ready_bytes: usize,
}

enum QueuedReply {
    /// The reply to a write that the writer has not answered.
    Write { render: Render, bytes: usize, command: Option<CommandPosition> },
    /// An encoded reply that follows an unanswered write.
    Ready(Vec<u8>),
}

impl ReplyQueue {
    /// Returns true if every write is answered.
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Returns true if no reply may be added for now.
    pub(crate) fn is_full(&self) -> bool {
        self.replies.len() >= REPLIES_MAX || self.write_bytes >= WRITE_BYTES_MAX
    }

    /// Returns the bytes of memory that it and the unanswered writes hold.
    pub(crate) fn memory(&self) -> usize {
        let places = self.replies.capacity() * size_of::<QueuedReply>();
        places + self.write_bytes + self.ready_bytes
    }

    /// Frees the memory of its places, if it is empty. Returns true if it had any.
    pub(crate) fn free(&mut self) -> bool {
        let frees = self.is_empty() && self.replies.capacity() > 0;
        if frees {
            self.replies = VecDeque::new();
        }
        frees
    }

    /// Adds the reply to a write of a command, which takes this many bytes of memory.
    pub(crate) fn add_write(
        &mut self,
        render: Render,
        bytes: usize,
        command: Option<CommandPosition>,
    ) {
        self.write_bytes += bytes;
        self.replies.push_back(QueuedReply::Write { render, bytes, command });
    }

    /// Adds an encoded reply; it must follow an unanswered write.
    pub(crate) fn add_ready(&mut self, bytes: Vec<u8>) {
        self.ready_bytes += bytes.len();
        self.replies.push_back(QueuedReply::Ready(bytes));
    }

    /// Takes the oldest unanswered write, and returns the reply to it.
    pub(crate) fn written(
        &mut self,
        outcome: BatchOutcome,
        statistics: &Statistics,
    ) -> Option<ClientReply> {
        let Some(QueuedReply::Write { render, bytes, command }) = self.replies.pop_front() else {
            return None;
        };
        self.write_bytes -= bytes;
        let reply = render(outcome);
        reply.note_failure(command, statistics);
        Some(reply)
    }

    /// Appends the replies that wait for no write any more to `output`.
    pub(crate) fn append_ready(&mut self, output: &mut Vec<u8>) {
        while let Some(QueuedReply::Ready(bytes)) = self.replies.front() {
            output.extend_from_slice(bytes);
            self.ready_bytes -= bytes.len();
            self.replies.pop_front();
        }
    }
}
