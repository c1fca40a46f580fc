//! The model: maps.

use std::collections::BTreeMap;

use super::any_write;

/// Keys with their values, each with true if it has an expiry.
pub type Entries = any_write::Model;

/// Keyspaces by numbers that are never given again, of which the default one has the first.
#[derive(Clone, Default)]
pub struct Model {
    pub names: BTreeMap<String, usize>,
    pub keyspaces: Vec<Entries>,
    /// The steps after which each keyspace was changed last.
    pub changed: Vec<usize>,
}

impl Model {
    pub fn new() -> Self {
        Self {
            names: BTreeMap::from([("default".to_owned(), 0)]),
            keyspaces: vec![Entries::new()],
            changed: vec![0],
        }
    }

    pub fn open(&mut self, name: &str) -> usize {
        let next = self.keyspaces.len();
        let number = *self.names.entry(name.to_owned()).or_insert(next);
        if number == next {
            self.keyspaces.push(Entries::new());
            self.changed.push(0);
        }
        number
    }

    pub fn is_named(&self, number: usize) -> bool {
        self.names.values().any(|named| *named == number)
    }

    pub fn names(&self) -> Vec<&str> {
        self.names.keys().map(|name| &**name).collect()
    }
}
