//! A socket that clients connect to: TCP or Unix.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use rustix::net::sockopt;

use crate::endpoint::{Endpoint, look_up};
use crate::server::net::client_socket::ClientSocket;
use crate::server::net::socket_file::{BACKLOG, SocketFile};
use crate::{Error, Result};

/// The most ports of which one may be free on every address of a host.
const PORTS_MAX: usize = 16;

/// The time after which the system asks a silent peer whether it is there, as in Redis.
const KEEPALIVE: Duration = Duration::from_secs(300);

/// The questions without an answer, each a third of that time apart, after which a connection is
/// broken.
const PROBES: u32 = 3;

/// A listening socket.
pub(crate) enum ListeningSocket {
    Tcp {
        listener: TcpListener,
        /// The address of every connection's end here, where the listener has no other.
        address: Option<SocketAddr>,
    },
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
                listen_on_host(&addresses)
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
            Self::Tcp { listener, .. } => listener.local_addr().map(Endpoint::Ip),
            Self::Unix { file, .. } => Ok(file.endpoint()),
        }
    }

    /// Makes the poll of the registry report clients under this token.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp { listener, .. } => registry.register(listener, token, Interest::READABLE),
            Self::Unix { listener, .. } => registry.register(listener, token, Interest::READABLE),
        }
    }

    /// Accepts a client, if one waits.
    pub(crate) fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp { listener, address: own } => {
                let (socket, address) = listener.accept()?;
                let local_address = own.map_or_else(|| socket.local_addr(), Ok)?.into();
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
    let failed = |error| Error::network("listen on", &address.into(), error);
    let listener = TcpListener::bind(address).map_err(failed)?;
    configure(&listener).map_err(|error| failed(error.into()))?;
    let bound = listener.local_addr().map_err(failed)?;
    let address = (!bound.ip().is_unspecified()).then_some(bound);
    Ok(ListeningSocket::Tcp { listener, address })
}

/// Makes the system send small replies of the connections at once, and look after silent peers,
/// which may be gone. Each connection gets the settings of the listener with no call of its own.
///
/// Replies are written when they are complete, so waiting for more bytes only delays them. The
/// queue of clients becomes longer than the standard library makes it: those of a burst that do not
/// fit try again only after a second.
fn configure(listener: &TcpListener) -> rustix::io::Result<()> {
    rustix::net::listen(listener, BACKLOG)?;
    sockopt::set_tcp_nodelay(listener, true)?;
    sockopt::set_tcp_keepidle(listener, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(listener, KEEPALIVE / 3)?;
    sockopt::set_tcp_keepcnt(listener, PROBES)?;
    sockopt::set_socket_keepalive(listener, true)
}

/// Listens on the addresses of a host; a port that the system chooses is the same on all.
fn listen_on_host(addresses: &[SocketAddr]) -> Result<Vec<ListeningSocket>> {
    let is_chosen = addresses.iter().all(|address| address.port() == 0);
    for _ in 1..PORTS_MAX {
        match listen_on_all(addresses) {
            Err(error) if is_chosen && is_taken(&error) => {}
            result => return result,
        }
    }
    listen_on_all(addresses)
}

/// Listens on each of the addresses, with the port of the first one where theirs is 0.
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
                log::warn!("not listening on one of the addresses: {error}");
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the addresses that are listened on instead of these.
    fn listened_on(addresses: &[&str]) -> Result<Vec<SocketAddr>> {
        let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let sockets = listen_on_host(&addresses)?;
        let found = sockets.iter().map(|socket| socket.address().unwrap());
        Ok(found.map(|endpoint| endpoint.socket_address().unwrap()).collect())
    }

    #[test]
    fn a_port_that_the_system_chooses_is_the_same_on_all_addresses_of_a_host() {
        let found = listened_on(&["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"]).unwrap();
        assert_eq!(found.len(), 3);
        assert_ne!(found[0].port(), 0);
        assert!(found.iter().all(|address| address.port() == found[0].port()), "{found:?}");
    }

    #[test]
    fn an_address_that_this_machine_does_not_have_is_left_out() {
        let found = listened_on(&["192.0.2.1:0", "127.0.0.1:0"]).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].ip().is_loopback());
        let error = listened_on(&["192.0.2.1:1"]).unwrap_err().to_string();
        assert!(error.starts_with("cannot listen on 192.0.2.1:1: "), "{error}");
    }

    #[test]
    fn connections_get_the_settings_of_their_listener() {
        for address in ["127.0.0.1:0", "0.0.0.0:0"] {
            let listening = listen(address.parse().unwrap()).unwrap();
            let port = listening.address().unwrap().socket_address().unwrap().port();
            let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            let accepted = std::iter::repeat_with(|| listening.accept());
            let Accepted { socket, local_address, address } =
                accepted.take(1 << 20).find_map(std::io::Result::ok).unwrap();
            assert_eq!(local_address, client.peer_addr().unwrap().into());
            assert_eq!(address, client.local_addr().unwrap().into());
            let ClientSocket::Tcp(socket) = socket else { panic!("a TCP socket is accepted") };
            assert!(socket.nodelay().unwrap());
            assert!(sockopt::socket_keepalive(&socket).unwrap());
            assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), KEEPALIVE);
            assert_eq!(sockopt::tcp_keepcnt(&socket).unwrap(), PROBES);
        }
    }

    #[test]
    fn an_address_that_is_taken_is_an_error() {
        let taken = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let addresses = [format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}")];
        let error = listened_on(&addresses.each_ref().map(String::as_str)).unwrap_err();
        assert!(is_taken(&error), "{error}");
    }
}
