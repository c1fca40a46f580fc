//! A B+tree that one thread changes while others look things up without a lock.
//!
//! A parent points to each child through a cell. A change that does not fit into a leaf makes a new
//! leaf and stores it in the cell ([`Rewrite`](super::rewrite::Rewrite)); a leaf that splits or
//! becomes empty makes its parent anew, and so on upwards. A reader that goes down from cell to
//! cell may end in a node that was replaced meanwhile. That node still says what was true when it
//! was replaced, which was after the reader began, so the reader needs no second look.

use super::leaf::Leaf;
use super::leaf_builder::LeafBuilder;
use super::node::Node;
use super::slot::Slot;
use crate::storage::format::sequence::Sequence;
use crate::sync::{Arc, Guard, Published};

/// The tree: versions by key.
pub(super) struct Tree<S: Slot> {
    pub(super) root: Published<Node<S>>,
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
}
