//! A file system that fails when it is told to, and knows what was synced.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::segments;
use crate::storage::fs::{File, FileSystem, Lock, RealFileSystem};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock};

/// The real file system, with switches that make it fail and a note of what was synced.
#[derive(Default)]
pub(super) struct Switches {
    pub(super) writes_fail: AtomicBool,
    pub(super) syncs_fail: AtomicBool,
    pub(super) removals_fail: AtomicBool,
    pub(super) syncs: AtomicU64,
    /// How many bytes were written.
    pub(super) written: AtomicU64,
    /// How much of each file survives a power loss.
    pub(super) synced: Mutex<BTreeMap<PathBuf, u64>>,
    /// What was done to names, in order.
    pub(super) names: Mutex<Vec<&'static str>>,
}

pub(super) struct SwitchedFileSystem(pub(super) Arc<Switches>);

struct SwitchedFile(Arc<dyn File>, Arc<Switches>, PathBuf);

impl Switches {
    /// What a power loss leaves of a directory, with only what was synced in each file.
    pub(super) fn power_loss(&self, directory: &Path) -> TempDir {
        self.power_loss_with(directory, |bytes, synced| bytes.truncate(synced))
    }

    /// What a power loss leaves of a directory where `lose` says what of each file beyond the synced part.
    pub(super) fn power_loss_with(
        &self,
        directory: &Path,
        mut lose: impl FnMut(&mut Vec<u8>, usize),
    ) -> TempDir {
        let copy = TempDir::new().unwrap();
        for path in segments(directory) {
            let mut bytes = std::fs::read(&path).unwrap();
            let stem = path.with_extension("");
            lose(&mut bytes, usize::try_from(lock(&self.synced)[&stem]).unwrap());
            std::fs::write(copy.path().join(path.file_name().unwrap()), &bytes).unwrap();
        }
        copy
    }
}

impl FileSystem for SwitchedFileSystem {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        RealFileSystem.create_directory(path)
    }
    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        RealFileSystem.list(directory)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        lock(&self.0.synced).insert(path.with_extension(""), 0);
        let file = RealFileSystem.create(path)?;
        Ok(Arc::new(SwitchedFile(file, Arc::clone(&self.0), path.with_extension(""))))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = RealFileSystem.open(path)?;
        Ok(Arc::new(SwitchedFile(file, Arc::clone(&self.0), path.with_extension(""))))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFileSystem.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        if self.0.removals_fail.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        lock(&self.0.names).push("remove");
        RealFileSystem.remove(path)
    }
    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        lock(&self.0.names).push("sync");
        Ok(())
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        RealFileSystem.lock(path)
    }
}

impl File for SwitchedFile {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_cached_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.1.writes_fail.load(Ordering::Relaxed) {
            // A full disk takes a part of what is written.
            self.0.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.0.write_at(bytes, offset)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut synced = lock(&self.1.synced);
        let survives = synced.entry(self.2.clone()).or_default();
        *survives = (*survives).min(length);
        self.0.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.1.syncs.fetch_add(1, Ordering::Relaxed);
        match self.1.syncs_fail.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the disk is gone")),
            false => {
                // What the tests lose is lost from a copy, so the disk need not be waited for.
                lock(&self.1.synced).insert(self.2.clone(), self.0.length()?);
                Ok(())
            }
        }
    }
}
