//! The place of a watch in the ring of changes. It blocks no thread: who has one asks, or is woken.

use std::collections::VecDeque;

use super::change::ChangeBatch;
use super::change_ring::{ChangeRing, Taken};
use super::wake_list::Wake;
use crate::engine::{KeyspaceId, Sequence};
use crate::sync::Arc;

/// A place in the ring: everything before it was told.
///
/// It holds up to 64 batches or 64 KiB of the ring, or one larger batch, also while these leave it.
pub(crate) struct ChangeCursor {
    ring: Arc<ChangeRing>,
    number: u64,
    /// The version up to which everything was told.
    told: Sequence,
    /// The version that comes next.
    next: Sequence,
    /// The batches that were taken and not told yet.
    taken: VecDeque<Arc<ChangeBatch>>,
}

/// The answer to a cursor that asks for the next change.
pub(crate) enum Polled {
    /// A committed batch.
    Batch(Arc<ChangeBatch>),
    /// The versions from the first to the last have left the ring.
    Missed(Sequence, Sequence),
    /// Nothing so far.
    Nothing,
    /// Nothing any more: the writer is gone.
    Closed,
}

impl ChangeCursor {
    /// Returns a cursor behind the newest change.
    pub(crate) fn new(ring: Arc<ChangeRing>) -> Self {
        let (number, next) = ring.enter();
        Self { ring, number, told: next.previous(), next, taken: VecDeque::new() }
    }

    /// Returns another cursor in the same ring, behind the newest change.
    pub(crate) fn another(&self) -> Self {
        Self::new(Arc::clone(&self.ring))
    }

    /// Moves it behind this version; one that is not in the ring yet counts as the newest.
    pub(crate) fn move_behind(&mut self, version: u64) {
        self.next = Sequence(version).min(Sequence::MAX).next().min(self.ring.next());
        self.told = self.next.previous();
        self.taken.clear();
    }

    /// Returns the version up to which everything was told.
    pub(crate) fn told(&self) -> Sequence {
        self.told
    }

    /// Returns the version behind the newest one.
    pub(crate) fn end(&self) -> Sequence {
        self.ring.end()
    }

    /// Returns true if there is something that it was not told.
    pub(crate) fn has_news(&self) -> bool {
        !self.taken.is_empty() || self.ring.has_news(self.next)
    }

    /// Returns the bytes of the batches that it holds, about.
    pub(crate) fn memory(&self) -> usize {
        self.taken.iter().map(|batch| batch.memory()).sum()
    }

    /// Returns what comes next.
    pub(crate) fn poll(&mut self) -> Polled {
        if self.taken.is_empty() && self.ring.has_news(self.next) {
            match self.ring.take(self.next, &mut self.taken) {
                Taken::MissedUntil(next) => {
                    let first = std::mem::replace(&mut self.next, next);
                    self.told = next.previous();
                    return Polled::Missed(first, self.told);
                }
                Taken::Closed => return Polled::Closed,
                Taken::Batches | Taken::Nothing => {}
            }
        }
        let Some(batch) = self.taken.pop_front() else { return Polled::Nothing };
        self.told = batch.version();
        self.next = self.next.max(self.told.next());
        Polled::Batch(batch)
    }

    /// Has `wake` called, once, as soon as there is something new; returns false if there is.
    pub(crate) fn register(&self, wake: &Arc<dyn Wake>) -> bool {
        self.ring.register(self.number, self.next, wake)
    }

    /// Returns true if `wake` will not be called any more for the last [`register`](Self::register),
    /// false if it was or is about to be.
    pub(crate) fn cancel(&self) -> bool {
        self.ring.cancel(self.number)
    }

    /// Returns true if a keyspace was dropped by one of the versions from the first to the last.
    pub(crate) fn is_dropped(&self, keyspace: KeyspaceId, first: Sequence, last: Sequence) -> bool {
        self.ring.dropped(keyspace).is_some_and(|version| first <= version && version <= last)
    }
}

impl Drop for ChangeCursor {
    fn drop(&mut self) {
        self.ring.leave(self.number);
    }
}
