//! The wire protocols, as pure functions between bytes and requests or replies.
//!
//! ```text
//!              detect                    parse / decode            encode
//! first bytes --------> Dialect   bytes -----------------> request        reply -------> bytes
//! ```
//!
//! Two dialects share one port: [`native`], made for this store, and [`resp`], which existing Redis
//! clients speak. The first byte of a connection tells them apart.
//!
//! # Invariants
//!
//! * Nothing here knows a socket, a file, a thread, a channel or a clock; the caller owns the
//!   buffer and the time limits.
//! * Bytes from a peer never cause a panic, only a request, a wish for more bytes, or a
//!   [`ProtocolError`]. After an error the stream cannot be trusted and has to be closed.
//! * "Not enough bytes yet" is an ordinary result, and bytes once understood are not read again, so
//!   the work is linear in the input however the network splits it.
//! * A declared length is compared with its limit before anything is done with it, and memory grows
//!   with the bytes that arrived, never with the length that was announced.

mod error;
pub mod native;
pub mod resp;

pub use error::ProtocolError;

/// The whole answer of a server that has no room for another client, in the words of Redis: it does
/// not wait for bytes that tell the dialect.
pub const NO_ROOM: &[u8] = b"-ERR max number of clients reached\r\n";

/// The language a connection speaks for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Length-prefixed frames behind a hello, see [`native`].
    Native,
    /// The Redis serialization protocol, see [`resp`].
    Resp,
}

/// Tells from the first bytes of a connection which dialect it speaks.
///
/// Returns `None` while the bytes are a proper prefix of the native magic, which no Redis client
/// can send because its first byte is not ASCII.
pub fn detect(first_bytes: &[u8]) -> Option<Dialect> {
    if first_bytes.starts_with(&native::MAGIC) {
        Some(Dialect::Native)
    } else if native::MAGIC.starts_with(first_bytes) {
        None
    } else {
        Some(Dialect::Resp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proper_prefix_of_the_magic_is_undecided() {
        for length in 0..native::MAGIC.len() {
            assert_eq!(detect(&native::MAGIC[..length]), None, "{length} bytes");
        }
        assert_eq!(detect(&native::MAGIC), Some(Dialect::Native));
    }

    #[test]
    fn bytes_behind_the_magic_do_not_matter() {
        let mut bytes = native::MAGIC.to_vec();
        bytes.extend_from_slice(b"*1\r\n");
        assert_eq!(detect(&bytes), Some(Dialect::Native));
    }

    #[test]
    fn anything_else_is_resp_from_the_first_deviating_byte() {
        for bytes in [&b"*"[..], b"P", b"\r\n", b"\x00", b"\xF4kvs\r\n\x1A\r"] {
            assert_eq!(detect(bytes), Some(Dialect::Resp), "{}", bytes.escape_ascii());
        }
    }
}
