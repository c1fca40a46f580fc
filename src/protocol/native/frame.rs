//! A frame: the length of a body, then the body.
//!
//! ```text
//! body length u32, little-endian | body
//! ```

use serde::Serialize;

use super::list::LIST_ITEMS_MAX;
use crate::protocol::ProtocolError;

/// Bytes of the length in front of each body.
pub const FRAME_HEADER_BYTES: usize = 4;

/// Default for the longest body; a longer one is refused before its first byte is awaited.
pub const FRAME_BYTES_MAX: u32 = 128 << 20;

/// Longest body of a client that has not given a password.
pub const STRANGER_FRAME_BYTES_MAX: u32 = 16 << 10;

/// Returns the body of the frame at the start of `input` and the bytes the whole frame takes.
///
/// Returns `None` while bytes are missing. The length is compared with the limit as soon as it is
/// there, so a caller never grows its buffer for a frame that will be refused.
pub fn decode_frame(
    input: &[u8],
    frame_bytes_max: u32,
) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let Some((header, rest)) = input.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Ok(None);
    };
    let found = size(u32::from_le_bytes(*header));
    let limit = size(frame_bytes_max);
    if found > limit {
        return Err(ProtocolError::FrameTooLarge { found, limit });
    }
    Ok(rest.get(..found).map(|body| (body, FRAME_HEADER_BYTES + found)))
}

/// Returns how many bytes of the frame at the start of `input` are missing at least, never zero, if
/// any are.
pub fn missing_frame_bytes(input: &[u8]) -> usize {
    let body = input.first_chunk().map_or(0, |header| size(u32::from_le_bytes(*header)));
    (FRAME_HEADER_BYTES + body).saturating_sub(input.len()).max(1)
}

/// Appends a frame with `message` as its body to `out`, which is unchanged on error.
pub(super) fn encode_frame<T: Serialize>(
    message: &T,
    frame_bytes_max: u32,
    out: &mut Vec<u8>,
) -> Result<(), ProtocolError> {
    let limit = size(frame_bytes_max);
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    let body = BodyWriter { out: &mut *out, written: 0, limit };
    // A list over its limit is the only thing that a message refuses to encode.
    let written = postcard::serialize_with_flavor(message, body)
        .map_err(|_| ProtocolError::ListTooLong { limit: LIST_ITEMS_MAX });
    let length = written.and_then(|found| match u32::try_from(found) {
        Ok(length) if length <= frame_bytes_max => Ok(length),
        _ => Err(ProtocolError::FrameTooLarge { found, limit }),
    });
    match length {
        Ok(length) => {
            if let Some(header) = out.get_mut(start..start + FRAME_HEADER_BYTES) {
                header.copy_from_slice(&length.to_le_bytes());
            }
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Appends to a vector while within the limit, and counts beyond it so that the error can tell how
/// long the body would have been.
struct BodyWriter<'a> {
    out: &'a mut Vec<u8>,
    written: usize,
    limit: usize,
}

/// The bytes of the fields of a message behind its value.
const FIELDS_BYTES: usize = 64;

impl postcard::ser_flavors::Flavor for BodyWriter<'_> {
    type Output = usize;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.written = self.written.saturating_add(data.len());
        if self.written <= self.limit {
            // For the fields behind it too: a large value would double its memory for them.
            self.out.reserve(data.len() + FIELDS_BYTES);
            self.out.extend_from_slice(data);
        }
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.written)
    }
}

/// Returns a length of the wire as a length in memory, saturating where memory is smaller than the
/// wire.
fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_decoded_only_when_it_is_complete() {
        let input = b"\x03\x00\x00\x00abc\x01\x00";
        for length in 0..7 {
            assert_eq!(decode_frame(&input[..length], 3), Ok(None), "{length} bytes");
        }
        for length in 7..=input.len() {
            assert_eq!(decode_frame(&input[..length], 3), Ok(Some((&b"abc"[..], 7))));
        }
    }

    #[test]
    fn the_limit_is_exact_and_checked_before_the_body_arrives() {
        let header = 100_u32.to_le_bytes();
        assert_eq!(decode_frame(&header, 100), Ok(None));
        let error = ProtocolError::FrameTooLarge { found: 100, limit: 99 };
        assert_eq!(decode_frame(&header, 99), Err(error));
    }

    #[test]
    fn an_empty_body_is_a_frame() {
        assert_eq!(decode_frame(&[0; 4], 0), Ok(Some((&b""[..], 4))));
    }

    #[test]
    fn encoding_appends_header_and_body() {
        let mut out = b"before".to_vec();
        encode_frame(&"abc", 4, &mut out).unwrap();
        assert_eq!(out, b"before\x04\x00\x00\x00\x03abc");
    }

    #[test]
    fn a_body_over_the_limit_leaves_the_output_unchanged() {
        let mut out = b"before".to_vec();
        let error = encode_frame(&"abc", 3, &mut out);
        assert_eq!(error, Err(ProtocolError::FrameTooLarge { found: 4, limit: 3 }));
        assert_eq!(out, b"before");
    }
}
