//! The operating system's files.

use std::fs::{self, DirBuilder};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, flock, openat, renameat, unlinkat};
use rustix::io::{Errno, ReadWriteFlags, retry_on_intr};

use super::{Directory, File, FileSystem, Lock};
use crate::sync::Arc;

/// Only the owner may read what a store holds.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const DIRECTORY_MODE: u32 = 0o700;

/// The file system of the machine.
pub(crate) struct RealFileSystem;

/// Never through a symbolic link, never kept by a program that this one starts, and never waiting for
/// the other end of a pipe that has the name of a file.
const FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

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

    fn open_directory(&self, path: &Path) -> io::Result<Arc<dyn Directory>> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?;
        Ok(Arc::new(RealDirectory(handle.into())))
    }
}

struct RealDirectory(fs::File);

impl RealDirectory {
    /// Opens a regular file.
    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<fs::File> {
        let opened = retry_on_intr(|| openat(&self.0, name, flags | FLAGS, FILE_MODE));
        let file: fs::File = match opened {
            Err(Errno::LOOP) => return Err(irregular("a symbolic link")),
            opened => opened?.into(),
        };
        if !file.metadata()?.is_file() {
            return Err(irregular("not a regular file"));
        }
        Ok(file)
    }
}

fn irregular(kind: &str) -> io::Error {
    let message = format!("it is {kind}, which this program neither makes nor follows; remove it");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl Directory for RealDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
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
        Ok(Arc::new(self.open_file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(self.open_file(name, OFlags::RDWR)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let file = self.open_file(name, OFlags::RDWR | OFlags::CREATE)?;
        match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => Ok(Some(Box::new(HeldLock(file)))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl File for fs::File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
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

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

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
        RealFileSystem.open_directory(directory.path()).unwrap()
    }

    #[test]
    fn a_lock_is_exclusive_within_one_process_too() {
        let directory = tempfile::tempdir().unwrap();
        let directory = open(&directory);
        let held = directory.lock("LOCK").unwrap();
        assert!(held.is_some());
        assert!(directory.lock("LOCK").unwrap().is_none());
        drop(held);
        assert!(directory.lock("LOCK").unwrap().is_some());
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
}
