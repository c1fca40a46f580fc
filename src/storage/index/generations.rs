//! The generations of one keyspace's index, for the thread that changes them.

use std::collections::VecDeque;
use std::ops::Add;

use super::change::Move;
use super::drain::Drain;
use super::earlier::{EarlierGenerations, GenerationSpan};
use super::obsolete::HeldVersions;
use super::reader::IndexState;
use super::slot::Slot;
use super::visibility::Visibility;
use super::writer::IndexWriter;
use crate::storage::format::sequence::Sequence;
use crate::sync::Arc;

/// The mutator's half of the newest generation, and of the earlier ones that somebody may see.
pub(super) struct IndexGenerations<S: Slot> {
    pub(super) newest: IndexWriter<S>,
    /// The clear that it began with, zero if none did.
    since: Sequence,
    /// Oldest first.
    earlier: Vec<EndedIndex<S>>,
    /// The same for readers.
    shared: Arc<EarlierGenerations<S>>,
    /// Nothing is written to it any more.
    pub(super) is_retired: bool,
}

/// The mutator's half of a generation that a clear ended. Compactions move its records, and what
/// was superseded in it before is forgotten as ever; no key is written to it.
struct EndedIndex<S: Slot> {
    index: IndexWriter<S>,
    span: GenerationSpan,
}

impl<S: Slot> IndexGenerations<S> {
    /// Returns the mutator's half of an empty index.
    pub(super) fn new(visibility: Arc<Visibility>, state: IndexState<S>) -> Self {
        let newest = IndexWriter::with_visibility(visibility, state.newest);
        let (since, earlier) = (Sequence::ZERO, Vec::new());
        Self { newest, since, earlier, shared: state.earlier, is_retired: false }
    }

    /// Removes every key that has a lower version, however many there are, with the next
    /// [`publish`](super::writer::publish_together).
    pub(super) fn clear(&mut self, version: Sequence) {
        if self.newest.is_blank() {
            return;
        }
        let span = GenerationSpan { since: self.since, until: version };
        let shared = &self.shared;
        let index = self.newest.move_out(|generation| shared.add(generation, span));
        let own = index.unpublished_from(version);
        if !own.is_empty() {
            // They are of the batch of the clear, which does not concern them.
            self.newest.insert(own, |_| {});
        }
        self.since = version;
        self.earlier.push(EndedIndex { index, span });
    }

    /// Returns those that have something to publish, the newest one first.
    pub(super) fn unpublished(&mut self) -> impl Iterator<Item = &mut IndexWriter<S>> {
        let ended = self.earlier.iter_mut().map(|ended| &mut ended.index);
        std::iter::once(&mut self.newest).chain(ended).filter(|index| index.is_unpublished())
    }

    /// Replaces what versions say, as [`IndexWriter::repoint`] does, in whatever generation they
    /// are.
    pub(super) fn repoint(&mut self, moves: Vec<Move<S>>, moved: &mut impl FnMut(&Move<S>, bool))
    where
        S: PartialEq,
    {
        let mut rest = moves;
        for EndedIndex { index, span } in &mut self.earlier {
            let is_in = |change: &mut Move<S>| span.contains(change.version);
            let own: Vec<_> = rest.extract_if(.., is_in).collect();
            if !own.is_empty() {
                index.repoint(own, &mut *moved);
            }
        }
        if !rest.is_empty() {
            self.newest.repoint(rest, moved);
        }
    }

    /// Drops the versions that nobody can see any more, as [`IndexWriter::prune`] does. Adds the
    /// generations that nobody sees to `drains`.
    pub(super) fn prune(
        &mut self,
        drains: &mut VecDeque<Drain<S>>,
        forgotten: &mut impl FnMut(S, bool),
    ) {
        self.newest.prune(&mut *forgotten);
        if self.earlier.is_empty() {
            return;
        }
        let horizon = self.newest.horizon();
        let is_over = |span: GenerationSpan| span.is_over(&horizon);
        let over: Vec<_> = self.earlier.extract_if(.., |ended| is_over(ended.span)).collect();
        if !over.is_empty() {
            self.shared.remove(is_over);
        }
        drains.extend(over.into_iter().map(|ended| ended.index.drain(ended.span.until)));
        self.earlier.iter_mut().for_each(|ended| ended.index.prune(&mut *forgotten));
    }

    /// Returns the versions that are kept for snapshots alone, but for those that were the newest
    /// of their keys when a clear came.
    pub(super) fn held(&self) -> HeldVersions {
        let earlier = self.earlier.iter().map(|ended| ended.index.held());
        earlier.fold(self.newest.held(), Add::add)
    }

    /// Returns true if there is nothing to publish or to prune.
    pub(super) fn is_idle(&self) -> bool {
        self.newest.is_idle() && self.earlier.is_empty()
    }
}
