//! A drain: the taking apart of a generation that nobody sees any more, some keys at a time.
//!
//! A generation of many keys takes long to free, and the log has to learn of each of its records
//! that it is dead. The thread that changes the index does both in steps, between other changes.

use super::counts::Deadlines;
use super::generation::Generation;
use super::node::Node;
use super::obsolete::Garbage;
use super::slot::Slot;
use crate::storage::format::sequence::Sequence;
use crate::sync::Arc;

/// A generation while it is taken apart.
pub(super) struct Drain<S: Slot> {
    /// The clear that ended it. What has its version belongs to the generation behind it.
    until: Sequence,
    /// The nodes whose keys are left, the next one last.
    nodes: Vec<Arc<Node<S>>>,
    /// The position of the next key, if the next node is a leaf.
    position: usize,
    /// The versions that newer ones replaced.
    garbage: Vec<Garbage<S>>,
    deadlines: Deadlines,
}

impl<S: Slot> Drain<S> {
    /// Begins with a generation that no reader finds any more. One that found it before and looks
    /// into it only now has to ask whether it still counts.
    pub(super) fn new(
        generation: &Generation<S>,
        until: Sequence,
        garbage: Vec<Garbage<S>>,
        deadlines: Deadlines,
    ) -> Self {
        let nodes = vec![generation.tree.root.load_full()];
        generation.empty();
        Self { until, nodes, position: 0, garbage, deadlines }
    }

    /// Takes keys, versions and deadlines apart, each of which is one off `left`, until that is
    /// zero. Calls `forgotten` with each slot, and true if it is a tombstone with which its key
    /// left the index.
    pub(super) fn step(&mut self, left: &mut usize, forgotten: &mut impl FnMut(S, bool)) {
        while *left > 0
            && let Some(taken) = self.take_keys(*left, forgotten)
        {
            *left -= taken;
        }
        while *left > 0
            && let Some(garbage) = self.garbage.last_mut()
        {
            let taken = garbage.take_one();
            taken.into_iter().flatten().for_each(|slot| forgotten(slot, false));
            if garbage.is_empty() {
                self.garbage.pop();
            }
            *left -= 1;
        }
        while *left > 0 && self.deadlines.pop_first().is_some() {
            *left -= 1;
        }
    }

    /// Returns true if nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.nodes.is_empty() && self.garbage.is_empty() && self.deadlines.is_empty()
    }

    /// Takes some keys of the next node, or puts its children in its place. Returns the number of
    /// them, at least one, or `None` if no node is left.
    fn take_keys(&mut self, limit: usize, forgotten: &mut impl FnMut(S, bool)) -> Option<usize> {
        let node = self.nodes.pop()?;
        let leaf = match &*node {
            Node::Leaf(leaf) => leaf,
            Node::Inner(inner) => {
                self.nodes.extend(inner.children.iter().map(|child| child.load_full()));
                return Some(1);
            }
        };
        let (start, count) = (self.position, leaf.count());
        let end = count.min(start + limit);
        let newest = (start..end).filter_map(|position| leaf.newest(position));
        for (_, slot) in newest.filter(|(version, _)| *version < self.until) {
            let is_tombstone = slot.is_tombstone();
            forgotten(slot, is_tombstone);
        }
        self.position = 0;
        if end < count {
            self.position = end;
            self.nodes.push(node);
        }
        Some((end - start).max(1))
    }
}
