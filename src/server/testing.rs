//! A server's context without a server, for the tests of this layer and the fuzz targets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::server::command;
use crate::server::execute::context::Context;
use crate::server::execute::session::Session;
#[cfg(test)]
use crate::server::net::admission::Admission;
use crate::server::{Passwords, ServerOptions};
use crate::sync::Arc;
use crate::{Endpoint, EngineKind, Options, Store};

/// Returns a context over an empty store in memory.
#[cfg(test)]
pub(super) fn context() -> Arc<Context> {
    Arc::new(context_over(Options::new("nothing-is-stored-here")))
}

/// Returns a context over an empty store in memory with these options.
#[cfg(test)]
pub(super) fn context_over(options: Options) -> Context {
    context_with(options, ServerOptions::default())
}

/// Returns a context over an empty store in memory, whose options are changed from the default.
pub(super) fn context_of(change: impl FnOnce(ServerOptions) -> ServerOptions) -> Context {
    context_with(Options::new("nothing-is-stored-here"), change(ServerOptions::default()))
}

/// Returns a context over an empty store in memory, whose clients have to give a password.
pub(super) fn guarded_context(passwords: &[&str]) -> Context {
    context_of(|options| options.passwords(Passwords::new(passwords).unwrap()))
}

/// Returns a context over a store of the `sled` engine in this directory.
#[cfg(all(test, feature = "sled"))]
pub(super) fn sled_context(directory: &std::path::Path) -> Arc<Context> {
    let store = Store::open(Options::new(directory).engine(EngineKind::Sled)).unwrap();
    Arc::new(context_around(store, ServerOptions::default()))
}

fn context_with(options: Options, server_options: ServerOptions) -> Context {
    context_around(Store::open(options.engine(EngineKind::Memory)).unwrap(), server_options)
}

fn context_around(store: Store, server_options: ServerOptions) -> Context {
    Context::new(store, server_options, vec![address(4000)], command::counted())
}

fn address(port: u16) -> Endpoint {
    format!("127.0.0.1:{port}").parse().unwrap()
}

/// Returns a session of the context that nobody needs to wake.
pub(super) fn session(context: &Context) -> Arc<Session> {
    context.clients.open(address(50_000), address(4000), context.options.is_open(), || {})
}

/// Returns an admitted connection of the context.
#[cfg(test)]
pub(super) fn admission(context: &Arc<Context>) -> Admission {
    Admission::new(Arc::clone(context), session(context))
}
