//! The places of several keys in the tree, for the thread that changes it.
//!
//! A lookup mostly waits for memory: for each node, for the tags of the leaf, for the entry of the
//! key. Those of a few keys wait together: each step goes through all of them, and reads a byte of
//! what the next step needs, so that the processor fetches that side by side ([group
//! prefetching][group], without the instructions). `benches/engines.rs`, "batch of 100 sets",
//! measures it.
//!
//! [group]: https://doi.org/10.1145/1272743.1272747

use std::array;

use smallvec::SmallVec;

use super::leaf::{Leaf, tag};
use super::node::Node;
use super::slot::Slot;
use super::tree::Tree;
use crate::storage::format::sequence::Sequence;
use crate::sync::{GUARDS_AT_ONCE, Guard, keep};

/// The number of lookups at once, each of which holds a guard.
const LOOKUPS: usize = GUARDS_AT_ONCE;

/// A leaf, and the position of a key in it. Good until the tree is rewritten.
pub(super) struct LeafCursor<S: Slot> {
    /// A leaf.
    node: Guard<Node<S>>,
    /// `None` if the leaf does not hold the key.
    position: Option<usize>,
}

/// The places of several keys. There is often one.
pub(super) type LeafCursors<S> = SmallVec<[LeafCursor<S>; 1]>;

impl<S: Slot> LeafCursor<S> {
    fn leaf(&self) -> Option<&Leaf<S>> {
        self.node.leaf()
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
    /// Returns the place of each key, for the thread that changes the tree.
    pub(super) fn locate_all<'a>(
        &self,
        mut keys: impl Iterator<Item = &'a [u8]>,
    ) -> LeafCursors<S> {
        let mut cursors = LeafCursors::new();
        let Some(first) = keys.next() else { return cursors };
        let Some(second) = keys.next() else {
            cursors.push(self.locate(first));
            return cursors;
        };
        let mut keys = [first, second].into_iter().chain(keys);
        loop {
            let some: SmallVec<[&[u8]; LOOKUPS]> = keys.by_ref().take(LOOKUPS).collect();
            let first = cursors.len();
            self.locate_together(&some, &mut cursors);
            if some.len() < LOOKUPS {
                return cursors;
            }
            // Others may follow, which need the guards.
            cursors[first..].iter_mut().for_each(|cursor| cursor.node = keep(&cursor.node));
        }
    }

    fn locate(&self, key: &[u8]) -> LeafCursor<S> {
        let mut node = self.root.load();
        while let Node::Inner(inner) = &**node {
            let child = inner.children[inner.separators.child_for(key)].load();
            node = child;
        }
        let position = node.leaf().and_then(|leaf| leaf.find(key));
        LeafCursor { node, position }
    }

    /// Adds the places of up to [`LOOKUPS`] keys.
    fn locate_together(&self, keys: &[&[u8]], cursors: &mut LeafCursors<S>) {
        let nodes = self.leaves_of(keys);
        nodes.iter().filter_map(|node| node.leaf()).for_each(Leaf::touch_tags);
        let mut tagged = [None; LOOKUPS];
        for ((node, key), tagged) in nodes.iter().zip(keys).zip(&mut tagged) {
            *tagged = node.leaf().and_then(|leaf| leaf.find_tagged(tag(key), |_| true));
        }
        for (node, tagged) in nodes.iter().zip(&tagged) {
            if let (Some(leaf), Some(position)) = (node.leaf(), *tagged) {
                leaf.touch_entry(position);
            }
        }
        for ((node, key), tagged) in nodes.into_iter().zip(keys).zip(tagged) {
            let position = node.leaf().zip(tagged).and_then(|(leaf, tagged)| {
                // Another key may have the same tag.
                if leaf.is_at(tagged, key) { Some(tagged) } else { leaf.find(key) }
            });
            cursors.push(LeafCursor { node, position });
        }
    }

    /// Returns the leaf that holds each key if any does.
    fn leaves_of(&self, keys: &[&[u8]]) -> SmallVec<[Guard<Node<S>>; LOOKUPS]> {
        let root = self.root.load();
        let Node::Inner(inner) = &**root else {
            return keys.iter().map(|_| self.root.load()).collect();
        };
        let mut positions: [usize; LOOKUPS] = array::from_fn(|number| {
            keys.get(number).map_or(0, |key| inner.separators.child_for(key))
        });
        let mut nodes: SmallVec<[_; LOOKUPS]> = positions[..keys.len()]
            .iter()
            .map(|position| inner.children[*position].load())
            .collect();
        drop(root);
        loop {
            let mut is_done = true;
            for ((node, key), position) in nodes.iter().zip(keys).zip(&mut positions) {
                if let Node::Inner(inner) = &***node {
                    *position = inner.separators.child_for(key);
                    is_done = false;
                }
            }
            if is_done {
                return nodes;
            }
            for (node, position) in nodes.iter_mut().zip(positions) {
                if let Node::Inner(inner) = &***node {
                    let child = inner.children[position].load();
                    *node = child;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::KeyVersion;
    use super::super::pointer_cell::PointerCell;
    use super::super::writer::IndexWriter;
    use super::*;
    use crate::storage::format::unix_millis::UnixMillis;

    #[derive(Debug, Clone, PartialEq)]
    struct Number(usize);

    impl Slot for Number {
        type Cell = PointerCell<Self>;

        fn is_tombstone(&self) -> bool {
            false
        }

        fn expires_at(&self) -> Option<UnixMillis> {
            None
        }
    }

    #[test]
    fn many_lookups_find_what_each_alone_would() {
        let mut index = IndexWriter::new();
        let key = |number: usize| format!("key:{:06}", number * 7919 % 100_003).into_bytes();
        let version = Sequence(1);
        // One leaf, one node above it, two.
        for (from, to) in [(0, 10), (10, 200), (200, 5000)] {
            let change = |number| KeyVersion { key: key(number), version, slot: Number(number) };
            index.insert((from..to).map(change).collect(), |_| {});
            let reader = index.reader();
            for count in (0..20).chain([100]) {
                // Those from the tenth on are not there.
                let numbers: Vec<_> = (0..count).map(|number| number * to / 10).collect();
                let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
                let found = reader.state.newest.tree.locate_all(keys.iter().map(|key| &**key));
                let found: Vec<_> = found.iter().map(LeafCursor::newest).collect();
                let expected =
                    |number: &usize| (*number < to).then_some((version, Number(*number)));
                assert_eq!(found, numbers.iter().map(expected).collect::<Vec<_>>());
            }
        }
    }
}
