//! An open file of the simulated disk.

use std::io;

use super::super::File;
use super::disk_inner::SharedInner;
use super::fault::{Call, CallTarget, Failure};
use super::state::{FileChange, FileContents};

/// Files that are read whole into a buffer of fixed size may be shorter than it.
const SMALL_BUFFER_BYTES: usize = 256;

/// A handle of a file, which keeps its space.
pub(super) struct SimulatedFile {
    disk: SharedInner,
    /// The number of the file.
    file: usize,
}

impl SimulatedFile {
    /// Opens a file by its number.
    pub(super) fn open(disk: SharedInner, file: usize) -> Self {
        *disk.lock().handles.entry(file).or_default() += 1;
        Self { disk, file }
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl File for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        let mut inner = self.disk.lock();
        inner.check(Call::Length, CallTarget::File(self.file))?;
        Ok(inner.state.files[self.file].visible.len() as u64)
    }

    fn links(&self) -> io::Result<u64> {
        let mut inner = self.disk.lock();
        inner.check(Call::Links, CallTarget::File(self.file))?;
        Ok(inner.state.names.values().filter(|file| **file == self.file).count() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut inner = self.disk.lock();
        inner.check(Call::Read, CallTarget::File(self.file))?;
        let FileContents { visible, durable, .. } = &*inner.state.files[self.file];
        // Bytes that damage cut off while the file was open do not count.
        let length = visible.len().max(durable.len());
        let (wanted, bound) = (buffer.len(), length.max(SMALL_BUFFER_BYTES));
        assert!(wanted <= bound, "a buffer of {wanted} bytes for a file of {length}");
        let rest = visible.get(position(offset)?..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.lock().write(self.file, bytes, position(offset)?)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut inner = self.disk.lock();
        inner.check(Call::SetLength, CallTarget::File(self.file))?;
        inner.state.change(self.file, FileChange::SetLength { length: position(length)? });
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut inner = self.disk.lock();
        inner.check(Call::Allocate, CallTarget::File(self.file))?;
        let length = position(length)?;
        if inner.missing(self.file, length) > 0 {
            return Err(Failure::Full.error());
        }
        inner.state.allocate(self.file, length);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.lock().sync(self.file)
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let mut inner = self.disk.lock();
        if let Some(count) = inner.handles.get_mut(&self.file) {
            *count -= 1;
            if *count == 0 {
                inner.handles.remove(&self.file);
            }
        }
    }
}
