//! A directory in the simulated one: its files have names with a prefix on the same disk.

use std::io;
use std::os::fd::BorrowedFd;

use super::super::{Directory, File, Lock, Ownership, Sharing, Space};
use super::disk_inner::SharedInner;
use crate::sync::Arc;

/// A directory of a simulated disk. That it is there itself is always durable.
pub(super) struct SimulatedSubdirectory {
    disk: Arc<dyn Directory>,
    inner: SharedInner,
    name: String,
}

impl SimulatedSubdirectory {
    /// Returns the directory of this name.
    pub(super) fn new(disk: Arc<dyn Directory>, inner: SharedInner, name: &str) -> Self {
        Self { disk, inner, name: name.to_owned() }
    }

    fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.name)
    }
}

impl Directory for SimulatedSubdirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        let inner = self.inner.lock();
        let inside = inner.state.files().filter_map(|(name, _)| name.strip_prefix(&self.place("")));
        Ok(inside.map(str::to_owned).collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.create(&self.place(name))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.open(&self.place(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(&self.place(from), &self.place(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(&self.place(name))
    }

    fn link_from(&self, source: &dyn Directory, name: &str) -> io::Result<()> {
        self.disk.link_from(source, &self.place(name))
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        self.disk.subdirectory(&self.place(name))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.lock().sync_names(&self.name)
    }

    fn lock(&self, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock_file(&self.name, sharing)
    }

    fn lock_file(&self, name: &str, sharing: Sharing) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock_file(&self.place(name), sharing)
    }

    fn ownership(&self) -> io::Result<Ownership> {
        self.disk.ownership()
    }

    fn links(&self) -> io::Result<u64> {
        self.disk.links()
    }

    fn space(&self) -> io::Result<Space> {
        self.disk.space()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.disk.bytes()
    }

    fn reads_beside(&self) -> bool {
        self.disk.reads_beside()
    }
}
