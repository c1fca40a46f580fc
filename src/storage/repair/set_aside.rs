//! Damaged files, kept in a directory aside.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::storage::backup::copy_bytes;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::fs::{Directory, File, LenientDirectory};
use crate::sync::Arc;
use crate::{Error, Result};

/// The bytes that are compared at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The directory that damaged files are kept in. Nothing in it is ever replaced.
pub(crate) struct AsideDirectory<'a> {
    environment: &'a LogEnvironment,
    /// The directory of the log, whose files can be read in part.
    source: LenientDirectory,
    directory: Arc<dyn Directory>,
    path: PathBuf,
}

impl<'a> AsideDirectory<'a> {
    /// Opens the directory in that of a log, or makes it.
    pub(crate) fn open(environment: &'a LogEnvironment) -> Result<Self> {
        let path = environment.path_of(file_name::DAMAGED);
        let directory = environment.directory.subdirectory(file_name::DAMAGED);
        let directory = directory.map_err(|e| Error::io("open the directory", &path, e))?;
        let source = LenientDirectory::new(Arc::clone(&environment.directory));
        Ok(Self { environment, source, directory, path })
    }

    /// Keeps a file of the log there, under its name or that with a number behind it, and returns
    /// the path. One that an interrupted attempt has brought is enough. It survives power loss once
    /// [`sync`](Self::sync) succeeded.
    pub(crate) fn keep(&self, name: &str) -> Result<PathBuf> {
        let path = self.environment.path_of(name);
        let file = self.source.open(name).map_err(|e| Error::io("open", &path, e))?;
        let mut number = 0;
        let kept = loop {
            let kept = if number == 0 { name.to_owned() } else { format!("{name}.{number}") };
            match self.directory.open(&kept) {
                Ok(there) if self.is_same(&*there, &*file, &kept)? => {
                    return Ok(self.path.join(kept));
                }
                Ok(_) => number += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => break kept,
                Err(error) => return Err(Error::io("open", &self.path.join(kept), error)),
            }
        };
        // A link to a file that is not durable would not be, either.
        let synced = self.environment.open(name)?.sync();
        synced.map_err(|error| Error::io("sync", &path, error))?;
        let source = &*self.environment.directory;
        if kept != name || self.directory.link_from(source, name).is_err() {
            self.copy(&*file, name, &kept)?;
        }
        Ok(self.path.join(kept))
    }

    /// Copies a file; it gets its name once it is durable.
    fn copy(&self, file: &dyn File, name: &str, kept: &str) -> Result<()> {
        let unfinished = format!("{kept}.tmp");
        let (from, path) = (self.environment.path_of(name), self.path.join(&unfinished));
        // A part that an interrupted attempt has left.
        let _ = self.directory.remove(&unfinished);
        let copy = self.directory.create(&unfinished).map_err(|e| Error::io("create", &path, e))?;
        let length = file.length().map_err(|e| Error::io("read the length of", &from, e))?;
        copy_bytes((file, &from), (&*copy, &path), length, |_| Ok(()))?;
        copy.sync().map_err(|error| Error::io("sync", &path, error))?;
        self.directory.rename(&unfinished, kept).map_err(|e| Error::io("rename", &path, e))
    }

    /// Makes what was kept survive power loss.
    pub(crate) fn sync(&self) -> Result<()> {
        self.directory.sync().map_err(|error| Error::io("sync", &self.path, error))
    }

    /// Returns true if two files hold the same.
    fn is_same(&self, there: &dyn File, file: &dyn File, kept: &str) -> Result<bool> {
        let path = self.path.join(kept);
        let failed = |error| Error::io("compare", &path, error);
        let length = file.length().map_err(failed)?;
        if there.length().map_err(failed)? != length {
            return Ok(false);
        }
        let chunk = |left: u64| usize::try_from(left).map_or(CHUNK_BYTES, |l| l.min(CHUNK_BYTES));
        let (mut first, mut second) = (vec![0; chunk(length)], vec![0; chunk(length)]);
        let mut offset = 0;
        while offset < length {
            let count = chunk(length - offset);
            let (first, second) = (&mut first[..count], &mut second[..count]);
            let read = file.read_at(first, offset).map_err(failed)?;
            // One that cannot be read is not the same, as far as anybody knows.
            let is_read = there.read_at(second, offset).is_ok_and(|there| there == read);
            if !is_read || read < count || first != second {
                return Ok(false);
            }
            offset += read as u64;
        }
        Ok(true)
    }
}
