//! A read that may wait for the disk, executed on a reader together with the reads behind it.

use crate::protocol::Dialect;
use crate::server::connection::protocol_state::{Accepts, ProtocolState, StepResult};
use crate::server::execute::charge::Charge;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::context::Context;
use crate::server::execute::execution::Execution;
use crate::server::execute::scope::Scope;
use crate::server::execute::session::Session;
use crate::store::reader::ReadLength;

/// The most bytes of requests that go to the reader, unless the first one alone is longer.
const REQUEST_BYTES: usize = 16 << 10;

/// The bytes of replies that end a task early; the worker asks again for the rest.
const REPLY_BYTES: usize = 1 << 20;

/// Requests of one connection, of which the first is complete and would block a worker.
pub(crate) struct BlockingRead {
    dialect: Dialect,
    requests: Vec<u8>,
    length: ReadLength,
    charge: Charge,
}

/// The replies of a reader to a [`BlockingRead`].
pub(crate) struct ReaderReplies {
    /// The bytes of the executed requests.
    pub(crate) consumed: usize,
    /// The number of executed requests.
    pub(crate) requests: u64,
    /// The encoded replies to them.
    pub(crate) output: Vec<u8>,
    /// The execution of the last of them, if it is no reply; its bytes are among the consumed.
    pub(crate) rest: Option<Execution<ClientReply>>,
    /// The bytes of the first request, if it is longer than this reader's reads are: nothing was
    /// executed, and the reader of long reads is to do so.
    pub(crate) long_request: Option<usize>,
    /// The memory that is held for them, until the connection charges it.
    pub(crate) charge: Charge,
}

impl BlockingRead {
    /// Copies the first request, so many bytes long, and some of the bytes behind it.
    pub(crate) fn new(
        dialect: Dialect,
        input: &[u8],
        bytes: usize,
        length: ReadLength,
        mut charge: Charge,
    ) -> Self {
        let end = bytes.max(REQUEST_BYTES).min(input.len());
        let requests = input.get(..end).unwrap_or_default().to_vec();
        charge.set(requests.len());
        Self { dialect, requests, length, charge }
    }

    /// Returns the length of the first read.
    pub(crate) fn length(&self) -> ReadLength {
        self.length
    }

    /// Executes the first request and the reads behind it, and waits for the disk if it has to.
    ///
    /// Ends early if the connection is to be closed. A long read begins once clients hold no more
    /// than they may: it may take as much as the largest value.
    pub(crate) fn execute(self, context: &Context, session: &Session) -> ReaderReplies {
        let mut protocol = ProtocolState::of(self.dialect);
        let mut replies = ReaderReplies {
            consumed: 0,
            requests: 0,
            output: Vec::new(),
            rest: None,
            long_request: None,
            charge: self.charge,
        };
        let scope = Scope { context, session, access: self.length.access() };
        let is_closed = || session.is_killed() || session.is_evicted();
        if self.length == ReadLength::Long {
            context.clients.wait_for_room(is_closed);
        }
        while replies.rest.is_none() && replies.output.len() < REPLY_BYTES && !is_closed() {
            let accepts = match replies.requests {
                0 => Accepts::Everything,
                _ => Accepts::Reads,
            };
            let input = self.requests.get(replies.consumed..).unwrap_or_default();
            let StepResult::Executed { consumed, execution } =
                protocol.step(input, accepts, &scope)
            else {
                // The worker executes this one, behind those that were executed here.
                break;
            };
            if matches!(execution, Execution::WouldBlock(_)) {
                // The worker finds out by itself about one behind the first.
                replies.long_request = (replies.requests == 0).then_some(consumed);
                break;
            }
            replies.consumed += consumed;
            replies.requests += 1;
            match execution {
                Execution::Done(reply) => reply.encode(session, &mut replies.output),
                other => replies.rest = Some(other),
            }
            replies.charge.set(self.requests.len() + replies.output.capacity());
            context.clients.relieve();
        }
        replies
    }
}
