//! A disk in memory, with one directory, that loses power and fails when it is told to.
//!
//! Every change is visible at once and durable only by a sync: a file has durable bytes and pending
//! changes, the directory has durable names and pending ones. [`State::image`] makes of that what a power
//! loss may leave. After a failed sync the pending changes of the file are durable or lost, by chance,
//! and no later sync brings them back, as with the page cache of Linux; changes of names stay pending, as
//! in a journal.
//!
//! A disk may have a capacity. A file takes space as long as it has a name or somebody has it open.

mod fault;
#[cfg(test)]
mod image;
mod state;

pub(crate) use fault::{Call, Failure, Fault};
#[cfg(test)]
pub(crate) use image::{Fate, Fill};
pub(crate) use state::State;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::{Directory, File, FileAccess, FileSystem, Lock, Ownership, Sharing, Space};
use crate::sync::{Arc, Unscheduled, UnscheduledGuard};
use fault::Place;
use state::{Change, Contents, NameChange};

/// Files that are read whole into a buffer of fixed size may be shorter than it.
const SMALL_BUFFER_BYTES: usize = 256;

/// What a user of the disk counts: how much of what it did may not be lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Promised {
    /// Whatever happens to the process.
    pub(crate) killed: usize,
    /// Whatever happens to the power.
    pub(crate) power_lost: usize,
}

/// The disk just before a change, with what its user had promised then.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) state: State,
    pub(crate) promised: Promised,
}

#[derive(Default)]
struct Shared {
    state: State,
    /// While a store holds the lock, another directory has the path: to open it again is a mistake of
    /// the test's subject.
    is_locked: bool,
    /// The directory was removed, with the names in it.
    is_removed: bool,
    /// A call that would change anything is a mistake of the test's subject.
    is_write_protected: bool,
    calls: u64,
    fault: Option<Fault>,
    /// The calls that failed, with the name of the file.
    failed: Vec<(Call, String)>,
    /// A call failed.
    has_failed: bool,
    chance: u64,
    promised: Promised,
    moments: Option<Vec<Moment>>,
    /// The number of handles of each open file.
    handles: BTreeMap<usize, usize>,
}

impl Shared {
    /// Counts a call, and says how it fails if it does.
    fn call(&mut self, call: Call, place: Place<'_>) -> Option<Failure> {
        if let (Some(moments), true) = (&mut self.moments, call.changes()) {
            moments.push(Moment { state: self.state.clone(), promised: self.promised });
        }
        assert!(!(self.is_write_protected && call.changes()), "{call:?} on a read-only disk");
        let number = self.calls;
        self.calls += 1;
        let fault = self.fault?;
        let is_due = number == fault.call || fault.forever && number > fault.call;
        let concerns = call.meets(fault.failure);
        if is_due && !concerns && !fault.forever {
            // The next call that can fail like this does.
            self.fault = Some(Fault { call: number + 1, ..fault });
        }
        if !is_due || !concerns {
            return None;
        }
        self.failed.push((call, self.state.name(place)));
        self.has_failed = true;
        Some(fault.failure)
    }

    /// As [`call`](Self::call), for calls that fail without an effect.
    fn check(&mut self, call: Call, place: Place<'_>) -> io::Result<()> {
        self.call(call, place).map_or(Ok(()), |failure| Err(failure.error()))
    }

    fn toss(&mut self) -> bool {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.chance >> 63 == 1
    }

    /// Returns how many bytes files may still take.
    fn available(&self) -> usize {
        let Some(capacity) = self.state.capacity else { return usize::MAX };
        let named = self.state.names.values().copied();
        let mut files: Vec<_> = named.chain(self.handles.keys().copied()).collect();
        files.sort_unstable();
        files.dedup();
        let taken = files.into_iter().map(|file| self.state.files[file].allocated).sum();
        capacity.saturating_sub(taken)
    }

    /// Returns how many bytes are missing for a file to be so long.
    fn missing(&self, file: usize, length: usize) -> usize {
        let growth = length.saturating_sub(self.state.files[file].allocated);
        growth.saturating_sub(self.available())
    }

    fn write(&mut self, file: usize, bytes: &[u8], offset: usize) -> io::Result<()> {
        let Some(failure) = self.call(Call::Write, Place::File(file)) else {
            let missing = self.missing(file, offset + bytes.len());
            let written = &bytes[..bytes.len().saturating_sub(missing)];
            if !written.is_empty() {
                self.state.change(file, Change::Write { offset, bytes: written.to_vec() });
            }
            return if missing == 0 { Ok(()) } else { Err(Failure::Full.error()) };
        };
        let written = match failure {
            Failure::Input if self.toss() => bytes,
            Failure::Short | Failure::Input => &bytes[..bytes.len() / 2],
            Failure::Full | Failure::Interrupted => &[],
        };
        if !written.is_empty() {
            self.state.change(file, Change::Write { offset, bytes: written.to_vec() });
        }
        Err(failure.error())
    }

    fn sync(&mut self, file: usize) -> io::Result<()> {
        let failure = self.call(Call::Sync, Place::File(file));
        let pending = std::mem::take(&mut Arc::make_mut(&mut self.state.files[file]).pending);
        for (_, change) in pending {
            if failure.is_none() || self.toss() {
                change.apply(&mut Arc::make_mut(&mut self.state.files[file]).durable);
            }
        }
        failure.map_or(Ok(()), |failure| Err(failure.error()))
    }

    fn sync_names(&mut self) -> io::Result<()> {
        let failure = self.call(Call::SyncDirectory, Place::Name("."));
        if let Some(failure) = failure {
            return Err(failure.error());
        }
        for (_, change) in std::mem::take(&mut self.state.pending_names) {
            change.apply(&mut self.state.durable_names);
        }
        Ok(())
    }
}

/// A file system over a [`State`]; clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimulatedDisk(Arc<Unscheduled<Shared>>);

impl SimulatedDisk {
    /// A disk that begins with this.
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Unscheduled::new(Shared { state, chance: 1, ..Shared::default() })))
    }

    fn shared(&self) -> UnscheduledGuard<'_, Shared> {
        self.0.lock()
    }

    /// What is on it now.
    pub(crate) fn state(&self) -> State {
        self.shared().state.clone()
    }

    /// Returns the bytes that files take.
    pub(crate) fn taken(&self) -> usize {
        let shared = self.shared();
        shared.state.capacity.map_or(0, |capacity| capacity - shared.available().min(capacity))
    }

    /// True where there is hardly any space left.
    pub(crate) fn is_full(&self) -> bool {
        self.shared().available() < 4096
    }

    /// Keeps the state before each change from now on, until [`moments`](Self::moments).
    pub(crate) fn record(&self) {
        self.shared().moments = Some(Vec::new());
    }

    /// What was kept, and the state now as the last.
    pub(crate) fn moments(&self) -> Vec<Moment> {
        let mut shared = self.shared();
        let mut moments = shared.moments.take().unwrap_or_default();
        moments.push(Moment { state: shared.state.clone(), promised: shared.promised });
        moments
    }

    /// Keeps this with every state from now on.
    pub(crate) fn promise(&self, promised: Promised) {
        self.shared().promised = promised;
    }

    /// Makes a call fail; `chance` decides what of failed writes and syncs is there.
    pub(crate) fn fail(&self, fault: Fault, chance: u64) {
        let mut shared = self.shared();
        (shared.calls, shared.fault, shared.chance) = (0, Some(fault), chance);
        shared.failed.clear();
        shared.has_failed = false;
    }

    /// Whether the fault has struck.
    pub(crate) fn has_failed(&self) -> bool {
        self.shared().has_failed
    }

    /// The calls that failed, each with the name of its file.
    pub(crate) fn failed(&self) -> Vec<(Call, String)> {
        self.shared().failed.clone()
    }

    /// Lets everything succeed again.
    pub(crate) fn heal(&self) {
        self.shared().fault = None;
    }

    /// Forgets what failed so far; what is going to fail still will.
    pub(crate) fn forget_failed(&self) {
        self.shared().failed.clear();
    }

    /// Removes the directory and the names in it: open handles keep the files, and nothing can be
    /// made in it any more.
    pub(crate) fn remove_directory(&self) {
        let mut shared = self.shared();
        shared.is_removed = true;
        shared.state.names.clear();
    }

    /// Removes the name of a file, as another program may.
    pub(crate) fn remove_name(&self, name: &str) {
        self.shared().state.names.remove(name);
    }

    /// Takes every call from now on that would change anything for a mistake.
    pub(crate) fn write_protect(&self) {
        self.shared().is_write_protected = true;
    }

    /// Changes what programs see of a file.
    pub(crate) fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut shared = self.shared();
        let file = shared.state.names[name];
        change(&mut Arc::make_mut(&mut shared.state.files[file]).visible);
    }
}

impl SimulatedDisk {
    fn file(&self, file: usize) -> Arc<dyn File> {
        *self.shared().handles.entry(file).or_default() += 1;
        Arc::new(SimulatedFile { disk: self.clone(), file })
    }
}

impl FileSystem for SimulatedDisk {
    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn open_directory(&self, _path: &Path, _access: FileAccess) -> io::Result<Arc<dyn Directory>> {
        let mut shared = self.shared();
        assert!(!shared.is_locked, "another directory has this path now");
        shared.check(Call::Open, Place::Name("."))?;
        Ok(Arc::new(self.clone()))
    }
}

impl Directory for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut shared = self.shared();
        shared.check(Call::List, Place::Name("."))?;
        Ok(shared.state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut shared = self.shared();
        shared.check(Call::Create, Place::Name(name))?;
        if shared.is_removed {
            return Err(io::ErrorKind::NotFound.into());
        }
        if shared.state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = shared.state.files.len();
        shared.state.files.push(Arc::default());
        shared.state.change_names(NameChange::Create { name: name.to_owned(), file });
        drop(shared);
        Ok(self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut shared = self.shared();
        shared.check(Call::Open, Place::Name(name))?;
        let file = shared.state.find(name)?;
        drop(shared);
        Ok(self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut shared = self.shared();
        shared.check(Call::Rename, Place::Name(from))?;
        let file = shared.state.find(from)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        shared.state.change_names(NameChange::Rename { from, to, file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut shared = self.shared();
        shared.check(Call::Remove, Place::Name(name))?;
        shared.state.find(name)?;
        shared.state.change_names(NameChange::Remove { name: name.to_owned() });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.shared().sync_names()
    }

    fn space(&self) -> io::Result<Space> {
        let shared = self.shared();
        // A disk without an end has no size.
        let total = shared.state.capacity.ok_or(io::ErrorKind::Unsupported)? as u64;
        Ok(Space { total, available: shared.available() as u64 })
    }

    fn lock(&self, _sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        let mut shared = self.shared();
        if std::mem::replace(&mut shared.is_locked, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(HeldLock(Some(self.clone())))))
    }

    fn lock_file(&self, _name: &str, _sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        // The lock of the directory keeps everybody out who has this disk.
        Ok(Some(Box::new(HeldLock(None))))
    }

    fn ownership(&self) -> io::Result<Ownership> {
        Ok(Ownership { owner: 0, user: 0, is_open_to_all: false })
    }

    fn links(&self) -> io::Result<u64> {
        let mut shared = self.shared();
        shared.check(Call::Links, Place::Name("."))?;
        Ok(u64::from(!shared.is_removed))
    }

    fn reads_beside(&self) -> bool {
        false
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl File for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        let mut shared = self.disk.shared();
        shared.check(Call::Length, Place::File(self.file))?;
        Ok(shared.state.files[self.file].visible.len() as u64)
    }

    fn links(&self) -> io::Result<u64> {
        let mut shared = self.disk.shared();
        shared.check(Call::Links, Place::File(self.file))?;
        Ok(shared.state.names.values().filter(|file| **file == self.file).count() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut shared = self.disk.shared();
        shared.check(Call::Read, Place::File(self.file))?;
        let Contents { visible, durable, .. } = &*shared.state.files[self.file];
        // What damage cut off while the file was open does not count.
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
        self.disk.shared().write(self.file, bytes, position(offset)?)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut shared = self.disk.shared();
        shared.check(Call::SetLength, Place::File(self.file))?;
        shared.state.change(self.file, Change::SetLength { length: position(length)? });
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut shared = self.disk.shared();
        shared.check(Call::Allocate, Place::File(self.file))?;
        let length = position(length)?;
        if shared.missing(self.file, length) > 0 {
            return Err(Failure::Full.error());
        }
        shared.state.allocate(self.file, length);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.shared().sync(self.file)
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let mut shared = self.disk.shared();
        if let Some(count) = shared.handles.get_mut(&self.file) {
            *count -= 1;
            if *count == 0 {
                shared.handles.remove(&self.file);
            }
        }
    }
}

/// The lock of the directory, or one of a file that stands for nothing.
struct HeldLock(Option<SimulatedDisk>);

impl Lock for HeldLock {
    fn describe(&self, _holder: &str) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        if let Some(disk) = &self.0 {
            disk.shared().is_locked = false;
        }
    }
}
