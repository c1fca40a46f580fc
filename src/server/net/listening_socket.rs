//! A socket that clients connect to: TCP or Unix.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};

use crate::endpoint::{Endpoint, look_up};
use crate::server::net::client_socket::ClientSocket;
use crate::server::net::socket_file::SocketFile;
use crate::{Error, Result};

/// A listening socket.
pub(crate) enum ListeningSocket {
    Tcp(TcpListener),
    Unix {
        /// Declared before the listener, so that the file is gone before nobody listens at it:
        /// another server never takes it for that of a dead one.
        file: SocketFile,
        listener: UnixListener,
    },
}

/// A connection that was accepted.
pub(crate) struct Accepted {
    pub(crate) socket: ClientSocket,
    /// The address of the client; at a Unix socket that of the server, as clients have none there.
    pub(crate) address: Endpoint,
    /// The address of the server that the client connected to.
    pub(crate) local_address: Endpoint,
}

impl ListeningSocket {
    /// Listens on the endpoint: on every address of a host name, each with a socket of its own.
    pub(crate) fn open(endpoint: &Endpoint) -> Result<Vec<Self>> {
        match endpoint {
            Endpoint::Ip(address) => Ok(vec![listen(*address)?]),
            Endpoint::Host { name, port } => {
                let addresses = look_up(name, *port)
                    .map_err(|error| Error::network("look up", endpoint, error))?;
                listen_on_all(&addresses)
            }
            Endpoint::Unix(path) => {
                let (file, listener) = SocketFile::listen(path)
                    .map_err(|error| Error::network("listen on", endpoint, error))?;
                Ok(vec![Self::Unix { file, listener: UnixListener::from_std(listener) }])
            }
        }
    }

    /// Returns the address, with the port that was chosen.
    pub(crate) fn address(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Endpoint::Ip),
            Self::Unix { file, .. } => Ok(file.endpoint()),
        }
    }

    /// Makes the poll of the registry report clients under this token.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Self::Unix { listener, .. } => registry.register(listener, token, Interest::READABLE),
        }
    }

    /// Accepts a client, if one waits.
    pub(crate) fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (socket, address) = listener.accept()?;
                let local_address = socket.local_addr()?.into();
                let socket = ClientSocket::Tcp(socket);
                Ok(Accepted { socket, address: address.into(), local_address })
            }
            Self::Unix { file, listener } => {
                let (socket, _) = listener.accept()?;
                let (address, local_address) = (file.endpoint(), file.endpoint());
                Ok(Accepted { socket: ClientSocket::Unix(socket), address, local_address })
            }
        }
    }
}

fn listen(address: SocketAddr) -> Result<ListeningSocket> {
    let listener = TcpListener::bind(address)
        .map_err(|error| Error::network("listen on", &address.into(), error))?;
    Ok(ListeningSocket::Tcp(listener))
}

/// Listens on the addresses of a host; a port that the system chooses is the same on all.
///
/// An address that this machine does not have is left out: the name of a host often has one of a
/// protocol that is switched off. One that is taken is an error, as is having none.
fn listen_on_all(addresses: &[SocketAddr]) -> Result<Vec<ListeningSocket>> {
    let (mut sockets, mut port, mut failure) = (Vec::new(), 0, None);
    for &(mut address) in addresses {
        if address.port() == 0 {
            address.set_port(port);
        }
        match listen(address) {
            Ok(socket) => {
                let chosen = socket.address().ok().and_then(|chosen| chosen.socket_address());
                port = chosen.map_or(0, |chosen| chosen.port());
                sockets.push(socket);
            }
            Err(error) if is_taken(&error) => return Err(error),
            Err(error) => {
                log::warn!("leaving an address out: {error}");
                failure = Some(error);
            }
        }
    }
    match failure {
        Some(error) if sockets.is_empty() => Err(error),
        _ => Ok(sockets),
    }
}

fn is_taken(error: &Error) -> bool {
    matches!(error, Error::Network { source, .. } if source.kind() == ErrorKind::AddrInUse)
}
