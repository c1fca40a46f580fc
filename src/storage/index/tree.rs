//! A B+tree that one thread changes while others look things up without a lock.
//!
//! A parent points to each child through a cell. A change that does not fit into a leaf makes a new
//! leaf and stores it in the cell ([`Rewrite`](super::rewrite::Rewrite)); a leaf that splits or
//! becomes empty makes its parent anew, and so on upwards. A reader that goes down from cell to
//! cell may end in a node that was replaced meanwhile. That node still says what was true when it
//! was replaced, which was after the reader began, so the reader needs no second look.

use std::ops::Bound;

use super::leaf::Leaf;
use super::leaf_builder::LeafBuilder;
use super::node::Node;
use super::slot::Slot;
use crate::storage::format::sequence::Sequence;
use crate::storage::key_range::KeyRange;
use crate::sync::{Arc, Guard, Published};

/// The tree: versions by key.
pub(super) struct Tree<S: Slot> {
    pub(super) root: Published<Node<S>>,
}

/// A target of a walk down the tree.
enum Seek<'a> {
    /// The leaf that holds this key if any does.
    At(&'a [u8]),
    /// The leaf that holds the last key below this one.
    Below(&'a [u8]),
    /// The last leaf.
    Last,
}

/// The range of keys that may be in a leaf: from the lower separator up to but without the upper
/// one.
#[derive(Default)]
struct LeafBounds {
    lower: Option<Vec<u8>>,
    upper: Option<Vec<u8>>,
}

/// A leaf, and the position of a key in it. Good until the tree is rewritten.
pub(super) struct LeafCursor<S: Slot> {
    /// A leaf.
    node: Arc<Node<S>>,
    /// `None` if the leaf does not hold the key.
    position: Option<usize>,
}

impl<S: Slot> LeafCursor<S> {
    fn leaf(&self) -> Option<&Leaf<S>> {
        match &*self.node {
            Node::Leaf(leaf) => Some(leaf),
            Node::Inner(_) => None,
        }
    }

    /// Returns the newest version of the key.
    pub(super) fn newest(&self) -> Option<(Sequence, S)> {
        self.leaf()?.newest(self.position?)
    }

    /// Returns true if this version of the key is kept beside the newest one.
    pub(super) fn keeps(&self, version: Sequence) -> bool {
        let older = self.leaf().zip(self.position).map(|(leaf, position)| leaf.older(position));
        older.is_some_and(|older| older.iter().any(|older| older.version == version))
    }

    /// Sets the newest version of the key in place, or adds the key. Returns false if the leaf has
    /// no space for it.
    ///
    /// The undo log must have the version that this replaces.
    pub(super) fn put(&self, key: &[u8], version: Sequence, slot: &S) -> bool {
        self.leaf().is_some_and(|leaf| leaf.put(self.position, key, version, slot))
    }
}

impl<S: Slot> Tree<S> {
    /// Returns a tree without keys.
    pub(super) fn new() -> Self {
        Self { root: Published::new(Node::Leaf(LeafBuilder::empty())) }
    }

    /// Calls `look` with the leaf that holds the key if any does.
    pub(super) fn with_leaf<T>(&self, key: &[u8], look: impl FnOnce(&Leaf<S>) -> T) -> T {
        self.with_leaf_node(key, |_, leaf| look(leaf))
    }

    fn with_leaf_node<T>(&self, key: &[u8], look: impl FnOnce(&Arc<Node<S>>, &Leaf<S>) -> T) -> T {
        let mut node: Guard<Node<S>> = self.root.load();
        loop {
            let child = match &**node {
                Node::Leaf(leaf) => return look(&node, leaf),
                Node::Inner(inner) => inner.children[inner.separators.child_for(key)].load(),
            };
            node = child;
        }
    }

    /// Returns the place of the key, for the thread that changes the tree.
    pub(super) fn locate(&self, key: &[u8]) -> LeafCursor<S> {
        self.with_leaf_node(key, |node, leaf| {
            let position = leaf.find(key);
            LeafCursor { node: Arc::clone(node), position }
        })
    }

    /// Visits the keys of the range in order, each by its leaf and position, until `visit` returns
    /// false.
    pub(super) fn walk(&self, range: &KeyRange, mut visit: impl FnMut(&Leaf<S>, usize) -> bool) {
        if range.is_empty() {
            return;
        }
        let mut from = match if range.reverse { &range.end } else { &range.start } {
            Bound::Included(key) | Bound::Excluded(key) => Some(key.clone()),
            Bound::Unbounded => (!range.reverse).then(Vec::new),
        };
        let mut is_first = true;
        loop {
            let seek = match &from {
                // The next leaf in reverse is below the lower separator of the last one.
                Some(key) if range.reverse && !is_first => Seek::Below(key),
                Some(key) => Seek::At(key),
                None => Seek::Last,
            };
            let rest = self.seek(&seek, |leaf, LeafBounds { lower, upper }| {
                let is_done = !visit_leaf(leaf, range, &mut visit);
                if range.reverse { lower } else { upper }.filter(|_| !is_done)
            });
            let Some(separator) = rest.filter(|separator| range.reaches(separator)) else { return };
            from = Some(separator);
            is_first = false;
        }
    }

    /// Calls `look` with the leaf at the target and with its bounds.
    fn seek<T>(&self, seek: &Seek<'_>, look: impl FnOnce(&Leaf<S>, LeafBounds) -> T) -> T {
        let mut node = self.root.load();
        let mut bounds = LeafBounds::default();
        loop {
            let child = match &**node {
                Node::Leaf(leaf) => return look(leaf, bounds),
                Node::Inner(inner) => {
                    let position = match seek {
                        Seek::At(key) => inner.separators.child_for(key),
                        Seek::Below(key) => inner.separators.child_before(key),
                        Seek::Last => inner.children.len() - 1,
                    };
                    bounds.upper = inner.separators.get(position).or(bounds.upper);
                    let before = position.checked_sub(1);
                    let lower = before.and_then(|before| inner.separators.get(before));
                    bounds.lower = lower.or(bounds.lower);
                    inner.children[position].load()
                }
            };
            node = child;
        }
    }
}

/// Visits the keys of a leaf that are in the range. Returns false as soon as `visit` does.
fn visit_leaf<S: Slot>(
    leaf: &Leaf<S>,
    range: &KeyRange,
    visit: &mut impl FnMut(&Leaf<S>, usize) -> bool,
) -> bool {
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
    let mut inside = sorted.positions().skip(start).take(end.saturating_sub(start));
    let mut visit = |position| visit(leaf, position);
    if range.reverse { inside.rev().all(visit) } else { inside.all(&mut visit) }
}
