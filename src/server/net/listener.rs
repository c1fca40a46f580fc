//! The listening sockets of a server, which may exist before its store is open.

use std::fmt;

use mio::{Poll, Token, Waker};

use crate::server::net::listening_socket::ListeningSocket;
use crate::server::net::shutdown::StopHandle;
use crate::{Endpoint, Error, InvalidEndpoint, Result};

/// The token of the waker; those of the sockets count from 0.
const STOP: Token = Token(usize::MAX);

/// Listening sockets, bound before there is a server for them.
///
/// Clients that connect meanwhile wait in the kernel's queue. So a program can find out that an
/// address is taken before it opens or makes a store:
///
/// ```
/// use kvs::{KvsClient, Listener, Options, ServerOptions, Store};
///
/// # let directory = tempfile::tempdir()?;
/// let listener = Listener::bind("127.0.0.1:0")?;
/// let (address, stop) = (listener.local_address().clone(), listener.stop_handle());
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
    pub(crate) sockets: Vec<ListeningSocket>,
    /// The poll in which the acceptor waits for clients and for a stop.
    pub(crate) poll: Poll,
    pub(crate) stop: StopHandle,
    /// The addresses of the sockets, at least one.
    addresses: Vec<Endpoint>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Listener").field(&self.addresses).finish()
    }
}

impl Listener {
    /// Listens on an [`Endpoint`] or what can become one: its text, or an IP address with a port.
    ///
    /// Port 0 chooses a free one. Of a host name every address is listened on that this machine
    /// has. The file of a Unix socket is made for its owner alone, and removed when the server
    /// ends; one that a dead server left is replaced.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the text is no address; [`Error::Network`] if the address cannot
    /// be listened on.
    pub fn bind<A>(address: A) -> Result<Self>
    where
        A: TryInto<Endpoint, Error: Into<InvalidEndpoint>>,
    {
        let endpoint = address.try_into().map_err(Into::into)?;
        Self::bind_all(&[endpoint])
    }

    /// Listens on all of the addresses, or on none if one of them fails.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if there is no address; [`Error::Network`] if one of them cannot be
    /// listened on.
    pub fn bind_all(endpoints: &[Endpoint]) -> Result<Self> {
        let Some(first) = endpoints.first() else {
            return Err(Error::InvalidOption("a server needs an address to listen on".to_owned()));
        };
        let failed = |error| Error::network("listen on", first, error);
        let poll = Poll::new().map_err(failed)?;
        let stop = StopHandle::new(Waker::new(poll.registry(), STOP).map_err(failed)?);
        let (mut sockets, mut addresses) = (Vec::new(), Vec::new());
        for endpoint in endpoints {
            let failed = |error| Error::network("listen on", endpoint, error);
            for mut socket in ListeningSocket::open(endpoint)? {
                let token = Token(sockets.len());
                socket.register(poll.registry(), token).map_err(failed)?;
                addresses.push(socket.address().map_err(failed)?);
                sockets.push(socket);
            }
        }
        Ok(Self { sockets, poll, stop, addresses })
    }

    /// Returns the address, with the port that was chosen; the first one of several.
    #[must_use]
    pub fn local_address(&self) -> &Endpoint {
        &self.addresses[0]
    }

    /// Returns all addresses, with the ports that were chosen, those of a host name one by one.
    #[must_use]
    pub fn local_addresses(&self) -> &[Endpoint] {
        &self.addresses
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
            Error::network("listen to signals for the server on", self.local_address(), error)
        })
    }
}
