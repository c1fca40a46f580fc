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
use crate::sync::{Guard, Published};

/// The tree: versions by key.
pub(super) struct Tree<S: Slot> {
    pub(super) root: Published<Node<S>>,
}

impl<S: Slot> Tree<S> {
    /// Returns a tree without keys.
    pub(super) fn new() -> Self {
        Self { root: Published::new(Node::Leaf(LeafBuilder::empty())) }
    }

    /// Calls `look` with the leaf that holds the key if any does.
    pub(super) fn with_leaf<T>(&self, key: &[u8], look: impl FnOnce(&Leaf<S>) -> T) -> T {
        let mut node: Guard<Node<S>> = self.root.load();
        loop {
            let child = match &**node {
                Node::Leaf(leaf) => return look(leaf),
                Node::Inner(inner) => inner.children[inner.separators.child_for(key)].load(),
            };
            node = child;
        }
    }
}
