//! The classic server: a job of a thread pool for each connection, which blocks on its socket, and
//! a store that all of them share. It speaks as much of the native protocol as clients of benches
//! do.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use kvs::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, Failure, FailureKind, RequestMessage, RequestOperation,
    ResponseMessage, ServerHello, Success, decode_frame,
};
use kvs::thread_pool::ThreadPool;
use kvs::{Keyspace, KeyspaceView, Store};

use super::log_store::LogStore;

/// The most bytes that one read takes.
const READ_BYTES: usize = 64 << 10;

/// A store that connections share.
pub trait Shared: Clone + Send + 'static {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>>;
    fn set(&self, key: &[u8], value: &[u8]) -> io::Result<()>;
}

/// The classic: everybody waits for everybody, readers for the disk of writers too.
pub type Locked = Arc<Mutex<LogStore>>;

impl Shared for Locked {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    fn set(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.lock().unwrap_or_else(PoisonError::into_inner).set(key, value)
    }
}

/// The store of this crate behind a classic server, which tells the store from the server.
impl Shared for Store {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        KeyspaceView::get(self, key).map_err(io::Error::other)
    }

    fn set(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        Keyspace::set(self, key, value).map_err(io::Error::other)
    }
}

/// A running server; dropping it stops it, once its clients are gone.
pub struct PoolServer {
    pub address: SocketAddr,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl PoolServer {
    /// Serves the store on a free port of the loopback.
    ///
    /// A connection takes one of the threads until it ends, so those beyond the number of threads
    /// wait.
    pub fn start<P: ThreadPool + Send + 'static>(threads: u32, store: impl Shared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let pool = P::new(threads).expect("the system gives threads");
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let acceptor = thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let store = store.clone();
                pool.spawn(move || serve(socket, &store).expect("a client leaves properly"));
            }
        });
        Self { address, stopping, acceptor: Some(acceptor) }
    }
}

impl Drop for PoolServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        TcpStream::connect(self.address).expect("the acceptor waits for one more");
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().expect("the acceptor does not panic");
        }
    }
}

/// Serves one connection until its client ends it.
fn serve(mut socket: TcpStream, store: &impl Shared) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; READ_BYTES];
    let mut greeted = false;
    loop {
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..count]);
        let mut consumed = 0;
        if !greeted
            && let Some((hello, bytes)) = ClientHello::decode(&input).map_err(io::Error::other)?
        {
            ServerHello::answer(&hello, FRAME_BYTES_MAX).encode(&mut output);
            (greeted, consumed) = (true, bytes);
        }
        while greeted
            && let Some((body, bytes)) =
                decode_frame(&input[consumed..], FRAME_BYTES_MAX).map_err(io::Error::other)?
        {
            let request = RequestMessage::decode(body).map_err(io::Error::other)?;
            let result = execute(&request.operation, store);
            let response = ResponseMessage { id: request.id, result };
            response.encode(FRAME_BYTES_MAX, &mut output).map_err(io::Error::other)?;
            consumed += bytes;
        }
        input.drain(..consumed);
        socket.write_all(&output)?;
        output.clear();
    }
}

fn execute(
    operation: &RequestOperation<'_>,
    store: &impl Shared,
) -> Result<Success<'static>, Failure> {
    let done = match operation {
        RequestOperation::Get { key } => {
            store.get(key).map(|value| Success::Value(value.map(Into::into)))
        }
        RequestOperation::Set { key, value, expires_at: None, sync: None } => {
            store.set(key, value).map(|()| Success::Applied { version: 0 })
        }
        _ => Err(io::Error::other("this server only gets and sets")),
    };
    done.map_err(|error| Failure { kind: FailureKind::Unsupported, message: error.to_string() })
}
