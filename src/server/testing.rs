//! What the tests of this layer share: a server's context without a server.

use std::time::Instant;

use crate::server::ServerOptions;
use crate::server::command;
use crate::server::execute::context::Context;
use crate::server::execute::session::{Clients, Session};
use crate::server::net::admission::Admission;
use crate::server::statistics::Statistics;
use crate::sync::Arc;
use crate::{EngineKind, Options, Store};

/// A context over an empty store in memory.
pub(super) fn context() -> Arc<Context> {
    let options = Options::new("nothing-is-stored-here").engine(EngineKind::Memory);
    Arc::new(Context {
        store: Store::open(options).unwrap(),
        options: ServerOptions::default(),
        address: ([127, 0, 0, 1], 1).into(),
        started: Instant::now(),
        clients: Clients::default(),
        statistics: Statistics::default(),
        commands: command::State::default(),
    })
}

/// A session of the context that nobody needs to wake.
pub(super) fn session(context: &Context) -> Arc<Session> {
    context.clients.open(([127, 0, 0, 1], 2).into(), || {})
}

/// An admitted connection of the context.
pub(super) fn admission(context: &Arc<Context>) -> Admission {
    Admission::new(Arc::clone(context), session(context))
}
