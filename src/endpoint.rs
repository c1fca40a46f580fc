//! The address of a server or of a client.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// The beginning of the text of a Unix socket's address.
const UNIX_PREFIX: &str = "unix:";

/// The most bytes of a host name, as DNS has it.
const HOST_BYTES_MAX: usize = 253;

/// An address that a server listens on, or that a client comes from.
///
/// As text it is an IP address or a host name with a port, or the path of a Unix socket:
///
/// ```
/// use kvs::Endpoint;
///
/// for text in ["127.0.0.1:4000", "[::1]:4000", "localhost:4000", "unix:/run/kvs.sock"] {
///     assert_eq!(text.parse::<Endpoint>()?.to_string(), text);
/// }
/// // An absolute path needs no prefix.
/// assert_eq!("/run/kvs.sock".parse::<Endpoint>()?, Endpoint::Unix("/run/kvs.sock".into()));
/// # Ok::<(), kvs::InvalidEndpoint>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A host name, which is looked up when a socket is opened, and a port.
    Host {
        /// The name.
        name: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" is no address: give an IP address or a host name with a port, as 127.0.0.1:4000, \
     [::1]:4000 or localhost:4000, or the path of a Unix socket, as unix:/run/kvs.sock",
    text.escape_debug()
)]
pub struct InvalidEndpoint {
    text: String,
}

impl Endpoint {
    /// Returns the IP address with its port, if it is one.
    #[must_use]
    pub fn socket_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Host { .. } | Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(formatter, "{address}"),
            Self::Host { name, port } => write!(formatter, "{name}:{port}"),
            Self::Unix(path) => write!(formatter, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let path = text.strip_prefix(UNIX_PREFIX).or_else(|| text.starts_with('/').then_some(text));
        let found = match path {
            Some(path) => {
                (!path.is_empty() && !path.contains('\0')).then(|| Self::Unix(path.into()))
            }
            None => text.parse().ok().map(Self::Ip).or_else(|| parse_host(text)),
        };
        found.ok_or_else(|| InvalidEndpoint { text: text.to_owned() })
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = InvalidEndpoint;

    fn try_from(text: &str) -> Result<Self, InvalidEndpoint> {
        text.parse()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<&Endpoint> for Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        endpoint.clone()
    }
}

impl From<Infallible> for InvalidEndpoint {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

fn parse_host(text: &str) -> Option<Endpoint> {
    let (name, port) = text.rsplit_once(':')?;
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|_| is_number)?;
    is_host_name(name).then(|| Endpoint::Host { name: name.to_owned(), port })
}

/// Returns true if the text may be the name of a host.
///
/// A last label of digits makes it a mistyped IP address, which nobody is asked about.
fn is_host_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let last = text.strip_suffix('.').unwrap_or(text).rsplit('.').next().unwrap_or_default();
    text.len() <= HOST_BYTES_MAX
        && text.bytes().all(allowed)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the addresses of a host, each once, in the order in which they should be tried.
pub(crate) fn look_up(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut found = Vec::new();
    for address in (name, port).to_socket_addrs()? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_an_address_is_printed_as_it_was() {
        let host = |name: &str, port| Endpoint::Host { name: name.to_owned(), port };
        for (text, expected) in [
            ("127.0.0.1:4000", SocketAddr::from(([127, 0, 0, 1], 4000)).into()),
            ("[::1]:0", SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0)).into()),
            ("localhost:65535", host("localhost", 65535)),
            ("db-1.example_x.com.:80", host("db-1.example_x.com.", 80)),
            ("1e:80", host("1e", 80)),
            ("unix:/run/kvs.sock", Endpoint::Unix("/run/kvs.sock".into())),
            ("unix:kvs:80", Endpoint::Unix("kvs:80".into())),
        ] {
            let parsed: Endpoint = text.parse().unwrap();
            assert_eq!(parsed, expected, "{text}");
            assert_eq!(parsed.to_string(), text);
        }
        assert_eq!("/a b:1".parse(), Ok(Endpoint::Unix("/a b:1".into())));
    }

    #[test]
    fn any_other_text_is_refused() {
        let long = format!("{}:80", "a".repeat(HOST_BYTES_MAX + 1));
        for text in [
            "",
            ":",
            ":80",
            "80",
            "localhost",
            "localhost:",
            "localhost:65536",
            "localhost:+80",
            "localhost:-1",
            "local host:80",
            "127.0.0.1",
            "127.0.0.1.5:80",
            "300.0.0.1:80",
            "127.1:80",
            "::1:80",
            "[::1]",
            "[localhost]:80",
            "user@host:80",
            ".:80",
            "unix:",
            "unix:a\0b",
            "relative/path",
            "http://localhost:80",
            "höst:80",
            &long,
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("is no address"), "{text}: {error}");
        }
    }
}
