//! A key of the index at random.

use super::leaf::LEAF_KEYS_MAX;
use super::node::{CHILDREN_MAX, Node};
use super::reader::IndexReader;
use super::slot::Slot;
use super::tree::Tree;
use crate::sync::Guard;

/// The most ways down the tree until one is taken that ends at a key.
const WAYS_MAX: usize = 64;

impl<S: Slot> IndexReader<S> {
    /// Returns a key of the newest generation, which may be a removed one, or `None` if it has none
    /// or none was come upon.
    pub(crate) fn random_key(&self, random: &mut impl FnMut() -> u64) -> Option<Vec<u8>> {
        self.state.newest.tree.random_version(random).map(|(key, _)| key)
    }
}

impl<S: Slot> Tree<S> {
    /// Returns a key with the slot of its newest version, which may be a tombstone, or `None` if
    /// there is none or no way down the tree ended at one.
    ///
    /// A way down takes any of the places that a node may have, and ends without a key where the
    /// node has none there. So every key is as likely as any other, however full its leaf is. The
    /// root takes one of the children that it has: all ways lead through it.
    pub(super) fn random_version(&self, random: &mut impl FnMut() -> u64) -> Option<(Vec<u8>, S)> {
        (0..WAYS_MAX).find_map(|_| self.go_down(random))
    }

    fn go_down(&self, random: &mut impl FnMut() -> u64) -> Option<(Vec<u8>, S)> {
        let mut node: Guard<Node<S>> = self.root.load();
        let mut is_root = true;
        loop {
            let child = match &**node {
                Node::Leaf(leaf) => {
                    let count = leaf.count();
                    let places = if is_root { count } else { LEAF_KEYS_MAX };
                    let position = below(random(), places)?;
                    let slot = (position < count).then(|| leaf.newest(position))?;
                    // It may be replaced at this moment.
                    return slot.map(|(_, slot)| (leaf.key(position), slot));
                }
                Node::Inner(inner) => {
                    let places = if is_root { inner.children.len() } else { CHILDREN_MAX };
                    inner.children.get(below(random(), places)?)?.load()
                }
            };
            node = child;
            is_root = false;
        }
    }
}

/// Returns a number below `limit`, or `None` if there is none.
fn below(random: u64, limit: usize) -> Option<usize> {
    let scaled = (u128::from(random) * limit as u128) >> u64::BITS;
    usize::try_from(scaled).ok().filter(|number| *number < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_below_a_limit() {
        assert_eq!([0, 1 << 62, u64::MAX].map(|random| below(random, 4)), [0, 1, 3].map(Some));
        assert_eq!(below(7, 0), None);
    }
}
