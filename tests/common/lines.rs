//! Requests of Redis clients as lines, and replies as the bytes that come.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::wait::PATIENCE;

/// Returns a connection whose reads and writes fail if they take for ever.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads exactly these bytes.
pub fn expect(stream: &mut impl Read, expected: impl AsRef<[u8]>) {
    let expected = expected.as_ref();
    let mut received = vec![0; expected.len()];
    if let Err(error) = stream.read_exact(&mut received) {
        panic!("{error} instead of {}", expected.escape_ascii());
    }
    assert_eq!(received.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

/// Sends bytes and expects these in return.
pub fn exchange(
    stream: &mut (impl Read + Write),
    sent: impl AsRef<[u8]>,
    expected: impl AsRef<[u8]>,
) {
    stream.write_all(sent.as_ref()).unwrap();
    expect(stream, expected);
}
