//! The file operations the crate uses, behind traits so that a simulated disk can take their place.
//!
//! A path is resolved once, by [`FileSystem::open_directory`]. From then on everything is done by name
//! relative to the open [`Directory`], so a store goes on in its own directory when the directory is
//! renamed, another one takes its name, or the process changes its current directory.
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

/// The way from a path to a directory.
pub(crate) trait FileSystem: Send + Sync + 'static {
    /// Makes the directory, whose parent must exist, durably.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Opens a directory, with `access` to its files.
    fn open_directory(&self, path: &Path, access: FileAccess) -> io::Result<Arc<dyn Directory>>;
}

/// The use that is made of the files of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileAccess {
    /// They are read and changed.
    ReadWrite,
    /// They are only read, which works without the permission to write and on a read-only disk.
    ReadOnly,
}

/// The users that may change a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// The user id of its owner.
    pub(crate) owner: u32,
    /// The effective user id of this process.
    pub(crate) user: u32,
    /// Every user may rename and remove the files in it.
    pub(crate) is_open_to_all: bool,
}

/// The holders that a lock admits beside this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// None.
    Exclusive,
    /// Other shared ones.
    Shared,
}

/// An open directory; names are those of its own files, never paths.
pub(crate) trait Directory: Send + Sync + 'static {
    /// Returns the names in it, in any order; names that are not UTF-8 are left out.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file that must not exist yet, for reading and writing.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a file with the access that the directory was opened with.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, replacing what has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file's name; open handles keep its contents.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every change of names in it survive power loss.
    fn sync(&self) -> io::Result<()>;

    /// Takes the lock of the directory itself, which nobody can remove and make again behind the
    /// holder's back; `None` if it is taken.
    fn lock(&self, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>>;

    /// Takes the lock of a file; `None` if it is taken. An exclusive lock makes the file if it is
    /// missing.
    fn lock_file(&self, name: &str, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>>;

    /// Returns the users that may change it.
    fn ownership(&self) -> io::Result<Ownership>;

    /// Returns the number of names it has; 0 once it was removed.
    fn links(&self) -> io::Result<u64>;

    /// Returns how large its file system is; an error where that has no answer.
    fn space(&self) -> io::Result<Space>;

    /// Returns true if several threads may read its files at once; a simulation that counts calls
    /// wants them in order.
    fn reads_beside(&self) -> bool {
        true
    }
}

/// An open file; every operation names its offset, so that one handle serves many threads.
pub(crate) trait File: Send + Sync + 'static {
    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Returns the number of names it has; 0 once it was removed or replaced.
    fn links(&self) -> io::Result<u64>;

    /// Reads up to the buffer's length; less than that only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// As [`read_at`](Self::read_at), but [`io::ErrorKind::WouldBlock`] if the disk would be needed.
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of the bytes; on an error any part of them may be there.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file to this length, or makes it so long with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Gives the file space on the disk up to this length, and makes it so long with zeros if it is
    /// shorter; on an error a part of the space may be given, and the file longer.
    fn allocate(&self, length: u64) -> io::Result<()>;

    /// Makes the contents and the length survive power loss.
    fn sync(&self) -> io::Result<()>;
}

/// The size of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) total: u64,
    /// The bytes that files of this process may still take.
    pub(crate) available: u64,
}

/// A lock that is held until it is dropped, and let go by the operating system if the process dies.
pub(crate) trait Lock: Send + Sync {
    /// Leaves a note about the holder in the locked file, for others to read.
    fn describe(&self, holder: &str) -> io::Result<()>;
}

/// Reads a small file whole, up to `limit` bytes.
pub(crate) fn read_small(
    directory: &dyn Directory,
    name: &str,
    limit: usize,
) -> io::Result<Vec<u8>> {
    let mut contents = vec![0; limit];
    let length = directory.open(name)?.read_at(&mut contents, 0)?;
    contents.truncate(length);
    Ok(contents)
}
