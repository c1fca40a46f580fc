//! The state of a transaction: its reads and its writes so far.

use std::cell::{Cell, RefCell};

use super::keyspace::{Keyspace, KeyspaceIdentity};
use super::keyspace_view::KeyspaceView;
use super::read_moment::ReadMoment;
use crate::engine::UnixMillis;
use crate::sync::Arc;
use crate::transaction::{KeyAccesses, KeyWrite};
use crate::{Error, Expiry, Result};

/// The reads and writes of a transaction that is under way.
pub(super) struct TransactionState {
    /// The keyspace that it began in.
    keyspace: Keyspace,
    moment: Arc<ReadMoment>,
    /// The number of keys that were read.
    reads: Cell<usize>,
    /// The keyspaces that were used, the one that it began in first.
    parts: RefCell<Vec<TransactionPart>>,
}

/// The reads and writes of one keyspace.
pub(super) struct TransactionPart {
    /// The keyspace as it was when the transaction began.
    pub(super) view: KeyspaceView,
    pub(super) identity: Arc<KeyspaceIdentity>,
    pub(super) accesses: KeyAccesses,
}

impl TransactionState {
    /// The position of the keyspace that it began in.
    pub(super) const HOME: usize = 0;

    /// Returns the state of a transaction that did nothing yet.
    pub(super) fn new(keyspace: &Keyspace, moment: ReadMoment) -> Self {
        let moment = Arc::new(moment);
        let parts = RefCell::new(vec![TransactionPart::new(keyspace, &moment)]);
        Self { keyspace: keyspace.clone(), moment, reads: Cell::new(0), parts }
    }

    /// Returns the position of a keyspace among those that were used, as it is from now on.
    pub(super) fn position(&self, keyspace: &Keyspace) -> Result<usize> {
        keyspace.identity.require_of(&self.keyspace.view.shared)?;
        let mut parts = self.parts.borrow_mut();
        let found = parts.iter().position(|part| part.identity.number == keyspace.number);
        Ok(found.unwrap_or_else(|| {
            parts.push(TransactionPart::new(keyspace, &self.moment));
            parts.len() - 1
        }))
    }

    /// Calls `with` with what was done in the keyspace at this position.
    pub(super) fn with_part<T>(
        &self,
        position: usize,
        with: impl FnOnce(&mut TransactionPart) -> T,
    ) -> T {
        // Every position is one of a part, and none is removed.
        with(&mut self.parts.borrow_mut()[position])
    }

    /// Counts a key that is read.
    pub(super) fn note_read(&self) -> Result<()> {
        let reads_max = self.keyspace.view.shared.limits.transaction_reads_max();
        if self.reads.get() >= reads_max {
            return Err(Error::TransactionTooLarge { reads_max });
        }
        self.reads.set(self.reads.get() + 1);
        Ok(())
    }

    /// Returns the value that a write gives its key, unless it is removed or has expired meanwhile.
    pub(super) fn value<'w>(&self, write: &'w KeyWrite) -> Option<&'w [u8]> {
        match write {
            KeyWrite::Set { value, expires_at } => {
                let is_past = self.keyspace.view.shared.clock.is_past(expires_at.map(UnixMillis));
                (!is_past).then_some(value)
            }
            KeyWrite::Remove => None,
        }
    }

    /// Returns the time of an expiry that is stated now.
    pub(super) fn time_of(&self, expiry: Expiry) -> UnixMillis {
        self.keyspace.view.shared.clock.time_of(expiry)
    }

    /// Returns the keyspace that it began in, and what was done in each.
    pub(super) fn into_parts(self) -> (Keyspace, Vec<TransactionPart>) {
        (self.keyspace, self.parts.into_inner())
    }
}

impl TransactionPart {
    fn new(keyspace: &Keyspace, moment: &Arc<ReadMoment>) -> Self {
        let view = KeyspaceView { moment: Some(Arc::clone(moment)), ..keyspace.view.clone() };
        Self { view, identity: Arc::clone(&keyspace.identity), accesses: KeyAccesses::default() }
    }
}
