//! The file operations the crate uses, behind traits so that a simulated disk can take their place.
//!
//! What is assumed of a disk: what was written and then synced by [`File::sync`] survives power loss;
//! a name that was created, renamed or removed survives it after [`Directory::sync`]; until then any
//! subset of sectors and names may survive, and the length of a file may grow without its data. A failed
//! sync leaves all of that unknown.

mod real;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), allow(dead_code, reason = "the fuzz targets use a part"))]
pub(crate) mod simulated;

pub(crate) use real::RealFileSystem;

use std::io;
use std::path::Path;

use crate::sync::Arc;

/// Files by name.
pub(crate) trait FileSystem: Send + Sync + 'static {
    /// Makes the directory and its missing parents, each durably.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in any order; names that are not UTF-8 are left out.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// Makes a file that must not exist yet, for reading and writing.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, replacing what has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name; open handles keep its contents.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Opens a directory to sync it, once: to open it for each sync could fail for want of a descriptor.
    fn open_directory(&self, path: &Path) -> io::Result<Arc<dyn Directory>>;

    /// Whether several threads may read at once; a simulation that counts calls wants them in order.
    fn reads_beside(&self) -> bool {
        true
    }

    /// Takes the exclusive lock of a file, making the file if it is missing; `None` if it is taken.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// An open file; every operation names its offset, so that one handle serves many threads.
pub(crate) trait File: Send + Sync + 'static {
    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Reads up to the buffer's length; less than that only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// As [`read_at`](Self::read_at), but [`io::ErrorKind::WouldBlock`] if the disk would be needed.
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of the bytes; on an error any part of them may be there.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file to this length, or makes it so long with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes the contents and the length survive power loss.
    fn sync(&self) -> io::Result<()>;
}

/// An open directory.
pub(crate) trait Directory: Send + Sync + 'static {
    /// Makes every change of names in it survive power loss.
    fn sync(&self) -> io::Result<()>;
}

/// A lock that is held until it is dropped, and let go by the operating system if the process dies.
pub(crate) trait Lock: Send + Sync {
    /// Leaves a note about the holder for others to read.
    fn describe(&self, holder: &str) -> io::Result<()>;
}

/// Reads a small file whole, up to `limit` bytes.
pub(crate) fn read_small(
    file_system: &dyn FileSystem,
    path: &Path,
    limit: usize,
) -> io::Result<Vec<u8>> {
    let mut contents = vec![0; limit];
    let length = file_system.open(path)?.read_at(&mut contents, 0)?;
    contents.truncate(length);
    Ok(contents)
}
