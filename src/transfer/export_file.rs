//! The file of an export, which has its name only once it is whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::TransferError;

/// Only the user who exports may read it: it holds everything that the store holds.
const FILE_MODE: u32 = 0o600;

/// A file that is written under another name, and removed when dropped before it was published.
pub(super) struct ExportFile {
    file: File,
    path: PathBuf,
    unfinished: PathBuf,
    is_published: bool,
}

impl ExportFile {
    /// Makes the file, unless there is one of that name. What an export that was killed left behind
    /// is overwritten.
    pub(super) fn create(path: &Path) -> Result<Self, TransferError> {
        require_absent(path)?;
        let mut name = OsString::from(path);
        name.push(".tmp");
        let unfinished = PathBuf::from(name);
        let mut options = OpenOptions::new();
        // Whose it is is not known yet.
        options.write(true).create(true).truncate(false).mode(FILE_MODE);
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let failed = |error| TransferError::file("create", &unfinished, error);
        let file = options.open(&unfinished).map_err(failed)?;
        let busy = || TransferError::FileBusy { path: path.to_path_buf() };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // The export that had it may have given it its name meanwhile.
        let (opened, named) = (file.metadata().map_err(failed)?, fs::metadata(&unfinished));
        if !named.is_ok_and(|named| (named.dev(), named.ino()) == (opened.dev(), opened.ino())) {
            return Err(busy());
        }
        file.set_len(0).map_err(failed)?;
        Ok(Self { file, path: path.to_path_buf(), unfinished, is_published: false })
    }

    /// Gives the file its name, once what was written survives a power loss.
    pub(super) fn publish(mut self) -> Result<(), TransferError> {
        self.file.sync_all().map_err(|e| TransferError::file("sync", &self.unfinished, e))?;
        let exists = || TransferError::FileExists { path: self.path.clone() };
        match renameat_with(CWD, &self.unfinished, CWD, &self.path, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => return Err(exists()),
            // Some file systems cannot do both at once.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                require_absent(&self.path)?;
                fs::rename(&self.unfinished, &self.path)
            }
            Err(error) => Err(error.into()),
        }
        .map_err(|error| TransferError::file("name", &self.path, error))?;
        self.is_published = true;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let synced = File::open(parent).and_then(|directory| directory.sync_all());
        synced.map_err(|error| TransferError::file("sync", parent, error))
    }
}

fn require_absent(path: &Path) -> Result<(), TransferError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(TransferError::FileExists { path: path.to_path_buf() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(TransferError::file("look at", path, error)),
    }
}

impl Write for ExportFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for ExportFile {
    fn drop(&mut self) {
        if !self.is_published {
            // If it stays, the next export overwrites it.
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_once_it_is_whole_and_replaces_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.jsonl");
        let mut file = ExportFile::create(&path).unwrap();
        file.write_all(b"longer").unwrap();
        assert_eq!(names(directory.path()), ["a.jsonl.tmp"]);
        assert!(matches!(ExportFile::create(&path), Err(TransferError::FileBusy { .. })));
        drop(file);
        assert!(names(directory.path()).is_empty());
        // As a killed export leaves it.
        fs::write(directory.path().join("a.jsonl.tmp"), "much longer").unwrap();
        let mut file = ExportFile::create(&path).unwrap();
        file.write_all(b"text").unwrap();
        file.publish().unwrap();
        assert_eq!(names(directory.path()), ["a.jsonl"]);
        assert_eq!(fs::read(&path).unwrap(), b"text");
        assert!(matches!(ExportFile::create(&path), Err(TransferError::FileExists { .. })));
    }

    #[test]
    fn a_file_that_came_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let file = ExportFile::create(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert!(matches!(file.publish(), Err(TransferError::FileExists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        assert_eq!(names(directory.path()), ["a"]);
    }
}
