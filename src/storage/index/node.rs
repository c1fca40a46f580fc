//! The nodes of the tree: leaves, and inner nodes that point to their children through cells.

use super::leaf::Leaf;
use super::separators::Separators;
use super::slot::Slot;
use crate::sync::{Arc, Published};

/// The number of children of a full inner node.
pub(super) const CHILDREN_MAX: usize = 64;

/// The counts of an allocation that is shared, as every node is.
const SHARED_BYTES: usize = 2 * size_of::<usize>();

/// A leaf or an inner node.
pub(super) enum Node<S: Slot> {
    /// Keys and their versions.
    Leaf(Leaf<S>),
    /// Children and the keys between them.
    Inner(Inner<S>),
}

impl<S: Slot> Node<S> {
    /// The bytes of memory of a node beside what its leaf or its children take.
    pub(super) const BYTES: usize = size_of::<Self>() + SHARED_BYTES;

    /// Returns the leaf, if it is one.
    pub(super) fn leaf(&self) -> Option<&Leaf<S>> {
        match self {
            Self::Leaf(leaf) => Some(leaf),
            Self::Inner(_) => None,
        }
    }
}

/// An inner node. Its shape never changes, but each child is replaced in its cell.
pub(super) struct Inner<S: Slot> {
    /// One separator between each two children.
    pub(super) separators: Separators,
    pub(super) children: Box<[Published<Node<S>>]>,
}

/// A node, and the separator that its keys begin at.
pub(super) struct Subtree<S: Slot> {
    /// Unused in the first subtree of a parent.
    pub(super) separator: Vec<u8>,
    pub(super) node: Arc<Node<S>>,
}

impl<S: Slot> Inner<S> {
    /// Returns the node above all of these, one of these if it is alone.
    pub(super) fn above(mut subtrees: Vec<Subtree<S>>) -> Option<Arc<Node<S>>> {
        while subtrees.len() > 1 {
            subtrees = Self::split(subtrees);
        }
        subtrees.pop().map(|subtree| subtree.node)
    }

    /// Makes as few inner nodes as hold these children, filled evenly.
    pub(super) fn split(children: Vec<Subtree<S>>) -> Vec<Subtree<S>> {
        let count = children.len().div_ceil(CHILDREN_MAX);
        let size = children.len().div_ceil(count.max(1));
        let mut children = children.into_iter();
        let mut nodes = Vec::with_capacity(count);
        for _ in 0..count {
            let mut separators = Vec::with_capacity(size);
            let cells = children.by_ref().take(size).map(|child| {
                separators.push(child.separator);
                Published::of(child.node)
            });
            let children = cells.collect();
            let inner = Inner { separators: Separators::new(&separators[1..]), children };
            let separator = separators.swap_remove(0);
            nodes.push(Subtree { separator, node: Arc::new(Node::Inner(inner)) });
        }
        nodes
    }

    /// Returns the children with some replaced. `replaced` ascends by position.
    pub(super) fn with_replaced(&self, replaced: Vec<(usize, Vec<Subtree<S>>)>) -> Vec<Subtree<S>> {
        let mut replaced = replaced.into_iter().peekable();
        let mut children = Vec::with_capacity(self.children.len() + 1);
        for (position, child) in self.children.iter().enumerate() {
            let before = position.checked_sub(1);
            let separator =
                before.and_then(|before| self.separators.get(before)).unwrap_or_default();
            if let Some((_, by)) = replaced.next_if(|(changed, _)| *changed == position) {
                let first = children.len();
                children.extend(by);
                if let Some(first) = children.get_mut(first) {
                    first.separator = separator;
                }
            } else {
                children.push(Subtree { separator, node: child.load_full() });
            }
        }
        children
    }
}
