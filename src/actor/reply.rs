//! A reply: the right to one answer, and the caller's end of it.

use std::time::Duration;

use crate::bugs::if_planted;
use crate::sync::{Receiver, bounded, try_briefly};

/// The error that the actor that owed the answer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// An answer owed to a caller. Dropping it unanswered tells the caller that the actor is [`Gone`].
pub(crate) struct Reply<T: 'static> {
    deliver: Option<Deliver<T>>,
}

type Deliver<T> = Box<dyn FnOnce(Result<T, Gone>) + Send>;

/// The caller's end of [`Reply::channel`].
pub(crate) struct PendingReply<T>(Receiver<Result<T, Gone>>);

impl<T> PendingReply<T> {
    /// Blocks until the answer is there. Spins for some microseconds first.
    pub(crate) fn wait(self) -> Result<T, Gone> {
        let answer = try_briefly(|| self.0.try_recv().ok());
        answer.unwrap_or_else(|| self.0.recv().unwrap_or(Err(Gone)))
    }

    /// Blocks until the answer is there, but no longer than this; `None` if it is not there by
    /// then. It is there only once.
    pub(crate) fn wait_briefly(&self, time: Duration) -> Option<Result<T, Gone>> {
        self.0.recv_timeout(time).ok()
    }

    /// Blocks until the answer is there, but no longer than this.
    pub(crate) fn wait_for(self, time: Duration) -> Result<T, Gone> {
        self.0.recv_timeout(time).unwrap_or(Err(Gone))
    }

    /// Returns the answer if it is there. It is there only once.
    pub(super) fn try_take(&self) -> Option<Result<T, Gone>> {
        self.0.try_recv().ok()
    }
}

impl<T: Send> Reply<T> {
    /// Returns a reply that hands its answer to `deliver`. That runs on the thread of the answering
    /// actor and must not block.
    pub(crate) fn new(deliver: impl FnOnce(Result<T, Gone>) + Send + 'static) -> Self {
        Self { deliver: Some(Box::new(deliver)) }
    }

    /// Returns a reply and the end on which its caller blocks.
    pub(crate) fn channel() -> (Self, PendingReply<T>) {
        let (sender, receiver) = bounded(1);
        let reply = Self::new(move |answer| {
            // The channel has space for it. If the caller is gone, nobody needs the answer.
            let _ = sender.try_send(answer);
        });
        (reply, PendingReply(receiver))
    }

    /// Returns the same reply, which calls `then` once it handed its answer over.
    pub(super) fn then(mut self, then: impl FnOnce() + Send + 'static) -> Self {
        let deliver = self.deliver.take();
        Self::new(move |answer| {
            if let Some(deliver) = deliver {
                deliver(answer);
            }
            then();
        })
    }

    /// Sends the answer.
    pub(crate) fn send(mut self, answer: T) {
        if let Some(deliver) = self.deliver.take() {
            deliver(Ok(answer));
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if_planted!(ForgetReply => std::mem::forget(self.deliver.take()));
        if let Some(deliver) = self.deliver.take() {
            deliver(Err(Gone));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_gets_the_answer() {
        let (reply, answer) = Reply::channel();
        reply.send(7);
        assert_eq!(answer.wait(), Ok(7));
    }

    #[test]
    fn a_dropped_reply_says_that_the_actor_is_gone() {
        let (reply, answer) = Reply::<u8>::channel();
        drop(reply);
        assert_eq!(answer.wait(), Err(Gone));
    }
}
