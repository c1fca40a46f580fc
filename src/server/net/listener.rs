//! The listening socket of a server, which may exist before its store is open.

use std::fmt;
use std::net::SocketAddr;

use mio::net::TcpListener;
use mio::{Interest, Poll, Token, Waker};

use crate::server::net::shutdown::StopHandle;
use crate::{Error, Result};

const LISTENER: Token = Token(0);
const STOP: Token = Token(1);

/// A listening socket, bound before there is a server for it.
///
/// Clients that connect meanwhile wait in the kernel's queue. So a program can find out that an
/// address is taken before it opens or makes a store:
///
/// ```
/// use kvs::{KvsClient, Listener, Options, ServerOptions, Store};
///
/// # let directory = tempfile::tempdir()?;
/// let listener = Listener::bind("127.0.0.1:0".parse()?)?;
/// let (address, stop) = (listener.local_address(), listener.stop_handle());
/// let store = Store::open(Options::new(directory.path()))?;
/// let server = listener.serve(store, ServerOptions::default());
/// let running = std::thread::spawn(move || server.run());
///
/// KvsClient::connect(address)?.ping()?;
/// stop.stop();
/// running.join().expect("the server does not panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Listener {
    pub(crate) socket: TcpListener,
    /// The poll in which the acceptor waits for clients and for a stop.
    pub(crate) poll: Poll,
    pub(crate) stop: StopHandle,
    address: SocketAddr,
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Listener").field(&self.address).finish()
    }
}

impl Listener {
    /// Listens on the address; port 0 chooses a free one.
    ///
    /// # Errors
    /// [`Error::Network`] if the address cannot be listened on.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let failed = |error| Error::network("listen on", address, error);
        let mut socket = TcpListener::bind(address).map_err(failed)?;
        let poll = Poll::new().map_err(failed)?;
        let registry = poll.registry();
        registry.register(&mut socket, LISTENER, Interest::READABLE).map_err(failed)?;
        let stop = StopHandle::new(Waker::new(registry, STOP).map_err(failed)?);
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, poll, stop, address })
    }

    /// Returns the address, with the port that was chosen.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a handle that stops the server of this listener, also one that does not run yet.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Makes SIGINT and SIGTERM stop the server; a second one of them ends the process at once.
    ///
    /// SIGHUP, SIGUSR1, SIGUSR2 and SIGALRM, which would end the process, are logged and ignored.
    /// For programs that are a server and nothing else.
    ///
    /// # Errors
    /// [`Error::Network`] if the signals cannot be listened to.
    pub fn stop_on_signals(&self) -> Result<()> {
        self.stop.stop_on_signals().map_err(|error| {
            Error::network("listen to signals for the server on", self.address, error)
        })
    }
}
