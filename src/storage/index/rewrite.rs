//! Changes of the tree that do not fit into its leaves: the leaves are copied, and where leaves
//! split or become empty, the inner nodes above them.

use std::ops::Range;

use super::leaf::{Leaf, SortedPositions};
use super::leaf_builder::LeafBuilder;
use super::node::{Inner, Node, Subtree};
use super::slot::Slot;
use super::tree::Tree;
use crate::storage::format::sequence::Sequence;
use crate::sync::{Arc, Published};

/// The most changes in one pass over the tree: with keys of 64 KiB a fourth of what a leaf can
/// address.
const CHANGES_PER_PASS: usize = 16 << 10;

/// A kind of change to the versions of keys.
pub(super) trait Edit<S> {
    /// A change of one key.
    type Input;
    /// True if new leaves get space for more keys.
    const GROWS: bool;
    /// Returns the key that a change is about.
    fn key(change: &Self::Input) -> &[u8];
    /// Returns true if nobody needs the version that `by` replaced.
    fn forgets(&self, version: Sequence, by: Sequence) -> bool;
    /// Applies changes of one key to its versions, newest first. `versions` begins as those that
    /// the tree has and somebody needs.
    fn revise(&mut self, changes: &[Self::Input], versions: &mut Vec<(Sequence, S)>);
}

/// Applies changes to the tree. They are sorted by key, those of one key in the order of their
/// effect.
pub(super) fn rewrite<S: Slot, E: Edit<S>>(
    tree: &Tree<S>,
    builder: &mut LeafBuilder<S>,
    edit: &mut E,
    mut changes: &[E::Input],
) {
    while !changes.is_empty() {
        let (now, later) = changes.split_at(changes.len().min(CHANGES_PER_PASS));
        Rewrite { builder, edit, changes: now, versions: Vec::new() }.apply(tree);
        changes = later;
    }
}

/// One pass over the tree.
pub(super) struct Rewrite<'a, S: Slot, E: Edit<S>> {
    builder: &'a mut LeafBuilder<S>,
    edit: &'a mut E,
    /// The changes that are not applied yet.
    changes: &'a [E::Input],
    /// The versions of the key at hand.
    versions: Vec<(Sequence, S)>,
}

/// The effect of a pass on the node in a cell.
enum Rewritten<S: Slot> {
    /// The cell holds the new node.
    InPlace,
    /// The parent has to put these in the node's place, none if nothing is left.
    By(Vec<Subtree<S>>),
}

impl<S: Slot> Rewritten<S> {
    /// Stores the subtree in the cell if there is just one.
    fn store(cell: &Published<Node<S>>, mut subtrees: Vec<Subtree<S>>) -> Self {
        match subtrees.pop() {
            Some(only) if subtrees.is_empty() => {
                cell.store(only.node);
                Self::InPlace
            }
            last => {
                subtrees.extend(last);
                Self::By(subtrees)
            }
        }
    }
}

impl<S: Slot, E: Edit<S>> Rewrite<'_, S, E> {
    fn apply(mut self, tree: &Tree<S>) {
        if let Rewritten::By(subtrees) = self.rewrite(&tree.root, None) {
            let root = Inner::above(subtrees);
            tree.root.store(root.unwrap_or_else(|| Arc::new(Node::Leaf(LeafBuilder::empty()))));
        }
        // A root with one child only costs a step of every lookup.
        let mut root = tree.root.load();
        while let Node::Inner(inner) = &**root
            && let [only] = &*inner.children
        {
            tree.root.store(only.load_full());
            let next = tree.root.load();
            root = next;
        }
    }

    /// Applies the changes below `upper` to the node in the cell.
    fn rewrite(&mut self, cell: &Published<Node<S>>, upper: Option<&[u8]>) -> Rewritten<S> {
        let node = cell.load();
        let inner = match &**node {
            Node::Leaf(leaf) => {
                let leaves = self.rewrite_leaf(leaf, upper).into_iter();
                let subtree =
                    |(separator, leaf)| Subtree { separator, node: Arc::new(Node::Leaf(leaf)) };
                return Rewritten::store(cell, leaves.map(subtree).collect());
            }
            Node::Inner(inner) => inner,
        };
        let mut replaced = Vec::new();
        while let Some(next) = self.changes.first()
            && upper.is_none_or(|upper| E::key(next) < upper)
        {
            let position = inner.separators.child_for(E::key(next));
            // A single change needs no end.
            let separator = inner.separators.get(position).filter(|_| self.changes.len() > 1);
            let upper = separator.as_deref().or(upper);
            if let Rewritten::By(subtrees) = self.rewrite(&inner.children[position], upper) {
                replaced.push((position, subtrees));
            }
        }
        if replaced.is_empty() {
            return Rewritten::InPlace;
        }
        Rewritten::store(cell, Inner::split(inner.with_replaced(replaced)))
    }

    /// Makes new leaves of the leaf and the changes below `upper`, each with its separator.
    fn rewrite_leaf(&mut self, leaf: &Leaf<S>, upper: Option<&[u8]>) -> Vec<(Vec<u8>, Leaf<S>)> {
        let sorted = leaf.in_order();
        let mut kept = 0;
        let mut is_appended = false;
        while let Some(next) = self.changes.first()
            && upper.is_none_or(|upper| E::key(next) < upper)
        {
            let key = E::key(next);
            let same = self.changes.iter().take_while(|change| E::key(change) == key);
            let (changes, rest) = self.changes.split_at(same.count());
            self.changes = rest;
            let ranks = leaf.equal_range(&sorted, key);
            self.keep(leaf, &sorted, kept..ranks.start);
            kept = ranks.end;
            is_appended = ranks.is_empty() && kept == sorted.count();
            if let Some(position) =
                sorted.positions().nth(ranks.start).filter(|_| !ranks.is_empty())
            {
                add_needed(self.edit, leaf, position, &mut self.versions);
            }
            self.edit.revise(changes, &mut self.versions);
            self.builder.push(key, self.versions.drain(..));
        }
        self.keep(leaf, &sorted, kept..sorted.count());
        self.builder.note_replaced(leaf);
        self.builder.finish(is_appended, E::GROWS)
    }

    /// Takes the keys of these ranks over as they are, without versions that nobody needs.
    fn keep(&mut self, leaf: &Leaf<S>, sorted: &SortedPositions, ranks: Range<usize>) {
        let forgets = |version, by| self.edit.forgets(version, by);
        self.builder.keep(leaf, sorted, ranks, forgets);
    }
}

/// Adds the versions of a key that somebody may need, newest first.
fn add_needed<S: Slot>(
    edit: &impl Edit<S>,
    leaf: &Leaf<S>,
    position: usize,
    versions: &mut Vec<(Sequence, S)>,
) {
    versions.extend(leaf.newest(position));
    for older in leaf.older(position) {
        let newer = versions.last().map(|(version, _)| *version);
        if !newer.is_some_and(|newer| edit.forgets(older.version, newer)) {
            versions.push((older.version, older.slot.clone()));
        }
    }
}
