//! The server of this crate, in this process.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use kvs::{KvsServer, ServerOptions, StopHandle, Store};

/// A running server; dropping it stops it.
pub struct ActorServer {
    pub address: SocketAddr,
    stop: StopHandle,
    thread: Option<JoinHandle<()>>,
}

impl ActorServer {
    /// Serves the store on a free port of the loopback.
    pub fn start(store: &Store, workers: usize, readers: usize) -> Self {
        let options = ServerOptions::default().workers(workers).readers(readers);
        let server =
            KvsServer::bind("127.0.0.1:0", store.clone(), options).expect("a port is free");
        let address = server.local_address().socket_address().expect("it has a port");
        let stop = server.stop_handle();
        let thread = thread::spawn(move || server.run().expect("nothing stops the server"));
        Self { address, stop, thread: Some(thread) }
    }
}

impl Drop for ActorServer {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }
}
