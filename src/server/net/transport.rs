//! The transport under a connection: a socket that never blocks.

use std::io::{self, Read, Write};

/// A socket that returns [`ErrorKind::WouldBlock`](io::ErrorKind::WouldBlock) instead of waiting.
///
/// Only that error means that the socket is empty or full for now; a read of 0 bytes is the end of
/// the input. The poll reports a socket at edges: it is read until it is empty, or else no further
/// event may come.
pub(crate) trait Transport: Read + Write {
    /// True if a read of fewer bytes than were asked for leaves the socket empty.
    ///
    /// epoll(7) promises this of stream sockets of the kernel, where it saves one system call per
    /// request. It does not hold where bytes wait in this process, as behind a TLS session.
    const SHORT_READ_DRAINS: bool;

    /// Tells the peer that nothing more will be written.
    fn end_output(&self) -> io::Result<()>;
}
