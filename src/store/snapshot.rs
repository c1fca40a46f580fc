//! Snapshots: a store as it was at one point in time.

use std::fmt;
use std::ops::Deref;

use super::handle::Store;
use super::keyspace::Keyspace;
use super::keyspace_view::KeyspaceView;
use super::keyspaces::{names, number_of, read_blocking};
use super::read::{Access, ReadResult};
use super::read_set::ReadSet;
use crate::engine::{EngineSnapshot, KeyspaceId, Sequence};
use crate::sync::Arc;
use crate::{Error, Result};

/// A store at one point in time: every keyspace as it was then, for as long as the snapshot lives.
///
/// [`Store::snapshot`] takes it. It reads the default keyspace by the methods of [`KeyspaceView`],
/// which it dereferences to, and others by [`keyspace`](Self::keyspace) and [`of`](Self::of).
/// Whatever is written, removed, dropped or renamed later, whatever expires, and whatever is
/// compacted, it gives the same answers. Cloning is cheap, and every clone, view and iterator may
/// be used from its own thread.
///
/// # What it keeps
/// Until the last clone, view and iterator of it is dropped, the store keeps what it sees:
///
/// - of each key that was overwritten, removed or dropped since, one older version in memory, which
///   takes 30 to 120 bytes, in the `memory` engine 200 and the value. A key that is overwritten a
///   thousand times is kept once, not a thousand times; keys that do not change cost nothing.
/// - of the same keys the records on the disk, in the `kvs` engine. Compactions copy them and
///   cannot free their space.
/// - the store itself, which stays open, and its directory locked.
///
/// Taking a snapshot takes less than a microsecond in a store of any size, and copies nothing. It
/// holds up no reads. The first change of each key behind it keeps the old version beside the new
/// one, and takes about six times as long as without a snapshot (15 times in the `memory` engine);
/// later changes of that key take as long as ever. Scans and counts of a snapshot take several
/// times as long where keys have changed since.
///
/// It is not written to the disk: it ends with the process.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// let stock = store.keyspace("stock")?;
/// stock.set("apples", "3")?;
/// let snapshot = store.snapshot()?;
/// stock.set("apples", "2")?;
/// store.drop_keyspace("stock")?;
/// assert_eq!(snapshot.keyspace("stock")?.get("apples")?.as_deref(), Some(&b"3"[..]));
/// assert_eq!(snapshot.of(&stock)?.count(..)?, 1);
/// assert_eq!(snapshot.keyspaces()?, ["default", "stock"]);
/// assert!(snapshot.is_empty()?); // of the default keyspace
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Snapshot {
    /// Of the default keyspace.
    view: KeyspaceView,
}

impl Store {
    /// Takes a snapshot: everything that was acknowledged before this call, of every keyspace, and
    /// nothing that is written later.
    ///
    /// # Errors
    /// [`Error::Unsupported`] from the `sled` engine, which has no snapshots.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let moment = self.present()?;
        if moment.snapshot.is_none() {
            let engine = self.engine().name();
            return Err(Error::Unsupported { engine, feature: "snapshots" });
        }
        let mut view = KeyspaceView::clone(self);
        view.moment = Some(Arc::new(moment));
        Ok(Snapshot { view })
    }
}

impl Snapshot {
    /// Returns a view of the keyspace that had this name at the moment of the snapshot.
    ///
    /// # Errors
    /// [`Error::NoSuchKeyspace`] if none had; [`Error::InvalidKeyspaceName`]; [`Error::Corrupt`] or
    /// [`Error::Io`] if its name cannot be read.
    pub fn keyspace(&self, name: &str) -> Result<KeyspaceView> {
        match number_of(&self.view, name, read_blocking)? {
            Some(number) => self.view.sibling(number),
            None => Err(Error::NoSuchKeyspace { name: name.to_owned() }),
        }
    }

    /// Returns a view of the keyspace that had this name, as far as `access` allows to look it up.
    pub(crate) fn keyspace_within(&self, name: &str, access: Access) -> ReadResult<KeyspaceView> {
        Ok(self.view.sibling(self.number_within(name, access)?)?)
    }

    fn number_within(&self, name: &str, access: Access) -> ReadResult<KeyspaceId> {
        let number = number_of(&self.view, name, |catalogue, name, snapshot| match snapshot {
            Some(snapshot) => catalogue.try_get_at(name, snapshot, access),
            None => catalogue.try_get(name, access),
        })?;
        number.ok_or_else(|| Error::NoSuchKeyspace { name: name.to_owned() }.into())
    }

    /// Adds the keyspace that had this name to what was read, and so that the name is still its
    /// own; without a name the default one. Returns its number.
    pub(crate) fn add_keyspace(
        &self,
        reads: &mut ReadSet,
        name: Option<&str>,
        access: Access,
    ) -> ReadResult<KeyspaceId> {
        let Some(name) = name else { return Ok(KeyspaceId::DEFAULT) };
        let number = self.number_within(name, access)?;
        if number != KeyspaceId::DEFAULT {
            reads.add_name(name);
        }
        Ok(number)
    }

    /// Returns the sequence number of the newest commit that it sees.
    fn sequence(&self) -> Sequence {
        let moment = self.view.moment.as_ref();
        // Only an engine with snapshots has one.
        let snapshot = moment.and_then(|moment| moment.snapshot.as_ref());
        snapshot.map_or(Sequence(0), EngineSnapshot::sequence)
    }

    /// Returns an empty read set for reads of this snapshot.
    pub(crate) fn read_set(&self) -> ReadSet {
        ReadSet::new(self.sequence())
    }

    /// Returns the version of the newest write that it sees.
    pub(crate) fn version(&self) -> u64 {
        self.sequence().0
    }

    /// Returns a view of an open keyspace, be it renamed or dropped since. It is empty if the
    /// keyspace was made after the snapshot.
    ///
    /// # Errors
    /// [`Error::ForeignKeyspace`] if it is in another open store.
    pub fn of(&self, keyspace: &Keyspace) -> Result<KeyspaceView> {
        keyspace.identity.require_of(&self.view.shared)?;
        self.view.sibling(keyspace.number)
    }

    /// Returns the names that keyspaces had at the moment of the snapshot, in the order of their
    /// bytes; `default` is always one of them.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Io`] if a name cannot be read.
    pub fn keyspaces(&self) -> Result<Vec<String>> {
        names(&self.view)
    }
}

impl Deref for Snapshot {
    type Target = KeyspaceView;

    fn deref(&self) -> &KeyspaceView {
        &self.view
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Snapshot").field("view", &self.view).finish_non_exhaustive()
    }
}
