//! The server as a whole, which starts its actors and waits for their end.

use std::fmt;

use crate::actor::ActorThread;
use crate::server::ServerOptions;
use crate::server::backup::BackupActor;
use crate::server::command;
use crate::server::events::KeyEventActor;
use crate::server::execute::context::Context;
use crate::server::execute::statistic::StatsHandle;
use crate::server::net::acceptor::Acceptor;
use crate::server::net::event_loop::EventLoop;
use crate::server::net::listener::Listener;
use crate::server::net::shutdown::StopHandle;
use crate::server::rewrite_actor::RewriteActor;
use crate::store::reader::Readers;
use crate::sync::{Arc, ThreadBuilder};
use crate::{Endpoint, Error, InvalidEndpoint, Result, Store};

/// A server that listens, ready to [`run`](Self::run).
///
/// It speaks the native protocol and that of Redis on the same socket. A [`Listener`] makes one
/// that listens before its store is open, or on several addresses.
///
/// ```
/// use kvs::{KvsClient, KvsServer, Options, ServerOptions, Store};
///
/// # let directory = tempfile::tempdir()?;
/// let store = Store::open(Options::new(directory.path()))?;
/// let server = KvsServer::bind("127.0.0.1:0", store, ServerOptions::default())?;
/// let (address, stop) = (server.local_address().clone(), server.stop_handle());
/// let running = std::thread::spawn(move || server.run());
///
/// let mut client = KvsClient::connect(address)?;
/// client.set("key", "value")?;
/// assert_eq!(client.get("key")?.as_deref(), Some(&b"value"[..]));
///
/// stop.stop();
/// running.join().expect("the server does not panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KvsServer {
    listener: Listener,
    context: Arc<Context>,
}

impl fmt::Debug for KvsServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("KvsServer").field(&self.context.addresses).finish()
    }
}

impl Listener {
    /// Returns a server over the store, ready to [`run`](KvsServer::run).
    #[must_use]
    pub fn serve(self, store: Store, options: ServerOptions) -> KvsServer {
        KvsServer::new(self, store, options)
    }
}

impl KvsServer {
    /// Listens on the address as [`Listener::bind`] does.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the text is no address; [`Error::Network`] if the address cannot
    /// be listened on.
    pub fn bind<A>(address: A, store: Store, options: ServerOptions) -> Result<Self>
    where
        A: TryInto<Endpoint, Error: Into<InvalidEndpoint>>,
    {
        Ok(Listener::bind(address)?.serve(store, options))
    }

    /// Returns a server for the clients of the listener.
    fn new(listener: Listener, store: Store, options: ServerOptions) -> Self {
        let addresses = listener.local_addresses().to_vec();
        let context = Context::new(store, options, addresses, command::counted());
        Self { listener, context: Arc::new(context) }
    }

    /// Returns the address that it listens on, the first one of several.
    #[must_use]
    pub fn local_address(&self) -> &Endpoint {
        self.context.address()
    }

    /// Returns all addresses that it listens on.
    #[must_use]
    pub fn local_addresses(&self) -> &[Endpoint] {
        &self.context.addresses
    }

    /// Returns a handle that stops it.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.listener.stop_handle()
    }

    /// Returns a handle on the figures of the server.
    #[must_use]
    pub fn stats_handle(&self) -> StatsHandle {
        StatsHandle::new(&self.context)
    }

    /// Makes signals stop the server; see [`Listener::stop_on_signals`].
    ///
    /// # Errors
    /// [`Error::Network`] if the signals cannot be listened to.
    pub fn stop_on_signals(&self) -> Result<()> {
        self.listener.stop_on_signals()
    }

    /// Serves until it is stopped, then answers every request that it received and closes its
    /// connections.
    ///
    /// Dropping the last handle on the store afterwards syncs and closes it.
    ///
    /// # Errors
    /// [`Error::Network`] if it cannot go on; [`Error::Poisoned`] if its workers panicked;
    /// [`Error::Removed`] if the directory or a file of the store was removed or replaced.
    pub fn run(self) -> Result<()> {
        let Self { listener: Listener { sockets, poll, stop, .. }, context } = self;
        let failed = |error| Error::network("start a thread for", context.address(), error);
        let readers = Arc::new(Readers::start(context.options.readers).map_err(failed)?);
        // Nobody else sets it: a server runs once.
        let _ = context.readers.set(Arc::downgrade(&readers));
        let backups = context.backups.as_ref();
        let backups = backups.map(|backups| BackupActor::start(backups, &context.store));
        let _backups = backups.transpose().map_err(failed)?;
        let _rewrites = RewriteActor::start(&context.rewrites, &context.store).map_err(failed)?;
        let Context { key_events, channels, store, options, .. } = &*context;
        let events = KeyEventActor::start(key_events, channels, store, options.databases);
        let _events = events.map_err(failed)?;
        key_events.tell(options.key_events, || store.change_cursor())?;
        let handle = stop.clone();
        context.on_stop(move || handle.stop());
        // Dropped, and so joined, after the acceptor dropped the addresses that keep them going.
        let mut threads = Vec::new();
        let mut workers = Vec::new();
        for number in 0..context.options.workers {
            let (event_loop, address) =
                EventLoop::new(Arc::clone(&context), Arc::clone(&readers)).map_err(failed)?;
            let thread = ThreadBuilder::new()
                .name(format!("kvs-worker-{number}"))
                .spawn(move || event_loop.run())
                .map_err(failed)?;
            threads.push(ActorThread::new(thread));
            workers.push(address);
        }
        Acceptor::new(sockets, Arc::clone(&context), workers).run(poll, &stop)
    }
}
