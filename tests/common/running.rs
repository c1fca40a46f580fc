//! A server in this process, for tests that reach it through its sockets.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use kvs::{EngineKind, KvsServer, Options, ServerOptions, StopHandle, Store};

/// A running server; it is stopped when dropped.
pub struct Running {
    pub address: SocketAddr,
    pub store: Store,
    stop: StopHandle,
    thread: Option<JoinHandle<kvs::Result<()>>>,
}

impl Running {
    /// Starts a server over an empty store in memory.
    pub fn start(options: ServerOptions) -> Self {
        let store_options = Options::new("nothing-is-stored-here").engine(EngineKind::Memory);
        Self::start_on(store_options, options)
    }

    /// Starts a server over a store of that kind.
    pub fn start_on(store_options: Options, options: ServerOptions) -> Self {
        let store = Store::open(store_options).unwrap();
        let server = KvsServer::bind("127.0.0.1:0", store.clone(), options).unwrap();
        Self {
            address: server.local_address().socket_address().unwrap(),
            store,
            stop: server.stop_handle(),
            thread: Some(std::thread::spawn(move || server.run())),
        }
    }

    /// Stops the server and waits for its end.
    pub fn stop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}
