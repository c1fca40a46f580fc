//! The contents of the simulated disk: those that programs see, and those that are durable.

use std::collections::BTreeMap;
use std::io;

use super::fault::CallTarget;
use crate::sync::Arc;

/// A file: the bytes that programs see, and those that survive a power loss.
#[derive(Debug, Clone, Default)]
pub(super) struct FileContents {
    pub(super) visible: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// The space it takes: less than its length if it has zeros that were never written.
    pub(super) allocated: usize,
    /// The changes that are not durable, in order, each with its moment.
    pub(super) pending: Vec<(u64, FileChange)>,
}

/// A change of a file.
#[derive(Debug, Clone)]
pub(super) enum FileChange {
    Write { offset: usize, bytes: Vec<u8> },
    SetLength { length: usize },
}

impl FileChange {
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

/// A change of the directory. Files have numbers.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Create { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove { name: String },
}

/// Returns the directory of a name: empty for the disk itself.
pub(super) fn directory_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(directory, _)| directory)
}

impl NameChange {
    /// Returns the directory that changes; a file is only renamed within one.
    pub(super) fn directory(&self) -> &str {
        match self {
            Self::Create { name, .. } | Self::Remove { name } => directory_of(name),
            Self::Rename { to, .. } => directory_of(to),
        }
    }

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
    pub(super) files: Vec<Arc<FileContents>>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    pub(super) pending_names: Vec<(u64, NameChange)>,
    /// The number of changes so far.
    pub(super) moment: u64,
    /// The bytes that all files may take; `None` for no limit.
    pub(super) capacity: Option<usize>,
}

impl State {
    /// Returns a disk with these files, all durable.
    pub(crate) fn with_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut state = Self::default();
        for (name, bytes) in files {
            state.names.insert(name, state.files.len());
            let (visible, allocated) = (bytes.clone(), bytes.len());
            let contents = FileContents { visible, durable: bytes, allocated, pending: vec![] };
            state.files.push(Arc::new(contents));
        }
        state.durable_names = state.names.clone();
        state
    }

    /// Returns every file by name, as programs see it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.names.iter().map(|(name, file)| (name.as_str(), &*self.files[*file].visible))
    }

    /// Returns the bytes of every file that survive a power loss for certain.
    #[cfg(all(test, kvs_loom))]
    pub(crate) fn durable_files(&self) -> impl Iterator<Item = &[u8]> {
        self.durable_names.values().map(|file| &*self.files[*file].durable)
    }

    pub(super) fn change(&mut self, file: usize, change: FileChange) {
        self.moment += 1;
        let contents = Arc::make_mut(&mut self.files[file]);
        change.apply(&mut contents.visible);
        contents.allocated = match &change {
            FileChange::Write { offset, bytes } => contents.allocated.max(offset + bytes.len()),
            FileChange::SetLength { length } => contents.allocated.min(*length),
        };
        contents.pending.push((self.moment, change));
    }

    /// Allocates space for a file up to this length.
    pub(super) fn allocate(&mut self, file: usize, length: usize) {
        if self.files[file].visible.len() < length {
            self.change(file, FileChange::SetLength { length });
        }
        let contents = Arc::make_mut(&mut self.files[file]);
        contents.allocated = contents.allocated.max(length);
    }

    /// Returns the same disk with this capacity in bytes.
    pub(crate) fn with_capacity(self, capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..self }
    }

    pub(super) fn change_names(&mut self, change: NameChange) {
        self.moment += 1;
        change.apply(&mut self.names);
        self.pending_names.push((self.moment, change));
    }

    pub(super) fn name(&self, target: CallTarget<'_>) -> String {
        match target {
            CallTarget::Name(name) => name.to_owned(),
            CallTarget::File(file) => {
                let named = self.names.iter().find(|(_, other)| **other == file);
                named.map(|(name, _)| name.clone()).unwrap_or_default()
            }
        }
    }

    pub(super) fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
