//! The entries of one keyspace, to be read.

use std::fmt;

use super::open_store::OpenStore;
use crate::engine::ReadHalf;
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
}

impl fmt::Debug for KeyspaceView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OpenStore { kind, directory, .. } = &*self.shared;
        let mut shown = formatter.debug_struct("KeyspaceView");
        shown.field("engine", kind).field("directory", directory).finish_non_exhaustive()
    }
}
