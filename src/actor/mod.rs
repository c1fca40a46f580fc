//! The parts of an actor ([Hewitt et al. 1973][hewitt]): a mailbox with its addresses, replies, and
//! the thread that runs it.
//!
//! An actor is a plain struct with [`Actor::handle`]; [`spawn`] runs it on a thread in a loop of a
//! few lines, so a test can drive the same struct without a thread. Every mailbox is bounded. A
//! mailbox closes when its last [`Address`] is dropped; a [`ReturnAddress`] does not keep it open,
//! so that two actors may write to each other without keeping each other alive.
//!
//! An actor that panics drops its mailbox and with it every queued message; a dropped [`Reply`]
//! answers its caller with [`Gone`](reply::Gone), so nobody waits for an actor that is not there.
//!
//! [hewitt]: https://dl.acm.org/doi/10.5555/1624775.1624804

mod awaited_reply;
mod mailbox;
mod reply;
mod seat;
mod spawn;

pub(crate) use awaited_reply::AwaitedReply;
pub(crate) use mailbox::{Address, Mailbox, Received, ReturnAddress, mailbox};
#[cfg(test)]
pub(crate) use reply::PendingReply;
pub(crate) use reply::{Gone, Reply};
pub(crate) use seat::{Seat, Turn, spawn_seated};
pub(crate) use spawn::{Actor, ActorThread, Wait, spawn};
