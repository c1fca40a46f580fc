//! A server in front of a server, which cuts its first connection at a given byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The place at which a connection is cut, in both directions at once.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    /// Behind so many bytes from the client.
    AfterRequestBytes(usize),
    /// Behind so many bytes from the server.
    AfterResponseBytes(usize),
}

/// The proxy; it takes connections as long as the test runs.
pub struct CuttingProxy {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl CuttingProxy {
    /// Starts a proxy in front of this server.
    pub fn start(server: SocketAddr, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        thread::spawn(move || {
            let mut limits = match cut {
                Cut::AfterRequestBytes(bytes) => (bytes, usize::MAX),
                Cut::AfterResponseBytes(bytes) => (usize::MAX, bytes),
            };
            for client in listener.incoming() {
                counted.fetch_add(1, Ordering::Relaxed);
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { return };
                join(&client, &server, limits);
                limits = (usize::MAX, usize::MAX);
            }
        });
        Self { address, connections }
    }

    /// Returns the number of connections that came.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Copies so many bytes in each direction; the end of one is that of the other.
fn join(client: &TcpStream, server: &TcpStream, (request_bytes, response_bytes): (usize, usize)) {
    for (from, to, bytes) in [(client, server, request_bytes), (server, client, response_bytes)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        thread::spawn(move || {
            copy(&from, &to, bytes);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, mut left: usize) {
    let mut buffer = [0; 4096];
    while left > 0 {
        let wanted = left.min(buffer.len());
        let Ok(count @ 1..) = from.read(&mut buffer[..wanted]) else { return };
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
        left -= count;
    }
}
