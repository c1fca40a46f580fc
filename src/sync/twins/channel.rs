//! The part of `crossbeam-channel` that is used, over a mutex and two condition variables.
//!
//! It is the specification that the real one is assumed to keep: a bounded queue, first in, first
//! out, whose operations take effect at once. It hangs up for the receiver when every sender is
//! gone and the queue is empty, and for the senders when every receiver is gone; what is queued
//! then stays until the last sender goes.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::primitives::{Arc, Condvar, Mutex, MutexGuard, PoisonError, lock};
use super::time;

/// Returns a channel for up to `capacity` messages, at least one.
pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel without a place for a message is another kind");
    let state = State { queue: VecDeque::new(), senders: 1, receivers: 1 };
    let channel = Arc::new(Channel {
        state: Mutex::new(state),
        capacity,
        filled: Condvar::new(),
        emptied: Condvar::new(),
    });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

/// Returns a channel for any number of messages.
pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

struct Channel<T> {
    state: Mutex<State<T>>,
    capacity: usize,
    /// There is a message, or no sender is left.
    filled: Condvar,
    /// There is room, or no receiver is left.
    emptied: Condvar,
}

struct State<T> {
    queue: VecDeque<T>,
    senders: usize,
    receivers: usize,
}

/// The error that every receiver is gone, and the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SendError<T>(pub(crate) T);

/// The reason that a message could not be sent at once, and the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TrySendError<T> {
    Full(T),
    Disconnected(T),
}

impl<T> TrySendError<T> {
    pub(crate) fn into_inner(self) -> T {
        match self {
            Self::Full(message) | Self::Disconnected(message) => message,
        }
    }
}

/// The error that every sender is gone and every message was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecvError;

/// The reason that there is no message at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TryRecvError {
    Empty,
    Disconnected,
}

/// The reason that there was no message within the time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RecvTimeoutError {
    Timeout,
    Disconnected,
}

pub(crate) struct Sender<T>(Arc<Channel<T>>);

impl<T> Sender<T> {
    pub(crate) fn send(&self, message: T) -> Result<(), SendError<T>> {
        let Channel { state, capacity, filled, emptied } = &*self.0;
        let mut state = lock(state);
        while state.receivers > 0 && state.queue.len() == *capacity {
            state = wait(emptied, state);
        }
        if state.receivers == 0 {
            return Err(SendError(message));
        }
        state.queue.push_back(message);
        drop(state);
        filled.notify_one();
        Ok(())
    }

    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let Channel { state, capacity, filled, .. } = &*self.0;
        let mut state = lock(state);
        if state.receivers == 0 {
            return Err(TrySendError::Disconnected(message));
        }
        if state.queue.len() == *capacity {
            return Err(TrySendError::Full(message));
        }
        state.queue.push_back(message);
        drop(state);
        filled.notify_one();
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        lock(&self.0.state).senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = lock(&self.0.state);
            state.senders -= 1;
            state.senders
        };
        if left == 0 {
            self.0.filled.notify_all();
        }
    }
}

pub(crate) struct Receiver<T>(Arc<Channel<T>>);

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        let mut state = lock(&self.0.state);
        while state.queue.is_empty() && state.senders > 0 {
            state = wait(&self.0.filled, state);
        }
        self.take(state).ok_or(RecvError)
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let state = lock(&self.0.state);
        let left = state.senders;
        self.take(state).ok_or(match left {
            0 => TryRecvError::Disconnected,
            _ => TryRecvError::Empty,
        })
    }

    /// Time passes only where the model said so, and then at once: a thread that finds nothing
    /// later is one that was scheduled later.
    pub(crate) fn recv_timeout(&self, time: Duration) -> Result<T, RecvTimeoutError> {
        match self.try_recv() {
            Ok(message) => Ok(message),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) if time::passes(time) => Err(RecvTimeoutError::Timeout),
            Err(TryRecvError::Empty) => self.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.0.state).queue.len()
    }

    fn take(&self, mut state: MutexGuard<'_, State<T>>) -> Option<T> {
        let was_full = state.queue.len() == self.0.capacity;
        let message = state.queue.pop_front();
        drop(state);
        if was_full {
            self.0.emptied.notify_one();
        }
        message
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        lock(&self.0.state).receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = lock(&self.0.state);
            state.receivers -= 1;
            state.receivers
        };
        if left == 0 {
            self.0.emptied.notify_all();
        }
    }
}

/// Blocks until there is a message, which stays where it is, or until every sender is gone.
pub(crate) fn await_message<T>(receiver: &Receiver<T>) {
    let Channel { state, filled, .. } = &*receiver.0;
    let mut state = lock(state);
    while state.queue.is_empty() && state.senders > 0 {
        state = wait(filled, state);
    }
}

/// Does the same, but no longer than this; returns false if the time passed first.
pub(crate) fn await_message_for<T>(receiver: &Receiver<T>, time: Duration) -> bool {
    let is_ready = {
        let state = lock(&receiver.0.state);
        !state.queue.is_empty() || state.senders == 0
    };
    if !is_ready && time::passes(time) {
        return false;
    }
    await_message(receiver);
    true
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
