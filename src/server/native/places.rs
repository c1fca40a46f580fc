//! The keys that a request is about, found by its place.

use super::unanswered::Unanswered;
use crate::bugs::if_planted;
use crate::protocol::native::Place;
use crate::server::execute::failure::{no_snapshot, not_at_snapshot};
use crate::server::execute::scope::Scope;
use crate::store::{Keyspace, KeyspaceView, Snapshot};
use crate::sync::Arc;

/// The keyspace that a request names, now or at the connection's snapshot.
pub(super) enum RequestTarget<'a> {
    /// The default one.
    Default(&'a Keyspace),
    /// Another one.
    Named(Arc<Keyspace>),
    /// The default one at the snapshot.
    Snapshot(Arc<Snapshot>),
    /// Another one at the snapshot.
    NamedAtSnapshot(KeyspaceView),
}

impl<'a> RequestTarget<'a> {
    /// Returns the keyspace of a place.
    pub(super) fn find(place: &Place<'_>, scope: &Scope<'a>) -> Result<Self, Unanswered> {
        let Scope { context, session, access } = *scope;
        Ok(match place {
            Place::Default => Self::Default(&context.store),
            Place::Keyspace(name) => {
                Self::Named(session.keyspaces.open(&context.store, name, access)?)
            }
            Place::Snapshot => Self::Snapshot(snapshot(scope)?),
            Place::KeyspaceSnapshot(name) => {
                let snapshot = snapshot(scope)?;
                if_planted!(NameByPresent => {
                    let keyspace = session.keyspaces.open(&context.store, name, access)?;
                    return Ok(Self::NamedAtSnapshot(snapshot.of(&keyspace)?));
                });
                Self::NamedAtSnapshot(snapshot.keyspace_within(name, access)?)
            }
        })
    }

    /// Returns the keyspace, to be written to.
    pub(super) fn keyspace(&self) -> Result<&Keyspace, Unanswered> {
        match self {
            Self::Default(keyspace) => Ok(keyspace),
            Self::Named(keyspace) => Ok(keyspace),
            Self::Snapshot(_) | Self::NamedAtSnapshot(_) => {
                Err(Unanswered::Failed(not_at_snapshot()))
            }
        }
    }

    /// Returns its entries, to be read.
    pub(super) fn view(&self) -> &KeyspaceView {
        match self {
            Self::Default(keyspace) => keyspace,
            Self::Named(keyspace) => keyspace,
            Self::Snapshot(snapshot) => snapshot,
            Self::NamedAtSnapshot(view) => view,
        }
    }

    /// Returns true if it is read at a snapshot.
    pub(super) fn is_at_snapshot(&self) -> bool {
        matches!(self, Self::Snapshot(_) | Self::NamedAtSnapshot(_))
    }
}

/// Returns the snapshot of the connection.
pub(super) fn snapshot(scope: &Scope<'_>) -> Result<Arc<Snapshot>, Unanswered> {
    let found = scope.session.snapshot.get(scope.context.options.snapshot_timeout);
    found.ok_or_else(|| Unanswered::Failed(no_snapshot()))
}
