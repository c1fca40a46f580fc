//! The file system, behind traits: the operating system's ([`real`]), or a simulated disk in tests.
//!
//! A path is resolved once, by [`FileSystem::open_directory`]. From then on everything is done by
//! name relative to the open [`Directory`], so a store goes on in its own directory when the
//! directory is renamed, another one takes its name, or the process changes its current directory.
//!
//! Assumptions about a disk: what was written and then synced by [`File::sync`] survives power
//! loss; a name that was created, renamed or removed survives it after [`Directory::sync`]; until
//! then any subset of sectors and names may survive, and the length of a file may grow without its
//! data. A failed sync leaves all of that unknown.

mod lenient;
mod real;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), allow(dead_code, reason = "the fuzz targets use a part"))]
pub(crate) mod simulated;

pub(crate) use lenient::{LenientDirectory, UnreadableBytes};
pub(crate) use real::RealFileSystem;

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::sync::Arc;

/// A file system: leads from a path to a directory.
pub(crate) trait FileSystem: Send + Sync + 'static {
    /// Creates the directory durably. Its parent must exist.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Opens a directory, with `access` to its files.
    fn open_directory(&self, path: &Path, access: FileAccess) -> io::Result<Arc<dyn Directory>>;
}

/// The access to the files of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileAccess {
    /// Reading and changing them.
    ReadWrite,
    /// Only reading them, which needs no permission to write and works on a read-only disk.
    ReadOnly,
}

/// The users that may change a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// The user id of its owner.
    pub(crate) owner: u32,
    /// The effective user id of this process.
    pub(crate) user: u32,
    /// True if every user may rename and remove the files in it.
    pub(crate) is_open_to_all: bool,
}

/// The kind of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// A lock with no other holder.
    Exclusive,
    /// A lock that may have other shared holders.
    Shared,
}

/// An open directory; names are those of its own files, never paths.
pub(crate) trait Directory: Send + Sync + 'static {
    /// Returns the names in it, in any order; names that are not UTF-8 are left out.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates a file that must not exist yet, for reading and writing.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a file with the access that the directory was opened with.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Renames a file, and replaces a file that has the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file's name; open handles keep its contents.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file of another directory the same name in this one, which must be free here. An
    /// error of any kind may mean that the two cannot share files.
    fn link_from(&self, source: &dyn Directory, name: &str) -> io::Result<()>;

    /// Opens a directory in this one, and makes it durably if it is missing.
    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>>;

    /// Returns the descriptor of the operating system, if it has one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;

    /// Makes every change of names in it durable.
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

    /// Returns the size of its file system; an error if that has no size of its own.
    fn space(&self) -> io::Result<Space>;

    /// Returns the bytes that its files take on the disk.
    fn bytes(&self) -> io::Result<u64>;

    /// Returns true if several threads may read its files at once; a simulation that counts calls
    /// wants them in order.
    fn reads_beside(&self) -> bool {
        true
    }
}

/// An open file; every operation names its offset, so that one handle serves many threads.
pub(crate) trait File: Send + Sync + 'static {
    /// Returns the length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Returns the number of names it has; 0 once it was removed or replaced.
    fn links(&self) -> io::Result<u64>;

    /// Reads into the buffer. Returns the number of bytes, less than its length only at the end of
    /// the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Reads likewise, but fails with [`io::ErrorKind::WouldBlock`] if the disk would be needed.
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of the bytes. After an error any part of them may be there.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Truncates the file to this length, or extends it with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Allocates space on the disk up to this length, and extends a shorter file with zeros. After
    /// an error a part of the space may be allocated, and the file longer.
    fn allocate(&self, length: u64) -> io::Result<()>;

    /// Makes the contents and the length durable.
    fn sync(&self) -> io::Result<()>;
}

/// The size of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) total: u64,
    /// The bytes that files of this process may still take.
    pub(crate) available: u64,
}

/// A held lock. Dropping it, or the death of the process, releases it.
pub(crate) trait Lock: Send + Sync {
    /// Writes a note about the holder into the locked file, for others to read.
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
