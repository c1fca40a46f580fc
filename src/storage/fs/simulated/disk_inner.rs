//! The inside of the simulated disk: it counts calls, makes them fail, and changes the state.

use std::collections::BTreeMap;
use std::io;

use super::fault::{Call, CallTarget, Failure, Fault};
use super::state::{FileChange, State};
use crate::sync::{Arc, Unscheduled};

/// The number of operations that a user of the disk was promised to keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Promised {
    /// After the process was killed.
    pub(crate) killed: usize,
    /// After a power loss.
    pub(crate) power_lost: usize,
}

/// The disk just before a change, with what its user had promised then.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) state: State,
    pub(crate) promised: Promised,
}

/// The inside of a disk, as its handles share it.
pub(super) type SharedInner = Arc<Unscheduled<DiskInner>>;

/// The disk, the fault that is planned, and what the test records.
#[derive(Default)]
pub(super) struct DiskInner {
    pub(super) state: State,
    /// While a store holds the lock, another directory has the path: to open it again is a mistake
    /// of the test's subject.
    pub(super) is_locked: bool,
    /// The directory was removed, with the names in it.
    pub(super) is_removed: bool,
    /// A call that would change anything is a mistake of the test's subject.
    pub(super) is_write_protected: bool,
    pub(super) calls: u64,
    pub(super) fault: Option<Fault>,
    /// The calls that failed, with the name of the file.
    pub(super) failed: Vec<(Call, String)>,
    /// A call failed.
    pub(super) has_failed: bool,
    pub(super) chance: u64,
    pub(super) promised: Promised,
    pub(super) moments: Option<Vec<Moment>>,
    /// The number of handles of each open file.
    pub(super) handles: BTreeMap<usize, usize>,
}

impl DiskInner {
    /// Counts a call. Returns how it fails if it does.
    pub(super) fn call(&mut self, call: Call, target: CallTarget<'_>) -> Option<Failure> {
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
        self.failed.push((call, self.state.name(target)));
        self.has_failed = true;
        Some(fault.failure)
    }

    /// Counts a call that has no effect if it fails. Returns its error if it does.
    pub(super) fn check(&mut self, call: Call, target: CallTarget<'_>) -> io::Result<()> {
        self.call(call, target).map_or(Ok(()), |failure| Err(failure.error()))
    }

    /// Tosses a coin.
    fn toss(&mut self) -> bool {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.chance >> 63 == 1
    }

    /// Returns the number of bytes that files may still take.
    pub(super) fn available(&self) -> usize {
        let Some(capacity) = self.state.capacity else { return usize::MAX };
        let named = self.state.names.values().copied();
        let mut files: Vec<_> = named.chain(self.handles.keys().copied()).collect();
        files.sort_unstable();
        files.dedup();
        let taken = files.into_iter().map(|file| self.state.files[file].allocated).sum();
        capacity.saturating_sub(taken)
    }

    /// Returns the number of bytes that are missing for a file of this length.
    pub(super) fn missing(&self, file: usize, length: usize) -> usize {
        let growth = length.saturating_sub(self.state.files[file].allocated);
        growth.saturating_sub(self.available())
    }

    /// Writes the bytes, or the part of them that the fault leaves.
    pub(super) fn write(&mut self, file: usize, bytes: &[u8], offset: usize) -> io::Result<()> {
        let Some(failure) = self.call(Call::Write, CallTarget::File(file)) else {
            let missing = self.missing(file, offset + bytes.len());
            let written = &bytes[..bytes.len().saturating_sub(missing)];
            if !written.is_empty() {
                self.state.change(file, FileChange::Write { offset, bytes: written.to_vec() });
            }
            return if missing == 0 { Ok(()) } else { Err(Failure::Full.error()) };
        };
        let written = match failure {
            Failure::Input if self.toss() => bytes,
            Failure::Short | Failure::Input => &bytes[..bytes.len() / 2],
            Failure::Full | Failure::Interrupted => &[],
        };
        if !written.is_empty() {
            self.state.change(file, FileChange::Write { offset, bytes: written.to_vec() });
        }
        Err(failure.error())
    }

    /// Makes the pending changes of a file durable. If it fails, each is durable or lost by chance.
    pub(super) fn sync(&mut self, file: usize) -> io::Result<()> {
        let failure = self.call(Call::Sync, CallTarget::File(file));
        let pending = std::mem::take(&mut Arc::make_mut(&mut self.state.files[file]).pending);
        for (_, change) in pending {
            if failure.is_none() || self.toss() {
                change.apply(&mut Arc::make_mut(&mut self.state.files[file]).durable);
            }
        }
        failure.map_or(Ok(()), |failure| Err(failure.error()))
    }

    /// Makes the pending changes of the names in a directory durable. If it fails, they stay
    /// pending.
    pub(super) fn sync_names(&mut self, directory: &str) -> io::Result<()> {
        let failure = self.call(Call::SyncDirectory, CallTarget::Name("."));
        if let Some(failure) = failure {
            return Err(failure.error());
        }
        let State { pending_names, durable_names, .. } = &mut self.state;
        pending_names.retain(|(_, change)| {
            let is_elsewhere = change.directory() != directory;
            if !is_elsewhere {
                change.apply(durable_names);
            }
            is_elsewhere
        });
        Ok(())
    }
}
