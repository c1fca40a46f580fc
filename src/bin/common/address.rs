//! The address of a server on a command line.

use std::net::SocketAddr;

/// Parses an IP address with a port. Names are refused instead of looked up, so that no mistake in
/// an argument asks anybody on the network.
pub fn parse(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| {
        "it takes an IP address and a port, as 127.0.0.1:4000 or [::1]:4000; names are not looked \
         up"
    })
}
