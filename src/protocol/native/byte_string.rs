//! A byte string of a message, borrowed from the frame it was decoded from.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// A key or a value inside a message.
///
/// Decoding borrows from the frame, so that a server copies only what it keeps; a sender may hand
/// in either borrowed or owned bytes. On the wire it is one length and the bytes, never a sequence
/// of numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteString<'a>(#[serde(borrow, with = "serde_bytes")] Cow<'a, [u8]>);

impl ByteString<'_> {
    /// Returns the bytes as an owned vector, copying only if they are borrowed.
    pub fn into_vec(self) -> Vec<u8> {
        self.0.into_owned()
    }
}

impl Deref for ByteString<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for ByteString<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> From<&'a [u8]> for ByteString<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl<'a, const LENGTH: usize> From<&'a [u8; LENGTH]> for ByteString<'a> {
    fn from(bytes: &'a [u8; LENGTH]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for ByteString<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_borrows_from_the_frame() {
        let frame = [3, b'a', b'b', b'c'];
        let bytes: ByteString<'_> = postcard::from_bytes(&frame).unwrap();
        assert_eq!(bytes.as_ptr(), frame[1..].as_ptr());
        assert_eq!(&*bytes, b"abc");
    }

    #[test]
    fn a_length_beyond_the_frame_is_an_error() {
        let frame = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, b'a'];
        assert!(postcard::from_bytes::<ByteString<'_>>(&frame).is_err());
    }
}
