//! The memory of an index, and the versions in it, counted in a walk through its leaves.

use super::earlier::EarlierGeneration;
use super::generation::Generation;
use super::leaf::{LEAF_KEYS_MAX, Leaf, LeafEntry};
use super::leaf_keys::tail_bytes;
use super::node::{Inner, Node};
use super::reader::IndexReader;
use super::slot::Slot;
use crate::sync::{Arc, Published};

/// The figures of one index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IndexUsage {
    /// The bytes of its nodes.
    pub(crate) bytes: u64,
    /// The keys in them, those that are removed and still seen included.
    pub(crate) keys: u64,
    /// The keys of generations that a clear ended and that somebody may see.
    pub(crate) keys_held: u64,
    /// The bytes of what the slots of these keys stand for.
    pub(crate) bytes_held: u64,
}

/// Returns the bytes of an index of so many keys of this length, with full leaves.
pub(crate) fn packed_bytes<S: Slot>(keys: u64, key_bytes: u64) -> u64 {
    let node = Node::<S>::BYTES + size_of::<Published<Node<S>>>();
    let tail = tail_bytes(key_bytes);
    let leaves = keys.div_ceil(LEAF_KEYS_MAX as u64).max(1);
    let entry = tail.saturating_add(size_of::<LeafEntry<S>>() as u64);
    keys.saturating_mul(entry).saturating_add(leaves.saturating_mul(node as u64))
}

impl<S: Slot> IndexReader<S> {
    /// Counts what is in the index, and calls `visit` with the newest slot of each key. It takes no
    /// lock and blocks no writer; keys that are moved meanwhile may be counted twice or not.
    pub(crate) fn usage(&self, visit: &mut impl FnMut(&S)) -> IndexUsage {
        let mut usage = IndexUsage::default();
        usage.add(&self.state.newest, visit);
        for earlier in self.state.earlier.all().iter() {
            let EarlierGeneration { generation, span } = &**earlier;
            let mut held = IndexUsage::default();
            let mut bytes = 0;
            held.add(generation, &mut |slot: &S| {
                if !slot.is_tombstone() {
                    bytes += slot.bytes();
                }
            });
            usage.bytes += held.bytes;
            // One whose clear is not visible yet is what readers see.
            if span.until <= self.visible() {
                usage.keys_held += held.keys;
                usage.bytes_held += bytes;
            }
        }
        usage
    }
}

impl IndexUsage {
    fn add<S: Slot>(&mut self, generation: &Arc<Generation<S>>, visit: &mut impl FnMut(&S)) {
        self.add_node(&generation.tree.root.load(), visit);
    }

    /// Adds a node and those below it. A path of the tree is short, so few guards are held at once.
    fn add_node<S: Slot>(&mut self, node: &Node<S>, visit: &mut impl FnMut(&S)) {
        match node {
            Node::Leaf(leaf) => self.add_leaf(leaf, visit),
            Node::Inner(Inner { separators, children }) => {
                let cells = children.len() * size_of::<Published<Node<S>>>();
                self.bytes += (Node::<S>::BYTES + cells + separators.memory()) as u64;
                for child in children {
                    self.add_node(&child.load(), visit);
                }
            }
        }
    }

    fn add_leaf<S: Slot>(&mut self, leaf: &Leaf<S>, visit: &mut impl FnMut(&S)) {
        self.bytes += (Node::<S>::BYTES + leaf.memory()) as u64;
        let count = leaf.count();
        self.keys += count as u64;
        for position in 0..count {
            // While it is replaced there is nothing to be seen of it.
            if let Some((_, slot)) = leaf.newest(position) {
                self.bytes += slot.memory();
                visit(&slot);
            }
        }
        self.bytes += leaf.older.iter().map(|older| older.slot.memory()).sum::<u64>();
    }
}
