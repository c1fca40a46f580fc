//! The operating system's files.

use std::fs::{self, DirBuilder};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FallocateFlags, FileType, FlockOperation, Mode, OFlags, fallocate, flock,
    fstatvfs, linkat, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::{Errno, ReadWriteFlags, retry_on_intr};

use super::{Directory, File, FileAccess, FileSystem, Lock, Ownership, Sharing, Space};
use crate::sync::Arc;

/// The permissions of new files: only the owner may read what a store holds.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
/// The permissions of new directories.
const DIRECTORY_MODE: u32 = 0o700;

/// The file system of the machine.
pub(crate) struct RealFileSystem;

/// The flags of every open: follow no symbolic link, hand no file to a program that this one
/// starts, and wait for no other end of a pipe that has the name of a file.
const FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl RealFileSystem {
    /// Creates a directory for a library that creates its own files, or takes the permissions of
    /// other users off an existing one and its files.
    #[cfg(feature = "sled")]
    pub(crate) fn restrict(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        match self.create_directory(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let handle = fs::File::open(path)?;
        handle.set_permissions(fs::Permissions::from_mode(DIRECTORY_MODE))?;
        let directory = RealDirectory { handle, access: FileAccess::ReadOnly };
        for name in directory.list()? {
            if let Ok(file) = directory.open_file(&name, OFlags::RDONLY) {
                file.set_permissions(fs::Permissions::from_mode(FILE_MODE.as_raw_mode()))?;
            }
        }
        Ok(())
    }
}

/// Returns a path's parent; that of a bare name is the current directory.
fn parent(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

impl FileSystem for RealFileSystem {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(DIRECTORY_MODE).create(path)?;
        parent(path).map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
    }

    fn open_directory(&self, path: &Path, access: FileAccess) -> io::Result<Arc<dyn Directory>> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?;
        Ok(Arc::new(RealDirectory { handle: handle.into(), access }))
    }
}

/// An open directory.
struct RealDirectory {
    handle: fs::File,
    access: FileAccess,
}

impl RealDirectory {
    /// Opens a regular file.
    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<fs::File> {
        let opened = retry_on_intr(|| openat(&self.handle, name, flags | FLAGS, FILE_MODE));
        let file: fs::File = match opened {
            Err(Errno::LOOP) => return Err(irregular("is a symbolic link")),
            opened => opened?.into(),
        };
        if !file.metadata()?.is_file() {
            return Err(irregular("is not a regular file"));
        }
        Ok(file)
    }

    /// Fails if the directory is only read.
    fn refuse_changes(&self) -> io::Result<()> {
        match self.access {
            FileAccess::ReadWrite => Ok(()),
            FileAccess::ReadOnly => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }
}

/// Returns the error for a name that is no regular file.
fn irregular(fault: &str) -> io::Error {
    let message = format!("it {fault}, which kvs does not accept; remove it");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl Directory for RealDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.refuse_changes()?;
        Ok(Arc::new(self.open_file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let flags = match self.access {
            FileAccess::ReadWrite => OFlags::RDWR,
            FileAccess::ReadOnly => OFlags::RDONLY,
        };
        Ok(Arc::new(self.open_file(name, flags)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.refuse_changes()?;
        Ok(renameat(&self.handle, from, &self.handle, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.refuse_changes()?;
        Ok(unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    fn link_from(&self, source: &dyn Directory, name: &str) -> io::Result<()> {
        self.refuse_changes()?;
        let source = source.descriptor().ok_or(io::ErrorKind::Unsupported)?;
        Ok(linkat(source, name, &self.handle, name, AtFlags::empty())?)
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        self.refuse_changes()?;
        let mode = Mode::from_raw_mode(DIRECTORY_MODE);
        match retry_on_intr(|| mkdirat(&self.handle, name, mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        // A crash may have come between its making and this.
        self.handle.sync_all()?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let handle = retry_on_intr(|| openat(&self.handle, name, flags, Mode::empty()))?;
        Ok(Arc::new(Self { handle: handle.into(), access: self.access }))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.handle.as_fd())
    }

    fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn space(&self) -> io::Result<Space> {
        let found = fstatvfs(&self.handle)?;
        // Some file systems have no size of their own.
        if found.f_blocks == 0 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { total: bytes(found.f_blocks), available: bytes(found.f_bavail) })
    }

    fn lock(&self, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        // A handle of its own: a lock lasts as long as its handle, and clones of this one may
        // outlive the store.
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = retry_on_intr(|| openat(&self.handle, ".", flags, Mode::empty()))?;
        lock(handle.into(), sharing)
    }

    fn lock_file(&self, name: &str, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        let file = match sharing {
            Sharing::Exclusive => self.open_file(name, OFlags::RDWR | OFlags::CREATE)?,
            Sharing::Shared => self.open_file(name, OFlags::RDONLY)?,
        };
        if file.links()? > 1 {
            return Err(irregular("has a second name (a hard link)"));
        }
        lock(file, sharing)
    }

    fn ownership(&self) -> io::Result<Ownership> {
        let metadata = self.handle.metadata()?;
        let mode = Mode::from_raw_mode(metadata.mode());
        Ok(Ownership {
            owner: metadata.uid(),
            user: rustix::process::geteuid().as_raw(),
            is_open_to_all: mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX),
        })
    }

    fn links(&self) -> io::Result<u64> {
        self.handle.links()
    }

    fn bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in Dir::read_from(&self.handle)? {
            match statat(&self.handle, entry?.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {
                    bytes += u64::try_from(found.st_blocks).unwrap_or(0) * BLOCK_BYTES;
                }
                // Others are no files of the store, or were removed meanwhile.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(bytes)
    }
}

/// The unit in which the system counts the space of a file, on every file system.
const BLOCK_BYTES: u64 = 512;

/// Takes the lock of an open file; `None` if it is taken.
fn lock(file: fs::File, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
    let operation = match sharing {
        Sharing::Exclusive => FlockOperation::NonBlockingLockExclusive,
        Sharing::Shared => FlockOperation::NonBlockingLockShared,
    };
    match retry_on_intr(|| flock(&file, operation)) {
        Ok(()) => Ok(Some(Box::new(HeldLock(file)))),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl File for fs::File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn links(&self) -> io::Result<u64> {
        match self.metadata() {
            // A file that another machine removed from a network disk.
            Err(error) if error.kind() == io::ErrorKind::StaleNetworkFileHandle => Ok(0),
            metadata => Ok(metadata?.nlink()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(self, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let wanted = buffer.len();
        let mut slices = [IoSliceMut::new(buffer)];
        match rustix::io::preadv2(self, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            // A part in memory is no use: the caller starts again where waiting is allowed.
            Ok(count) if count < wanted => Err(io::ErrorKind::WouldBlock.into()),
            Ok(count) => Ok(count),
            // Some file systems cannot say what is in memory.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::AGAIN | Errno::INTR) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        Ok(retry_on_intr(|| fallocate(self, FallocateFlags::empty(), 0, length))?)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A locked file, whose handle holds the lock.
struct HeldLock(fs::File);

impl Lock for HeldLock {
    fn describe(&self, holder: &str) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.write_all_at(holder.as_bytes(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &tempfile::TempDir) -> Arc<dyn Directory> {
        RealFileSystem.open_directory(directory.path(), FileAccess::ReadWrite).unwrap()
    }

    #[test]
    fn a_lock_is_exclusive_within_one_process_too() {
        let directory = tempfile::tempdir().unwrap();
        let directory = open(&directory);
        let lock_file = |sharing| directory.lock_file("LOCK", sharing).unwrap();
        let lock = |sharing| directory.lock(sharing).unwrap();
        let locks: [&dyn Fn(Sharing) -> Option<Box<dyn Lock>>; 2] = [&lock, &lock_file];
        for lock in locks {
            let held = lock(Sharing::Exclusive);
            assert!(held.is_some());
            assert!(lock(Sharing::Exclusive).is_none() && lock(Sharing::Shared).is_none());
            drop(held);
            let shared = [lock(Sharing::Shared), lock(Sharing::Shared)];
            assert!(shared.iter().all(Option::is_some) && lock(Sharing::Exclusive).is_none());
            drop(shared);
            assert!(lock(Sharing::Exclusive).is_some());
        }
    }

    #[test]
    fn only_regular_files_are_opened_and_no_link_is_followed() {
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::os::unix::fs::symlink(&victim, path("link")).unwrap();
        fs::hard_link(&victim, path("second")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path("pipe"),
            rustix::fs::FileType::Fifo,
            FILE_MODE,
            0,
        )
        .unwrap();
        fs::create_dir(path("folder")).unwrap();
        let handle = open(&directory);
        for name in ["link", "pipe", "folder"] {
            assert!(handle.open(name).is_err(), "{name}");
            assert!(handle.create(name).is_err(), "{name}");
            assert!(handle.lock_file(name, Sharing::Exclusive).is_err(), "{name}");
        }
        assert!(handle.lock_file("second", Sharing::Exclusive).is_err());
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn files_are_found_in_the_open_directory_wherever_it_is_moved() {
        let parent = tempfile::tempdir().unwrap();
        let (here, there) = (parent.path().join("here"), parent.path().join("there"));
        RealFileSystem.create_directory(&here).unwrap();
        let handle = RealFileSystem.open_directory(&here, FileAccess::ReadWrite).unwrap();
        let file = handle.create("f").unwrap();
        fs::rename(&here, &there).unwrap();
        fs::create_dir(&here).unwrap();
        handle.create("g").unwrap();
        let mut names = handle.list().unwrap();
        names.sort();
        assert_eq!(names, ["f", "g"]);
        assert_eq!(fs::read_dir(&here).unwrap().count(), 0);
        assert!(handle.links().unwrap() > 0 && file.links().unwrap() == 1);
        fs::remove_dir_all(&there).unwrap();
        assert_eq!((handle.links().unwrap(), file.links().unwrap()), (0, 0));
        assert!(handle.create("h").is_err());
    }

    #[test]
    fn nothing_is_changed_through_a_directory_that_is_only_read() {
        let directory = tempfile::tempdir().unwrap();
        open(&directory).create("f").unwrap().write_at(b"abc", 0).unwrap();
        let access = FileAccess::ReadOnly;
        let handle = RealFileSystem.open_directory(directory.path(), access).unwrap();
        let file = handle.open("f").unwrap();
        assert!(file.write_at(b"x", 0).is_err() && file.set_length(0).is_err());
        assert!(handle.create("g").is_err() && handle.remove("f").is_err());
        assert!(handle.rename("f", "g").is_err());
        assert_eq!(fs::read(directory.path().join("f")).unwrap(), b"abc");
    }

    #[test]
    fn reads_stop_at_the_end_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let directory = open(&directory);
        let file = directory.create("f").unwrap();
        file.write_at(b"abcdef", 0).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(file.read_at(&mut buffer, 4).unwrap(), 2);
        assert_eq!(&buffer[..2], b"ef");
        assert!(directory.create("f").is_err());
    }

    #[test]
    fn allocated_space_is_taken_and_given_back() {
        use std::os::unix::fs::MetadataExt;
        let path = tempfile::tempdir().unwrap();
        let directory = open(&path);
        let space = directory.space().unwrap();
        assert!(0 < space.available && space.available <= space.total);
        let file = directory.create("f").unwrap();
        let taken = || fs::metadata(path.path().join("f")).unwrap().blocks() * 512;
        match file.allocate(1 << 20) {
            Ok(()) => assert!(taken() >= 1 << 20),
            Err(error) => return assert_eq!(error.kind(), io::ErrorKind::Unsupported),
        }
        assert_eq!(file.length().unwrap(), 1 << 20);
        file.set_length(4096).unwrap();
        assert!(taken() < 1 << 20);
        assert!(directory.create("g").unwrap().allocate(i64::MAX as u64).is_err());
    }
}
