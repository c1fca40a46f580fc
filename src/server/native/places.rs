//! The keys that a request is about, found by its place.

use super::unanswered::Unanswered;
use crate::Error;
use crate::protocol::native::Place;
use crate::server::execute::scope::Scope;
use crate::store::{Keyspace, KeyspaceView};
use crate::sync::Arc;

/// The keyspace that a request names.
pub(super) enum RequestTarget<'a> {
    /// The default one.
    Default(&'a Keyspace),
    /// Another one.
    Named(Arc<Keyspace>),
}

impl<'a> RequestTarget<'a> {
    /// Returns the keyspace of a place.
    pub(super) fn find(place: &Place<'_>, scope: &Scope<'a>) -> Result<Self, Unanswered> {
        let Scope { context, session, access } = *scope;
        match place {
            Place::Default => Ok(Self::Default(&context.store)),
            Place::Keyspace(name) => {
                Ok(Self::Named(session.keyspaces.open(&context.store, name, access)?))
            }
            Place::Snapshot | Place::KeyspaceSnapshot(_) => {
                let engine = context.store.engine().name();
                Err(Error::Unsupported { engine, feature: "requests at a snapshot" }.into())
            }
        }
    }

    /// Returns the keyspace.
    pub(super) fn keyspace(&self) -> &Keyspace {
        match self {
            Self::Default(keyspace) => keyspace,
            Self::Named(keyspace) => keyspace,
        }
    }

    /// Returns its entries, to be read.
    pub(super) fn view(&self) -> &KeyspaceView {
        self.keyspace()
    }
}
