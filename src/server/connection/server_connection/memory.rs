//! The memory that a connection holds: what it charges for it, and how it lets go of it.

use std::time::Instant;

use super::{ConnectionPhase, ServerConnection};
use crate::server::connection::buffer::Buffer;
use crate::server::connection::protocol_state::ProtocolState;
use crate::server::execute::charge::Charge;
use crate::server::execute::session::Session;
use crate::sync::Arc;

/// The memory of a connection without what it received and what it answers.
const CONNECTION_BYTES: usize = size_of::<ServerConnection>() + size_of::<Session>();

impl ServerConnection {
    /// Tells the session and the account of all clients what it holds, and the session the time of
    /// the last byte from or to the client.
    pub(crate) fn take_stock(&mut self, last_byte: Instant) {
        self.session.note_held(self.input.len(), self.output.len(), last_byte);
        self.recharge();
    }

    /// Returns the bytes that it holds, about.
    pub(crate) fn charged(&self) -> usize {
        self.charge.bytes()
    }

    /// Returns true if it keeps memory for requests to come.
    pub(crate) fn keeps_memory(&self) -> bool {
        self.input.memory() + self.output.memory() + self.replies.memory() > 0
    }

    /// Frees the memory that it keeps for requests to come.
    pub(crate) fn free(&mut self) {
        if self.input.free() | self.output.free() | self.replies.free() {
            self.charge = Charge::new(Arc::clone(&self.session));
            self.recharge();
        }
    }

    /// Frees what it holds and ends it, behind an error if the client can take one.
    pub(crate) fn evict(&mut self) {
        let last = match self.phase {
            ConnectionPhase::Open { .. } if self.output.is_empty() && !self.awaits_answer() => {
                self.protocol.eviction_reply()
            }
            _ => None,
        };
        match last {
            Some(last) => {
                (self.input, self.watch) = (Buffer::default(), None);
                self.protocol = ProtocolState::Undecided;
                self.answer(&last);
                self.phase = ConnectionPhase::Ending;
                self.recharge();
            }
            None => self.abort(),
        }
    }

    /// Charges the bytes that it holds now.
    pub(super) fn recharge(&mut self) {
        self.charge.note_freed(self.input.take_left() + self.output.take_left());
        let buffers = self.input.memory() + self.output.memory();
        let requests = self.protocol.memory() + self.replies.memory() + self.waiting_for.memory();
        let watch = self.watch.as_ref().map_or(0, |watch| watch.memory());
        let session = self.session.label_bytes() + self.session.keyspaces.memory();
        // The feed is charged by those who fill it.
        let transaction = self.session.transaction.memory() + self.session.subscriptions.memory();
        self.charge.set(CONNECTION_BYTES + buffers + requests + watch + session + transaction);
    }
}
