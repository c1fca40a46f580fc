//! A read that may wait for the disk, with the reads behind it, done on a reader.

use crate::engine::Access;
use crate::protocol::Dialect;
use crate::server::connection::protocol_state::{Accepts, Language, Scope, Step};
use crate::server::execute::context::Context;
use crate::server::execute::execution::Execution;
use crate::server::execute::reply::Reply;
use crate::server::execute::session::Session;

/// How many bytes of requests behind a cold one go to the reader with it.
const AHEAD_BYTES: usize = 16 << 10;

/// How many bytes of replies end a task; the worker asks again for what is left.
const REPLY_BYTES: usize = 1 << 20;

/// Requests of one connection, the first of which is complete and was found cold.
pub(crate) struct ColdRead {
    dialect: Dialect,
    requests: Vec<u8>,
}

/// What a reader made of a [`ColdRead`].
#[derive(Default)]
pub(crate) struct ColdReplies {
    /// Bytes of requests that are done with.
    pub(crate) consumed: usize,
    /// How many requests they were.
    pub(crate) requests: u64,
    /// The encoded replies to them.
    pub(crate) output: Vec<u8>,
    /// What the last of them asks for where that is not a reply; it is among the consumed.
    pub(crate) rest: Option<Execution<Reply>>,
}

impl ColdRead {
    /// Copies the first request, `length` bytes long, and some of what stands behind it.
    pub(crate) fn new(dialect: Dialect, input: &[u8], length: usize) -> Self {
        let end = length.max(AHEAD_BYTES).min(input.len());
        Self { dialect, requests: input.get(..end).unwrap_or_default().to_vec() }
    }

    /// Executes the first request and the reads behind it, waiting for the disk where need be.
    pub(crate) fn execute(&self, context: &Context, session: &Session) -> ColdReplies {
        let mut language = Language::of(self.dialect);
        let mut replies = ColdReplies::default();
        while replies.rest.is_none() && replies.output.len() < REPLY_BYTES {
            let scope = Scope {
                context,
                session,
                access: Access::Blocking,
                accepts: match replies.requests {
                    0 => Accepts::Everything,
                    _ => Accepts::Reads,
                },
            };
            let input = self.requests.get(replies.consumed..).unwrap_or_default();
            let Step::Executed { consumed, execution } = language.step(input, &scope) else {
                // The worker meets it again, behind what was done here.
                break;
            };
            replies.consumed += consumed;
            replies.requests += 1;
            match execution {
                Execution::Done(reply) => reply.encode(session, &mut replies.output),
                other => replies.rest = Some(other),
            }
        }
        replies
    }
}
