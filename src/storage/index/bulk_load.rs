//! Filling an empty index: the leaves of some parts of the keys are made beside each other, on any
//! threads, and the nodes above them once there are all.

use super::change::Tombstone;
use super::leaf_builder::LeafBuilder;
use super::node::{Node, Subtree};
use super::separators::shortest_separator;
use super::slot::Slot;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::sync::Arc;

/// The number of keys that become leaves at once: as many as fit into the processor's cache.
const KEYS_AT_ONCE: usize = 1024;

/// The leaves of some keys in the making, all of which are above those of the part before.
pub(crate) struct PartLoader<S: Slot> {
    builder: LeafBuilder<S>,
    /// The separator that the next leaf begins at.
    separator: Vec<u8>,
    /// The last key of the leaves that are made.
    last_key: Vec<u8>,
    part: LoadedPart<S>,
}

/// The leaves of some keys, and what an index has to know of these.
pub(crate) struct LoadedPart<S: Slot> {
    pub(super) leaves: Vec<Subtree<S>>,
    /// The bytes of memory of the leaves.
    pub(super) leaf_bytes: u64,
    /// The number of keys that are not removed.
    pub(super) live: u64,
    /// The time of expiry of every key that has one.
    pub(super) deadlines: Vec<(UnixMillis, Box<[u8]>)>,
    pub(super) tombstones: Vec<Tombstone>,
}

impl<S: Slot> PartLoader<S> {
    /// Begins a part of which every key is at or above `start`, and every key of earlier parts
    /// below it.
    pub(crate) fn new(start: &[u8]) -> Self {
        let part = LoadedPart {
            leaves: Vec::new(),
            leaf_bytes: 0,
            live: 0,
            deadlines: Vec::new(),
            tombstones: Vec::new(),
        };
        let (builder, last_key) = (LeafBuilder::new(), Vec::new());
        Self { builder, separator: start.to_vec(), last_key, part }
    }

    /// Adds the newest version of a key that is above those before it.
    pub(crate) fn push(&mut self, key: &[u8], version: Sequence, slot: S) {
        if self.builder.len() == KEYS_AT_ONCE {
            self.make_leaves();
            self.separator = shortest_separator(&self.last_key, key);
        }
        if self.builder.len() == KEYS_AT_ONCE - 1 {
            self.last_key.clear();
            self.last_key.extend_from_slice(key);
        }
        if slot.is_tombstone() {
            // It stays until everything is restored: an older version may still come.
            self.part.tombstones.push(Tombstone { key: key.to_vec(), version });
        } else {
            self.part.live += 1;
        }
        self.part.deadlines.extend(slot.expires_at().map(|time| (time, key.into())));
        self.builder.push(key, std::iter::once((version, slot)));
    }

    /// Returns the part.
    pub(crate) fn finish(mut self) -> LoadedPart<S> {
        self.make_leaves();
        self.part.leaf_bytes = self.builder.bytes();
        self.part
    }

    fn make_leaves(&mut self) {
        let first = self.part.leaves.len();
        let leaves = self.builder.finish(false, false).into_iter();
        let subtree = |(separator, leaf)| Subtree { separator, node: Arc::new(Node::Leaf(leaf)) };
        self.part.leaves.extend(leaves.map(subtree));
        if let Some(first) = self.part.leaves.get_mut(first) {
            first.separator = std::mem::take(&mut self.separator);
        }
    }
}
