//! The entries of one keyspace, to be read.

use std::fmt;

use super::open_store::OpenStore;
use super::read_moment::{HeldMoment, ReadMoment};
use crate::Result;
use crate::engine::{KeyspaceId, ReadHalf};
use crate::sync::Arc;

/// The entries of one keyspace, to be read: every read of a [`Store`](crate::Store) and of a
/// [`Keyspace`](crate::Keyspace) is a method of this type, which both dereference to.
///
/// Reads take no lock, block no writer, and see every write that was acknowledged before they
/// began. A key that has expired is absent. Cloning is cheap, and every clone may be used from its
/// own thread; each of them keeps the store open.
#[derive(Clone)]
pub struct KeyspaceView {
    pub(super) shared: Arc<OpenStore>,
    /// Of the keyspace.
    pub(super) reader: Arc<dyn ReadHalf>,
    /// The moment that it shows; `None` for the present.
    pub(super) moment: Option<Arc<ReadMoment>>,
}

impl KeyspaceView {
    /// Returns the view of another keyspace at the same moment.
    pub(super) fn sibling(&self, number: KeyspaceId) -> Result<Self> {
        let reader = self.shared.reader.keyspace(number)?;
        Ok(Self { shared: Arc::clone(&self.shared), reader, moment: self.moment.clone() })
    }

    /// Returns true if both show the present entries of one keyspace.
    pub(crate) fn shows_same_keyspace(&self, other: &Self) -> bool {
        self.moment.is_none() && other.moment.is_none() && Arc::ptr_eq(&self.reader, &other.reader)
    }

    /// Returns true if the removal of all keys takes no longer if there are many.
    pub(crate) fn clears_at_once(&self) -> bool {
        self.shared.capabilities.clears_at_once
    }

    /// Returns the moment that this view shows: the present, unless it has one of its own.
    pub(super) fn hold_moment(&self) -> Result<HeldMoment<'_>> {
        match &self.moment {
            Some(moment) => Ok(HeldMoment::OfView(moment)),
            None => self.present().map(HeldMoment::Own),
        }
    }

    /// Returns the present.
    pub(super) fn present(&self) -> Result<ReadMoment> {
        let is_capable = self.shared.capabilities.snapshots;
        let now = self.shared.clock.now();
        let snapshot = is_capable.then(|| self.reader.snapshot_at(now)).transpose()?;
        Ok(ReadMoment { snapshot, now })
    }
}

impl fmt::Debug for KeyspaceView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OpenStore { kind, directory, .. } = &*self.shared;
        let mut shown = formatter.debug_struct("KeyspaceView");
        shown.field("engine", kind).field("directory", directory).finish_non_exhaustive()
    }
}
