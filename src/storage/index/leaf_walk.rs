//! A walk along the leaves of a tree, from either end of a range of keys.
//!
//! It remembers no node, only the separator that it came to, and goes down from the root for each
//! leaf. So it holds nothing between two leaves, and a change of the tree does not disturb it, nor
//! a clear that moves the keys to another root.

use std::ops::{Bound, Range};

use super::leaf::{Leaf, SortedPositions};
use super::node::Node;
use super::separators::Separators;
use super::slot::Slot;
use crate::storage::key_range::KeyRange;
use crate::sync::Guard;

/// A walk along the leaves that may hold keys of a range.
pub(super) struct LeafWalk<'a> {
    range: &'a KeyRange,
    /// `None` at the end.
    next: Option<Target>,
}

/// The next leaf of a walk.
enum Target {
    /// The leaf that holds this key if any does.
    At(Vec<u8>),
    /// The leaf that holds the last key below this one.
    Below(Vec<u8>),
    /// The last leaf.
    Last,
}

/// The keys of a leaf that a walk visits, in its order.
pub(super) struct LeafPositions {
    sorted: SortedPositions,
    ranks: Range<usize>,
    reverse: bool,
}

impl LeafPositions {
    fn new<S: Slot>(leaf: &Leaf<S>, range: &KeyRange) -> Self {
        let sorted = leaf.in_order();
        let start = match &range.start {
            Bound::Included(key) => leaf.lower_bound(&sorted, key),
            Bound::Excluded(key) => leaf.upper_bound(&sorted, key),
            Bound::Unbounded => 0,
        };
        let end = match &range.end {
            Bound::Included(key) => leaf.upper_bound(&sorted, key),
            Bound::Excluded(key) => leaf.lower_bound(&sorted, key),
            Bound::Unbounded => sorted.count(),
        };
        Self { sorted, ranks: start..end.max(start), reverse: range.reverse }
    }

    /// Returns the positions in the order of the walk.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let Range { start, end } = self.ranks;
        let rank = move |number| if self.reverse { end - 1 - number } else { start + number };
        (0..end - start).map(move |number| self.sorted.get(rank(number)))
    }
}

impl<'a> LeafWalk<'a> {
    /// Returns a walk of all leaves that may hold keys of the range.
    pub(super) fn new(range: &'a KeyRange) -> Self {
        let next = match if range.reverse { &range.end } else { &range.start } {
            Bound::Included(key) | Bound::Excluded(key) => Target::At(key.clone()),
            Bound::Unbounded if range.reverse => Target::Last,
            Bound::Unbounded => Target::At(Vec::new()),
        };
        Self { range, next: Some(next).filter(|_| !range.is_empty()) }
    }

    /// Calls `look` with the next leaf of the tree whose root `root` returns, and the positions of
    /// those of its keys that are in the range. Returns `None` at the end.
    pub(super) fn next<S: Slot, T>(
        &mut self,
        root: impl FnOnce() -> Guard<Node<S>>,
        look: impl FnOnce(&Leaf<S>, &LeafPositions) -> T,
    ) -> Option<T> {
        let (next, reverse) = (self.next.take()?, self.range.reverse);
        let mut node = root();
        let mut separator = None;
        loop {
            let child = match &**node {
                Node::Leaf(leaf) => {
                    let result = look(leaf, &LeafPositions::new(leaf, self.range));
                    let separator = separator.filter(|key: &Vec<u8>| self.range.reaches(key));
                    self.next = separator.map(if reverse { Target::Below } else { Target::At });
                    return Some(result);
                }
                Node::Inner(inner) => {
                    let position = next.child(&inner.separators, inner.children.len());
                    // The separator between this child and the next one in the order of the walk.
                    let beside = if reverse { position.checked_sub(1) } else { Some(position) };
                    let beside = beside.and_then(|beside| inner.separators.get(beside));
                    separator = beside.or(separator);
                    inner.children[position].load()
                }
            };
            node = child;
        }
    }
}

impl Target {
    /// Returns the child of an inner node that leads to it.
    fn child(&self, separators: &Separators, children: usize) -> usize {
        match self {
            Self::At(key) => separators.child_for(key),
            Self::Below(key) => separators.child_before(key),
            Self::Last => children - 1,
        }
    }
}
