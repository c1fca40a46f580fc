//! The earlier generations of an index, for readers that do not see the clears which ended them.

use super::generation::Generation;
use super::slot::Slot;
use super::snapshot::Horizon;
use crate::bugs::{Bug, planted};
use crate::storage::format::sequence::Sequence;
use crate::sync::{Arc, AtomicU64, Guard, Ordering, Published};

/// The points in time at which a generation is the index: from the clear that it began with up to
/// the one that ended it, which does not see it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GenerationSpan {
    pub(super) since: Sequence,
    pub(super) until: Sequence,
}

impl GenerationSpan {
    /// Returns true if it was the index at this sequence number.
    pub(super) fn contains(self, sequence: Sequence) -> bool {
        (self.since..self.until).contains(&sequence)
    }

    /// Returns true if nobody sees it any more.
    pub(super) fn is_over(self, horizon: &Horizon) -> bool {
        horizon.hides(self.since, self.until)
            || planted(Bug::DrainSeen) && self.until <= horizon.visible
    }
}

/// A generation that a clear ended, and that somebody may see.
pub(super) struct EarlierGeneration<S: Slot> {
    pub(super) generation: Arc<Generation<S>>,
    pub(super) span: GenerationSpan,
}

/// The earlier generations of one index.
///
/// A clear adds one before it empties the newest. So who finds the newest generation empty finds
/// its keys here, or has learned that the clear is visible.
pub(super) struct EarlierGenerations<S: Slot> {
    /// The newest clear that ended a generation, zero if none did; visible or not.
    cleared: AtomicU64,
    /// Newest first.
    generations: Published<Vec<Arc<EarlierGeneration<S>>>>,
}

/// The generation of a point in time.
pub(super) enum GenerationAt<S: Slot> {
    /// The newest one.
    Newest,
    /// An earlier one.
    Earlier(Arc<EarlierGeneration<S>>),
    /// None that is left: it is no snapshot's, and a clear is visible by now.
    Gone,
}

impl<S: Slot> Default for EarlierGenerations<S> {
    fn default() -> Self {
        Self { cleared: AtomicU64::new(0), generations: Published::new(Vec::new()) }
    }
}

impl<S: Slot> EarlierGenerations<S> {
    /// Returns the newest clear that ended a generation.
    ///
    /// Acquire: who sees it finds the generation.
    pub(super) fn cleared(&self) -> Sequence {
        Sequence(self.cleared.load(Ordering::Acquire))
    }

    /// Returns the generation of a sequence number. A root of the newest one that was loaded before
    /// is the right one then.
    pub(super) fn at(&self, sequence: Sequence) -> GenerationAt<S> {
        if self.cleared() <= sequence || planted(Bug::ForgetEarlier) {
            return GenerationAt::Newest;
        }
        let generations = self.generations.load();
        let found = generations.iter().find(|earlier| earlier.span.contains(sequence));
        found.map_or(GenerationAt::Gone, |found| GenerationAt::Earlier(Arc::clone(found)))
    }

    /// Returns all of them, newest first.
    pub(super) fn all(&self) -> Guard<Vec<Arc<EarlierGeneration<S>>>> {
        self.generations.load()
    }

    /// Adds the generation that a clear ends, before the newest one is emptied.
    pub(super) fn add(&self, generation: Arc<Generation<S>>, span: GenerationSpan) {
        let mut generations = vec![Arc::new(EarlierGeneration { generation, span })];
        generations.extend(self.generations.load().iter().map(Arc::clone));
        self.generations.store(Arc::new(generations));
        self.cleared.store(span.until.0, Ordering::Release);
    }

    /// Removes those that nobody sees.
    pub(super) fn remove(&self, is_over: impl Fn(GenerationSpan) -> bool) {
        let generations = self.generations.load();
        let left = generations.iter().filter(|earlier| !is_over(earlier.span)).map(Arc::clone);
        self.generations.store(Arc::new(left.collect()));
    }
}
