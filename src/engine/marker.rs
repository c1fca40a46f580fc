//! The file `ENGINE`: the mark that makes a directory a store, with the engine it belongs to.
//!
//! It holds the engine's name and the store's id in hexadecimal, a line each, and is made before
//! any other file of the store.

use std::io::ErrorKind;
use std::path::Path;

use crate::storage::format::file_name::{self, FileName};
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::{Directory, read_small};
use crate::sync::random;
use crate::{EngineKind, Error, Result};

/// The longest contents of a small file that are looked at.
pub(super) const SMALL_FILE_BYTES: usize = 256;

/// The contents of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) kind: EngineKind,
    pub(super) store: StoreId,
}

impl Marker {
    /// Reads the marker; `None` if there is none, and so no store.
    pub(super) fn read(directory: &dyn Directory, path: &Path) -> Result<Option<Self>> {
        Self::read_as(file_name::ENGINE, directory, path)
    }

    /// Reads the marker from a file of this name; `None` if there is none.
    pub(super) fn read_as(
        name: &str,
        directory: &dyn Directory,
        path: &Path,
    ) -> Result<Option<Self>> {
        let marker = path.join(name);
        let contents = match read_small(directory, name, SMALL_FILE_BYTES) {
            Ok(contents) => contents,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &marker, error)),
        };
        let parsed = std::str::from_utf8(&contents).ok().and_then(|text| {
            let (name, rest) = text.split_once('\n')?;
            let store = StoreId(u128::from_str_radix(rest.strip_suffix('\n')?, 16).ok()?);
            Some(Self { kind: EngineKind::named(name)?, store })
        });
        let damaged = || Error::corrupt(&marker, 0, "it does not name an engine and a store id");
        parsed.map(Some).ok_or_else(damaged)
    }

    /// Writes the marker of a new store.
    pub(super) fn create(directory: &dyn Directory, path: &Path, kind: EngineKind) -> Result<Self> {
        let marker = Self { kind, store: StoreId(random()) };
        marker.place(file_name::ENGINE, directory, path)?;
        Ok(marker)
    }

    /// Writes the marker durably to a file of this name.
    pub(super) fn place(&self, name: &str, directory: &dyn Directory, path: &Path) -> Result<()> {
        // A crash may have left a part of it; nobody else writes here while the lock is held.
        let _ = directory.remove(file_name::ENGINE_UNFINISHED);
        let written = directory.create(file_name::ENGINE_UNFINISHED).and_then(|file| {
            file.write_at(format!("{}\n{:032x}\n", self.kind, self.store.0).as_bytes(), 0)?;
            file.sync()?;
            directory.rename(file_name::ENGINE_UNFINISHED, name)?;
            directory.sync()
        });
        written.map_err(|error| Error::io("write", &path.join(name), error))
    }

    /// Returns an error if the files of a store are there without their marker: those of a backup
    /// that was not finished, or the marker was lost.
    pub(super) fn refuse_lost(directory: &dyn Directory, path: &Path) -> Result<()> {
        let found = directory.list().map_err(|e| Error::io("list", path, e))?;
        if found.iter().any(|name| name == file_name::BACKUP) {
            return Err(Error::UnfinishedBackup { path: path.to_path_buf() });
        }
        let is_data = |name: &&String| {
            FileName::parse(name).is_some()
                || [file_name::SLED, file_name::CLOSED].contains(&name.as_str())
        };
        match found.iter().find(is_data) {
            Some(name) => {
                let reason = format!("it is missing, although the directory holds {name}");
                Err(Error::corrupt(&path.join(file_name::ENGINE), 0, reason))
            }
            None => Ok(()),
        }
    }
}
