//! The simulated disk: the handle with which tests control it, and the directory that a store uses.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use super::super::{Directory, File, FileAccess, FileSystem, Lock, Ownership, Sharing, Space};
use super::disk_inner::{DiskInner, Moment, Promised, SharedInner};
use super::fault::{Call, CallTarget, Fault};
use super::simulated_file::SimulatedFile;
use super::simulated_subdirectory::SimulatedSubdirectory;
use super::state::{NameChange, State, directory_of};
use crate::sync::{Arc, Unscheduled, UnscheduledGuard};

/// A file system over a [`State`]; clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimulatedDisk(SharedInner);

impl SimulatedDisk {
    /// Returns a disk with these contents.
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Unscheduled::new(DiskInner { state, chance: 1, ..DiskInner::default() })))
    }

    fn inner(&self) -> UnscheduledGuard<'_, DiskInner> {
        self.0.lock()
    }

    /// Returns a copy of the contents.
    pub(crate) fn state(&self) -> State {
        self.inner().state.clone()
    }

    /// Returns the number of bytes that files take.
    pub(crate) fn taken(&self) -> usize {
        let inner = self.inner();
        inner.state.capacity.map_or(0, |capacity| capacity - inner.available().min(capacity))
    }

    /// Returns true if there is hardly any space left.
    pub(crate) fn is_full(&self) -> bool {
        self.inner().available() < 4096
    }

    /// Keeps the state before each change from now on, until [`moments`](Self::moments).
    pub(crate) fn record(&self) {
        self.inner().moments = Some(Vec::new());
    }

    /// Returns the recorded states, and the present one as the last.
    pub(crate) fn moments(&self) -> Vec<Moment> {
        let mut inner = self.inner();
        let mut moments = inner.moments.take().unwrap_or_default();
        moments.push(Moment { state: inner.state.clone(), promised: inner.promised });
        moments
    }

    /// Records this promise with every state from now on.
    pub(crate) fn promise(&self, promised: Promised) {
        self.inner().promised = promised;
    }

    /// Makes a call fail. `chance` decides how much of failed writes and syncs is there.
    pub(crate) fn fail(&self, fault: Fault, chance: u64) {
        let mut inner = self.inner();
        (inner.calls, inner.fault, inner.chance) = (0, Some(fault), chance);
        inner.failed.clear();
        inner.has_failed = false;
    }

    /// Returns true if a call failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.inner().has_failed
    }

    /// Returns the calls that failed, each with the name of its file.
    pub(crate) fn failed(&self) -> Vec<(Call, String)> {
        self.inner().failed.clone()
    }

    /// Lets everything succeed again.
    pub(crate) fn heal(&self) {
        self.inner().fault = None;
    }

    /// Forgets what failed so far; what is going to fail still will.
    pub(crate) fn forget_failed(&self) {
        self.inner().failed.clear();
    }

    /// Removes the directory and the names in it: open handles keep the files, and nothing can be
    /// made in it any more.
    pub(crate) fn remove_directory(&self) {
        let mut inner = self.inner();
        inner.is_removed = true;
        inner.state.names.clear();
    }

    /// Removes the name of a file, as another program may.
    pub(crate) fn remove_name(&self, name: &str) {
        self.inner().state.names.remove(name);
    }

    /// Panics from now on at every call that would change anything.
    pub(crate) fn write_protect(&self) {
        self.inner().is_write_protected = true;
    }

    /// Changes the visible bytes of a file, as damage does.
    pub(crate) fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        let file = inner.state.names[name];
        change(&mut Arc::make_mut(&mut inner.state.files[file]).visible);
    }
}

impl FileSystem for SimulatedDisk {
    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn open_directory(&self, _path: &Path, _access: FileAccess) -> io::Result<Arc<dyn Directory>> {
        let mut inner = self.inner();
        assert!(!inner.is_locked, "another directory has this path now");
        inner.check(Call::Open, CallTarget::Name("."))?;
        Ok(Arc::new(self.clone()))
    }
}

impl Directory for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut inner = self.inner();
        inner.check(Call::List, CallTarget::Name("."))?;
        let names = inner.state.names.keys().filter(|name| directory_of(name).is_empty());
        Ok(names.cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut inner = self.inner();
        inner.check(Call::Create, CallTarget::Name(name))?;
        if inner.is_removed {
            return Err(io::ErrorKind::NotFound.into());
        }
        if inner.state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = inner.state.files.len();
        inner.state.files.push(Arc::default());
        inner.state.change_names(NameChange::Create { name: name.to_owned(), file });
        drop(inner);
        Ok(Arc::new(SimulatedFile::open(Arc::clone(&self.0), file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut inner = self.inner();
        inner.check(Call::Open, CallTarget::Name(name))?;
        let file = inner.state.find(name)?;
        drop(inner);
        Ok(Arc::new(SimulatedFile::open(Arc::clone(&self.0), file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check(Call::Rename, CallTarget::Name(from))?;
        let file = inner.state.find(from)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        inner.state.change_names(NameChange::Rename { from, to, file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check(Call::Remove, CallTarget::Name(name))?;
        inner.state.find(name)?;
        inner.state.change_names(NameChange::Remove { name: name.to_owned() });
        Ok(())
    }

    fn link_from(&self, _source: &dyn Directory, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::CrossesDevices.into())
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        let inner = Arc::clone(&self.0);
        Ok(Arc::new(SimulatedSubdirectory::new(Arc::new(self.clone()), inner, name)))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn sync(&self) -> io::Result<()> {
        self.inner().sync_names("")
    }

    fn space(&self) -> io::Result<Space> {
        let inner = self.inner();
        // A disk without a capacity has no size.
        let total = inner.state.capacity.ok_or(io::ErrorKind::Unsupported)? as u64;
        Ok(Space { total, available: inner.available() as u64 })
    }

    fn lock(&self, _sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        let mut inner = self.inner();
        if std::mem::replace(&mut inner.is_locked, true) {
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
        let mut inner = self.inner();
        inner.check(Call::Links, CallTarget::Name("."))?;
        Ok(u64::from(!inner.is_removed))
    }

    fn bytes(&self) -> io::Result<u64> {
        let inner = self.inner();
        let files = inner.state.names.values().map(|file| &inner.state.files[*file]);
        Ok(files.map(|file| file.visible.len() as u64).sum())
    }

    fn reads_beside(&self) -> bool {
        false
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
            disk.inner().is_locked = false;
        }
    }
}
