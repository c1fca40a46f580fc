//! The effects of a group that is not committed yet, which its later operations see.

use std::collections::HashMap;

use crate::engine::{KeyInterval, KeyspaceId, Mutation, Sequence};

/// The effects on keys of all keyspaces.
#[derive(Default)]
pub(super) struct Overlay {
    keyspaces: Vec<(KeyspaceId, KeyspaceOverlay)>,
}

/// The effects on keys of one keyspace.
#[derive(Default)]
struct KeyspaceOverlay {
    /// The newest change of each key that was changed after its range was removed.
    touched: HashMap<Vec<u8>, Touch>,
    /// The starts and ends of the ranges that were removed.
    removed: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The last change of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    /// The position of the mutation in the group.
    pub(super) position: usize,
    /// The version of its batch.
    pub(super) version: Sequence,
}

/// The state of a key that is not as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyEffect {
    /// A mutation sets or removes it.
    Touched(Touch),
    /// It was in a range that was removed.
    Removed,
}

impl KeyspaceOverlay {
    fn remove_range(&mut self, start: &[u8], end: &[u8]) {
        let interval = KeyInterval { start, end };
        if interval == KeyInterval::ALL {
            self.touched.clear();
            self.removed.clear();
        } else {
            self.touched.retain(|key, _| !interval.contains(key));
        }
        self.removed.push((start.to_vec(), end.to_vec()));
    }

    fn find(&self, key: &[u8]) -> Option<KeyEffect> {
        if let Some(touch) = self.touched.get(key) {
            return Some(KeyEffect::Touched(*touch));
        }
        let mut removed = self.removed.iter().map(|(start, end)| KeyInterval { start, end });
        removed.any(|interval| interval.contains(key)).then_some(KeyEffect::Removed)
    }
}

impl Overlay {
    fn of(&mut self, keyspace: KeyspaceId) -> &mut KeyspaceOverlay {
        let position = self.keyspaces.iter().position(|(id, _)| *id == keyspace);
        let position = position.unwrap_or_else(|| {
            self.keyspaces.push((keyspace, KeyspaceOverlay::default()));
            self.keyspaces.len() - 1
        });
        &mut self.keyspaces[position].1
    }

    /// Notes the mutation, which is at this place in the group.
    pub(super) fn note(&mut self, mutation: &Mutation, touch: Touch) {
        let overlay = self.of(mutation.keyspace);
        match mutation.range() {
            Some(KeyInterval { start, end }) => overlay.remove_range(start, end),
            None => {
                let key = mutation.key().unwrap_or_default().to_vec();
                overlay.touched.insert(key, touch);
            }
        }
    }

    /// Returns the effect on a key, if there is one.
    pub(super) fn find(&self, keyspace: KeyspaceId, key: &[u8]) -> Option<KeyEffect> {
        let overlay = self.keyspaces.iter().find(|(id, _)| *id == keyspace);
        overlay.and_then(|(_, overlay)| overlay.find(key))
    }

    /// Returns true if a key of the range was set or removed, or a range that meets it was.
    pub(super) fn touches(&self, keyspace: KeyspaceId, interval: KeyInterval<'_>) -> bool {
        let mut overlays = self.keyspaces.iter().filter(|(id, _)| *id == keyspace);
        overlays.any(|(_, overlay)| {
            let mut removed = overlay.removed.iter().map(|(start, end)| KeyInterval { start, end });
            overlay.touched.keys().any(|key| interval.contains(key))
                || removed.any(|removed| removed.meets(interval))
        })
    }

    /// Returns the keys of a keyspace that were set or removed.
    pub(super) fn touched(&self, keyspace: KeyspaceId) -> impl Iterator<Item = &[u8]> {
        let overlays = self.keyspaces.iter().filter(move |(id, _)| *id == keyspace);
        overlays.flat_map(|(_, overlay)| overlay.touched.keys().map(|key| &key[..]))
    }

    /// Adds later effects, and leaves none of them there.
    pub(super) fn absorb(&mut self, later: &mut Self) {
        for (keyspace, later) in &mut later.keyspaces {
            let overlay = self.of(*keyspace);
            for (start, end) in later.removed.drain(..) {
                overlay.remove_range(&start, &end);
            }
            overlay.touched.extend(later.touched.drain());
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        for (_, overlay) in &mut self.keyspaces {
            overlay.touched.clear();
            overlay.removed.clear();
        }
    }
}
