//! One connection without its socket: bytes in, replies out in the order of the requests.
//!
//! ```text
//! bytes ─► input ─► protocol state: parse, execute ─┬─ reply ──────────► output ─► bytes
//!          (buffer)                                 ├─ batch ─► writer ─► reply queue ─┘
//!                                                   └─ would block ─► reader ──────────┘
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`server_connection`] | the connection: what may be executed now, and what it waits for |
//! | [`intake`] | batches, figures and questions that a turn of the worker collects from it |
//! | [`waiting_for`] | the answer that it waits for before its next request |
//! | [`owed`] | the next thing that its client owes the server |
//! | [`protocol_state`] | the protocol that the client speaks, and one step of it |
//! | [`reply_queue`] | replies behind an unanswered write |
//! | [`blocking_read`] | requests that a reader executes, because the first would wait for the disk |
//! | [`buffer`] | a queue of bytes |
//! | [`stranger`] | a client without a password, for tests and fuzzing |
//!
//! Invariants:
//! - Replies leave in the order of the requests.
//! - A request is executed only when it sees the effects of all earlier ones
//!   ([`protocol_state::Accepts`]).
//! - The memory of a connection is bounded: requests wait while its replies are not taken.

pub(crate) mod blocking_read;
pub(crate) mod buffer;
pub(crate) mod intake;
pub(crate) mod owed;
pub(crate) mod protocol_state;
pub(crate) mod reply_queue;
pub(crate) mod server_connection;
#[cfg(any(test, fuzzing))]
pub(crate) mod stranger;
mod waiting_for;
