//! A directory that is read although some of its bytes cannot be.
//!
//! A disk that fails to read a sector fails the whole read. Here such a read is done again block by
//! block. Blocks that cannot be read are filled with bytes that are no part of any format, so that
//! whoever reads them finds damage, and goes on behind them.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use super::{Directory, File, Lock, Ownership, Sharing, Space};
use crate::sync::{Arc, Mutex, lock};

/// The bytes that are read at once where a larger read failed.
const BLOCK_BYTES: u64 = 4096;

/// The byte in place of those that cannot be read. Zeros would look like preallocated space.
const UNREADABLE: u8 = 0xFF;

/// Blocks that could not be read, by file and offset, with the error.
type UnreadableBlocks = Mutex<BTreeMap<(String, u64), (u64, String)>>;

/// A directory whose files can be read although some of their bytes cannot be. Nothing in it can be
/// changed.
pub(crate) struct LenientDirectory {
    inner: Arc<dyn Directory>,
    unreadable: Arc<UnreadableBlocks>,
}

/// Bytes of a file that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnreadableBytes {
    pub(crate) name: String,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) error: String,
}

impl LenientDirectory {
    /// Wraps a directory.
    pub(crate) fn new(inner: Arc<dyn Directory>) -> Self {
        Self { inner, unreadable: Arc::new(Mutex::new(BTreeMap::new())) }
    }

    /// Returns the bytes that could not be read so far.
    pub(crate) fn unreadable(&self) -> Vec<UnreadableBytes> {
        let mut found: Vec<UnreadableBytes> = Vec::new();
        for ((name, offset), (bytes, error)) in &*lock(&self.unreadable) {
            match found.last_mut() {
                Some(last) if last.name == *name && last.offset + last.bytes == *offset => {
                    last.bytes += bytes;
                }
                _ => {
                    let (name, error) = (name.clone(), error.clone());
                    found.push(UnreadableBytes { name, offset: *offset, bytes: *bytes, error });
                }
            }
        }
        found
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Directory for LenientDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, _name: &str) -> io::Result<Arc<dyn File>> {
        read_only()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let (inner, name) = (self.inner.open(name)?, name.to_owned());
        Ok(Arc::new(LenientFile { inner, name, unreadable: Arc::clone(&self.unreadable) }))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        read_only()
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        read_only()
    }

    fn link_from(&self, _source: &dyn Directory, _name: &str) -> io::Result<()> {
        read_only()
    }

    fn subdirectory(&self, _name: &str) -> io::Result<Arc<dyn Directory>> {
        read_only()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inner.descriptor()
    }

    fn sync(&self) -> io::Result<()> {
        read_only()
    }

    fn lock(&self, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        self.inner.lock(sharing)
    }

    fn lock_file(&self, name: &str, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        self.inner.lock_file(name, sharing)
    }

    fn ownership(&self) -> io::Result<Ownership> {
        self.inner.ownership()
    }

    fn links(&self) -> io::Result<u64> {
        self.inner.links()
    }

    fn space(&self) -> io::Result<Space> {
        self.inner.space()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.inner.bytes()
    }

    fn reads_beside(&self) -> bool {
        self.inner.reads_beside()
    }
}

/// A file of such a directory.
struct LenientFile {
    inner: Arc<dyn File>,
    name: String,
    unreadable: Arc<UnreadableBlocks>,
}

impl LenientFile {
    /// Reads block by block.
    fn read_blocks(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let length = self.inner.length()?.saturating_sub(offset);
        let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
        let mut done = 0;
        while done < wanted {
            let at = offset + done as u64;
            let to_next = usize::try_from(BLOCK_BYTES - at % BLOCK_BYTES).unwrap_or(1);
            let block = &mut buffer[done..wanted.min(done + to_next)];
            match self.inner.read_at(block, at) {
                // The file was cut meanwhile.
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) => {
                    block.fill(UNREADABLE);
                    let bytes = block.len() as u64;
                    let place = (self.name.clone(), at);
                    lock(&self.unreadable).insert(place, (bytes, error.to_string()));
                    done += block.len();
                }
            }
        }
        Ok(done)
    }
}

impl File for LenientFile {
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn links(&self) -> io::Result<u64> {
        self.inner.links()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset).or_else(|_| self.read_blocks(buffer, offset))
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_cached_at(buffer, offset)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        read_only()
    }

    fn set_length(&self, _length: u64) -> io::Result<()> {
        read_only()
    }

    fn allocate(&self, _length: u64) -> io::Result<()> {
        read_only()
    }

    fn sync(&self) -> io::Result<()> {
        read_only()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::fs::simulated::{SimulatedDisk, State};

    /// A file of which the bytes from one offset to another cannot be read.
    struct BadSectors(Arc<dyn File>, u64, u64);

    impl File for BadSectors {
        fn length(&self) -> io::Result<u64> {
            self.0.length()
        }
        fn links(&self) -> io::Result<u64> {
            self.0.links()
        }
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let end = offset + buffer.len() as u64;
            if offset < self.2 && end > self.1 {
                return Err(io::Error::other("bad sector"));
            }
            self.0.read_at(buffer, offset)
        }
        fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.read_at(buffer, offset)
        }
        fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
            read_only()
        }
        fn set_length(&self, _: u64) -> io::Result<()> {
            read_only()
        }
        fn allocate(&self, _: u64) -> io::Result<()> {
            read_only()
        }
        fn sync(&self) -> io::Result<()> {
            read_only()
        }
    }

    #[test]
    fn bytes_around_a_bad_sector_are_read() {
        let contents: Vec<u8> = (0..20_000_u32).map(|at| (at % 251) as u8).collect();
        let disk = SimulatedDisk::new(State::with_files([("x".to_owned(), contents.clone())]));
        let directory = LenientDirectory::new(Arc::new(disk.clone()));
        let bad = Arc::new(BadSectors(disk.open("x").unwrap(), 9000, 9100));
        let unreadable = Arc::clone(&directory.unreadable);
        let file = LenientFile { inner: bad, name: "x".to_owned(), unreadable };
        let mut buffer = vec![0; 30_000];
        assert_eq!(file.read_at(&mut buffer, 100).unwrap(), 19_900);
        let bad = 8192 - 100..12_288 - 100;
        for (at, byte) in buffer[..19_900].iter().enumerate() {
            let expected = if bad.contains(&at) { UNREADABLE } else { contents[at + 100] };
            assert_eq!(*byte, expected, "{at}");
        }
        let (name, error) = ("x".to_owned(), "bad sector".to_owned());
        let expected = UnreadableBytes { name, offset: 8192, bytes: 4096, error };
        assert_eq!(directory.unreadable(), [expected]);
        assert_eq!(file.read_at(&mut buffer[..8], 0).unwrap(), 8);
        assert_eq!(directory.unreadable().len(), 1);
    }
}
