//! A disk in memory, which can be copied at any moment, as a killed process leaves it, and changed by hand.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::storage::fs::{Directory, File, FileSystem, Lock};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock};

/// What every file holds.
pub(super) type Image = BTreeMap<PathBuf, Vec<u8>>;

/// Files that are read whole into a buffer of fixed size may be shorter than it.
const SMALL_BUFFER_BYTES: usize = 256;

#[derive(Default)]
pub(super) struct Disk {
    files: Mutex<BTreeMap<PathBuf, Arc<DiskFile>>>,
    is_full: Arc<AtomicBool>,
    kill: Mutex<Kill>,
}

/// The image that a kill at some moment leaves.
#[derive(Default)]
struct Kill {
    /// How many changes of names come before it, if one was asked for.
    after: Option<usize>,
    image: Option<Image>,
}

struct DiskFile {
    bytes: Mutex<Vec<u8>>,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    pub(super) fn new(image: Image) -> Arc<Self> {
        let disk = Arc::new(Self::default());
        for (path, bytes) in image {
            lock(&disk.files).insert(path, disk.file(bytes));
        }
        disk
    }

    pub(super) fn image(&self) -> Image {
        let files = lock(&self.files);
        files.iter().map(|(path, file)| (path.clone(), lock(&file.bytes).clone())).collect()
    }

    /// While it is full, a write takes a part of its bytes and fails.
    pub(super) fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Damages a byte of a file that may be open.
    pub(super) fn flip(&self, path: &Path, at: usize) {
        if let Some(file) = lock(&self.files).get(path) {
            lock(&file.bytes)[at] ^= 0x10;
        }
    }

    /// Keeps what is there before one of the next changes of names, after this many others.
    pub(super) fn kill_after(&self, changes: usize) {
        *lock(&self.kill) = Kill { after: Some(changes), image: None };
    }

    /// What the kill left, if the moment has come since it was asked for.
    pub(super) fn killed(&self) -> Option<Image> {
        std::mem::take(&mut *lock(&self.kill)).image
    }

    fn before_change_of_names(&self) {
        let mut kill = lock(&self.kill);
        if kill.after == Some(0) {
            kill.image = Some(self.image());
        }
        kill.after = kill.after.and_then(|changes| changes.checked_sub(1));
    }

    fn file(&self, bytes: Vec<u8>) -> Arc<DiskFile> {
        Arc::new(DiskFile { bytes: Mutex::new(bytes), is_full: Arc::clone(&self.is_full) })
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl FileSystem for Disk {
    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let files = lock(&self.files);
        let inside = files.keys().filter(|path| path.parent() == Some(directory));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.before_change_of_names();
        let mut files = lock(&self.files);
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = self.file(Vec::new());
        files.insert(path.to_path_buf(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = lock(&self.files).get(path).cloned();
        Ok(file.ok_or_else(not_found)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before_change_of_names();
        let mut files = lock(&self.files);
        let file = files.remove(from).ok_or_else(not_found)?;
        files.insert(to.to_path_buf(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.before_change_of_names();
        lock(&self.files).remove(path).map(drop).ok_or_else(not_found)
    }

    fn open_directory(&self, _path: &Path) -> io::Result<Arc<dyn Directory>> {
        Ok(Arc::new(NoDirectory))
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        Ok(Some(Box::new(NoLock)))
    }
}

impl File for DiskFile {
    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.bytes).len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = lock(&self.bytes);
        let bound = bytes.len().max(SMALL_BUFFER_BYTES);
        let wanted = buffer.len();
        assert!(wanted <= bound, "a buffer of {wanted} bytes for a file of {}", bytes.len());
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = wanted.min(bytes.len() - start);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let is_full = self.is_full.load(Ordering::Relaxed);
        let taken = if is_full { &bytes[..bytes.len() / 2] } else { bytes };
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let mut file = lock(&self.bytes);
        let length = file.len().max(start + taken.len());
        file.resize(length, 0);
        file[start..start + taken.len()].copy_from_slice(taken);
        if is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        lock(&self.bytes).truncate(usize::try_from(length).map_err(io::Error::other)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

struct NoDirectory;

impl Directory for NoDirectory {
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

struct NoLock;

impl Lock for NoLock {
    fn describe(&self, _holder: &str) -> io::Result<()> {
        Ok(())
    }
}
