//! What is on the disk: what programs see, and what of it is durable.

use std::collections::BTreeMap;
use std::io;

use super::fault::Place;
use crate::sync::Arc;

/// A file: its bytes as programs see them, and what of them survives.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) visible: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// The space it takes, which is less than its length where zeros were never written.
    pub(super) allocated: usize,
    /// In order, with the moment they were made.
    pub(super) pending: Vec<(u64, Change)>,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLength { length: usize },
}

impl Change {
    pub(super) fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[*offset..end].copy_from_slice(bytes);
            }
            Self::SetLength { length } => contents.resize(*length, 0),
        }
    }
}

/// A change of the directory; files by their number.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Create { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove { name: String },
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create { name, file } => drop(names.insert(name.clone(), *file)),
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } => drop(names.remove(name)),
        }
    }
}

/// Everything on the disk, durable and pending.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(super) files: Vec<Arc<Contents>>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    pub(super) pending_names: Vec<(u64, NameChange)>,
    /// Counts changes.
    pub(super) moment: u64,
    /// The bytes that all files may take; without it there is no end.
    pub(super) capacity: Option<usize>,
}

impl State {
    /// The disk with these files, all durable.
    pub(crate) fn with_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut state = Self::default();
        for (name, bytes) in files {
            state.names.insert(name, state.files.len());
            let (visible, allocated) = (bytes.clone(), bytes.len());
            let contents = Contents { visible, durable: bytes, allocated, pending: vec![] };
            state.files.push(Arc::new(contents));
        }
        state.durable_names = state.names.clone();
        state
    }

    /// Every file by name, as programs see it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.names.iter().map(|(name, file)| (name.as_str(), &*self.files[*file].visible))
    }

    /// Every file that has its name, as far as it is known to survive a power loss.
    #[cfg(all(test, kvs_loom))]
    pub(crate) fn durable_files(&self) -> impl Iterator<Item = &[u8]> {
        self.durable_names.values().map(|file| &*self.files[*file].durable)
    }

    pub(super) fn change(&mut self, file: usize, change: Change) {
        self.moment += 1;
        let contents = Arc::make_mut(&mut self.files[file]);
        change.apply(&mut contents.visible);
        contents.allocated = match &change {
            Change::Write { offset, bytes } => contents.allocated.max(offset + bytes.len()),
            Change::SetLength { length } => contents.allocated.min(*length),
        };
        contents.pending.push((self.moment, change));
    }

    /// Gives a file space up to this length.
    pub(super) fn allocate(&mut self, file: usize, length: usize) {
        if self.files[file].visible.len() < length {
            self.change(file, Change::SetLength { length });
        }
        let contents = Arc::make_mut(&mut self.files[file]);
        contents.allocated = contents.allocated.max(length);
    }

    /// Returns the same disk with room for so many bytes.
    pub(crate) fn with_capacity(self, capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..self }
    }

    pub(super) fn change_names(&mut self, change: NameChange) {
        self.moment += 1;
        change.apply(&mut self.names);
        self.pending_names.push((self.moment, change));
    }

    pub(super) fn name(&self, place: Place<'_>) -> String {
        match place {
            Place::Name(name) => name.to_owned(),
            Place::File(file) => {
                let named = self.names.iter().find(|(_, other)| **other == file);
                named.map(|(name, _)| name.clone()).unwrap_or_default()
            }
        }
    }

    pub(super) fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
