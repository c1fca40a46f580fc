//! A server's context without a server, for the tests of this layer.

use crate::server::ServerOptions;
use crate::server::command;
use crate::server::execute::context::Context;
use crate::server::execute::session::Session;
use crate::server::net::admission::Admission;
use crate::sync::Arc;
use crate::{EngineKind, Options, Store};

/// Returns a context over an empty store in memory.
pub(super) fn context() -> Arc<Context> {
    Arc::new(context_over(Options::new("nothing-is-stored-here")))
}

/// Returns a context over an empty store in memory with these options.
pub(super) fn context_over(options: Options) -> Context {
    let store = Store::open(options.engine(EngineKind::Memory)).unwrap();
    let address = ([127, 0, 0, 1], 4000).into();
    Context::new(store, ServerOptions::default(), address, command::names())
}

/// Returns a session of the context that nobody needs to wake.
pub(super) fn session(context: &Context) -> Arc<Session> {
    context.clients.open(([127, 0, 0, 1], 50_000).into(), || {})
}

/// Returns an admitted connection of the context.
pub(super) fn admission(context: &Arc<Context>) -> Admission {
    Admission::new(Arc::clone(context), session(context))
}
