//! The end of a reply that its caller need not block on.

use std::task::{Context, Poll, Waker};

use super::reply::{Gone, PendingReply, Reply};
use crate::bugs::{Bug, planted};
use crate::sync::{Arc, Mutex, lock};

/// The caller's end of [`Reply::awaited`], on which it may block, look, or be woken up.
pub(crate) struct AwaitedReply<T> {
    pending: PendingReply<T>,
    /// The waker of the task that waits.
    waker: Arc<Mutex<Option<Waker>>>,
}

impl<T: Send> Reply<T> {
    /// Returns a reply and an end that need not be blocked on.
    pub(crate) fn awaited() -> (Self, AwaitedReply<T>) {
        let (reply, pending) = Self::channel();
        let waker = Arc::new(Mutex::new(None::<Waker>));
        let awaited = AwaitedReply { pending, waker: Arc::clone(&waker) };
        let reply = reply.then(move || {
            // It is woken up without the lock, which its task may take at once.
            let waiting = lock(&waker).take();
            waiting.into_iter().for_each(Waker::wake);
        });
        (reply, awaited)
    }
}

impl<T> AwaitedReply<T> {
    /// Blocks until the answer is there.
    pub(crate) fn wait(self) -> Result<T, Gone> {
        self.pending.wait()
    }

    /// Returns the answer if it is there. It is there only once.
    pub(crate) fn try_take(&self) -> Option<Result<T, Gone>> {
        self.pending.try_take()
    }

    /// Returns the answer if it is there; else wakes the task up once it is.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Result<T, Gone>> {
        if let Some(answer) = self.try_take() {
            return Poll::Ready(answer);
        }
        *lock(&self.waker) = Some(context.waker().clone());
        // It may have come before anybody knew whom to wake up.
        let answer = if planted(Bug::RegisterWakerLate) { None } else { self.try_take() };
        answer.map_or(Poll::Pending, Poll::Ready)
    }
}
