//! The tree under the index: a B+tree that is copied where its shape changes.
//!
//! A parent holds its children in places, and a change that a leaf cannot take makes a new leaf and puts it
//! there; where a leaf splits or becomes empty, its parent is made anew, and so on upwards.
//! A reader goes from place to place and may end in a node that was replaced meanwhile: that one still
//! says what was true when it was replaced, which was after the reader began.

use std::ops::Range;

use super::Slot;
use super::builder::LeafBuilder;
use super::fences::Fences;
use super::leaf::{Leaf, Sorted};
use crate::sync::{Arc, Guard, Published};

/// Children that an inner node holds; more are split.
const CHILDREN_MAX: usize = 64;

enum Node<S: Slot> {
    Leaf(Leaf<S>),
    Inner(Inner<S>),
}

struct Inner<S: Slot> {
    /// One between each two children.
    fences: Fences,
    children: Box<[Published<Node<S>>]>,
}

/// Keys from a fence on, up to the next one.
struct Piece<S: Slot> {
    /// Of no meaning for the first of several.
    fence: Vec<u8>,
    node: Arc<Node<S>>,
}

/// Where to look.
pub(super) enum Seek<'a> {
    /// The leaf that holds this key if any does.
    At(&'a [u8]),
    /// The leaf that holds what is before this key.
    Below(&'a [u8]),
    /// The last leaf.
    Last,
}

/// Which keys a leaf holds: from the lower fence on, up to the upper one.
#[derive(Default)]
pub(super) struct Span {
    pub(super) lower: Option<Vec<u8>>,
    pub(super) upper: Option<Vec<u8>>,
}

/// Where the mutator found a key or room for it, which is so until the tree is updated.
pub(super) struct Place<S: Slot> {
    /// A leaf.
    node: Arc<Node<S>>,
    /// Where the key is in it.
    position: Option<usize>,
}

impl<S: Slot> Place<S> {
    fn leaf(&self) -> Option<&Leaf<S>> {
        match &*self.node {
            Node::Leaf(leaf) => Some(leaf),
            Node::Inner(_) => None,
        }
    }

    /// The newest version of the key.
    pub(super) fn newest(&self) -> Option<(u64, S)> {
        self.leaf()?.newest(self.position?)
    }

    /// Whether it has a version beside the newest one that is still kept.
    pub(super) fn keeps(&self, version: u64) -> bool {
        let older = self.leaf().zip(self.position).map(|(leaf, position)| leaf.older(position));
        older.is_some_and(|older| older.iter().any(|older| older.version == version))
    }

    /// Sets the newest version of the key, or adds it; false if that takes another leaf.
    ///
    /// What was there before must have been told elsewhere.
    pub(super) fn put(&self, key: &[u8], version: u64, slot: &S) -> bool {
        self.leaf().is_some_and(|leaf| leaf.put(self.position, key, version, slot))
    }
}

/// A change of some keys.
pub(super) trait Edit<S> {
    /// What changes one key.
    type Change;
    /// Whether leaves get room for more keys.
    const GROWS: bool;
    /// The key that it changes.
    fn key(change: &Self::Change) -> &[u8];
    /// Whether nobody needs the version that `by` replaced.
    fn forgets(&self, version: u64, by: u64) -> bool;
    /// Changes the versions of a key, newest first; `versions` begins as what is there and is needed.
    fn revise(&mut self, changes: &[Self::Change], versions: &mut Vec<(u64, S)>);
}

/// Keys to versions; one thread may update it while others look.
pub(super) struct Tree<S: Slot> {
    root: Published<Node<S>>,
}

impl<S: Slot> Tree<S> {
    /// A tree without keys.
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
                Node::Inner(inner) => inner.children[inner.fences.up_to(key)].load(),
            };
            node = child;
        }
    }

    /// Calls `look` with the leaf there and with what it spans.
    pub(super) fn seek<T>(&self, seek: &Seek<'_>, look: impl FnOnce(&Leaf<S>, Span) -> T) -> T {
        let mut node = self.root.load();
        let mut span = Span::default();
        loop {
            let child = match &**node {
                Node::Leaf(leaf) => return look(leaf, span),
                Node::Inner(inner) => {
                    let position = match seek {
                        Seek::At(key) => inner.fences.up_to(key),
                        Seek::Below(key) => inner.fences.below(key),
                        Seek::Last => inner.children.len() - 1,
                    };
                    span.upper = inner.fences.get(position).or(span.upper);
                    let lower = position.checked_sub(1).and_then(|before| inner.fences.get(before));
                    span.lower = lower.or(span.lower);
                    inner.children[position].load()
                }
            };
            node = child;
        }
    }

    /// Where the key is or would be put, for the mutator.
    pub(super) fn locate(&self, key: &[u8]) -> Place<S> {
        self.with_leaf_node(key, |node, leaf| {
            let position = leaf.find(key);
            Place { node: Arc::clone(node), position }
        })
    }

    /// Applies changes, sorted by key; those of one key in the order they are to be applied in.
    pub(super) fn update<E: Edit<S>>(
        &self,
        builder: &mut LeafBuilder<S>,
        edit: &mut E,
        changes: &[E::Change],
    ) {
        let mut update = Update { builder, edit, changes, versions: Vec::new() };
        if let Rewritten::By(mut pieces) = update.rewrite(&self.root, None) {
            while pieces.len() > 1 {
                pieces = Inner::split(pieces);
            }
            let only = pieces.pop().map(|piece| piece.node);
            self.root.store(only.unwrap_or_else(|| Arc::new(Node::Leaf(LeafBuilder::empty()))));
        }
        let mut root = self.root.load();
        while let Node::Inner(inner) = &**root
            && let [only] = &*inner.children
        {
            self.root.store(only.load_full());
            let next = self.root.load();
            root = next;
        }
    }
}

impl<S: Slot> Inner<S> {
    /// Inner nodes over these children, as few as hold them.
    fn split(children: Vec<Piece<S>>) -> Vec<Piece<S>> {
        let count = children.len().div_ceil(CHILDREN_MAX);
        let size = children.len().div_ceil(count.max(1));
        let mut children = children.into_iter();
        let mut nodes = Vec::with_capacity(count);
        for _ in 0..count {
            let mut fences = Vec::with_capacity(size);
            let cells = children.by_ref().take(size).map(|child| {
                fences.push(child.fence);
                Published::of(child.node)
            });
            let children = cells.collect();
            let inner = Inner { fences: Fences::new(&fences[1..]), children };
            let fence = fences.swap_remove(0);
            nodes.push(Piece { fence, node: Arc::new(Node::Inner(inner)) });
        }
        nodes
    }

    /// The children, with some replaced, in order of position.
    fn replaced(&self, replaced: Vec<(usize, Vec<Piece<S>>)>) -> Vec<Piece<S>> {
        let mut replaced = replaced.into_iter().peekable();
        let mut pieces = Vec::with_capacity(self.children.len() + 1);
        for (position, child) in self.children.iter().enumerate() {
            let before = position.checked_sub(1);
            let fence = before.and_then(|before| self.fences.get(before)).unwrap_or_default();
            if let Some((_, by)) = replaced.next_if(|(changed, _)| *changed == position) {
                let first = pieces.len();
                pieces.extend(by);
                if let Some(first) = pieces.get_mut(first) {
                    first.fence = fence;
                }
            } else {
                pieces.push(Piece { fence, node: child.load_full() });
            }
        }
        pieces
    }
}

/// How a change left the node in a cell.
enum Rewritten<S: Slot> {
    /// The cell holds its next state.
    InPlace,
    /// These have to take its place, none where nothing is left.
    By(Vec<Piece<S>>),
}

impl<S: Slot> Rewritten<S> {
    fn settle(cell: &Published<Node<S>>, mut pieces: Vec<Piece<S>>) -> Self {
        match pieces.pop() {
            Some(only) if pieces.is_empty() => {
                cell.store(only.node);
                Self::InPlace
            }
            last => {
                pieces.extend(last);
                Self::By(pieces)
            }
        }
    }
}

/// An update on its way through the tree.
struct Update<'a, S: Slot, E: Edit<S>> {
    builder: &'a mut LeafBuilder<S>,
    edit: &'a mut E,
    /// What is left to be applied.
    changes: &'a [E::Change],
    versions: Vec<(u64, S)>,
}

impl<S: Slot, E: Edit<S>> Update<'_, S, E> {
    /// Applies the changes below `upper` to what is in the cell.
    fn rewrite(&mut self, cell: &Published<Node<S>>, upper: Option<&[u8]>) -> Rewritten<S> {
        let node = cell.load();
        let inner = match &**node {
            Node::Leaf(leaf) => {
                let leaves = self.rewrite_leaf(leaf, upper).into_iter();
                let piece = |(fence, leaf)| Piece { fence, node: Arc::new(Node::Leaf(leaf)) };
                return Rewritten::settle(cell, leaves.map(piece).collect());
            }
            Node::Inner(inner) => inner,
        };
        let mut replaced = Vec::new();
        while let Some(next) = self.changes.first()
            && upper.is_none_or(|upper| E::key(next) < upper)
        {
            let position = inner.fences.up_to(E::key(next));
            // A single change needs no end.
            let fence = inner.fences.get(position).filter(|_| self.changes.len() > 1);
            let upper = fence.as_deref().or(upper);
            if let Rewritten::By(pieces) = self.rewrite(&inner.children[position], upper) {
                replaced.push((position, pieces));
            }
        }
        if replaced.is_empty() {
            return Rewritten::InPlace;
        }
        Rewritten::settle(cell, Inner::split(inner.replaced(replaced)))
    }

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
            let place = leaf.place(&sorted, key);
            self.keep(leaf, &sorted, kept..place.start);
            kept = place.end;
            is_appended = place.is_empty() && kept == sorted.count();
            if let Some(position) =
                sorted.positions().nth(place.start).filter(|_| !place.is_empty())
            {
                needed(self.edit, leaf, position, &mut self.versions);
            }
            self.edit.revise(changes, &mut self.versions);
            self.builder.push(key, self.versions.drain(..));
        }
        self.keep(leaf, &sorted, kept..sorted.count());
        self.builder.finish(is_appended, E::GROWS)
    }

    fn keep(&mut self, leaf: &Leaf<S>, sorted: &Sorted, places: Range<usize>) {
        let forgets = |version, by| self.edit.forgets(version, by);
        self.builder.keep(leaf, sorted, places, forgets);
    }
}

/// The versions of a key that somebody may need, newest first.
fn needed<S: Slot>(edit: &impl Edit<S>, leaf: &Leaf<S>, position: usize, into: &mut Vec<(u64, S)>) {
    into.extend(leaf.newest(position));
    for older in leaf.older(position) {
        let newer = into.last().map(|(version, _)| *version);
        if !newer.is_some_and(|newer| edit.forgets(older.version, newer)) {
            into.push((older.version, older.slot.clone()));
        }
    }
}
