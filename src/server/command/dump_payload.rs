//! Dumped values as Redis 7 writes and reads them: a [string of an RDB file][rdb], the version of
//! that format, and a checksum.
//!
//! [rdb]: https://github.com/redis/redis/blob/7.0.15/src/rdb.c

use super::crc64::crc64;
use super::lzf;
use crate::store::parse_integer;

/// The type of a string.
const STRING: u8 = 0;

/// The version of the format that is written, and the newest that is read.
const VERSION: u16 = 10;

/// The bytes of the version and the checksum.
const FOOTER_BYTES: usize = 10;

/// The bytes of the longest value that Redis has; one that claims more is damaged.
const VALUE_BYTES_MAX: usize = 512 << 20;

/// The first byte of a length of 32 bits, and of one of 64 bits.
const LENGTH_32: u8 = 0x80;
const LENGTH_64: u8 = 0x81;

/// The first byte of an integer of one byte, of two, of four, and of a compressed string.
const INTEGER_8: u8 = 0xC0;
const INTEGER_16: u8 = 0xC1;
const INTEGER_32: u8 = 0xC2;
const COMPRESSED: u8 = 0xC3;

/// The reason why a payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PayloadError {
    /// It is of a newer version, or the checksum is not that of the bytes before it.
    Footer,
    /// It holds no string.
    Contents,
}

/// A string of a payload, of which the footer is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DumpedString<'a> {
    /// The value itself.
    Plain(&'a [u8]),
    /// An integer in place of its digits.
    Integer(i32),
    /// A compressed value, and the bytes it has.
    Compressed(&'a [u8], usize),
}

/// Returns the payload of a value.
pub(crate) fn dump(value: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(value.len() + FOOTER_BYTES + 6);
    payload.push(STRING);
    match parse_integer(value).and_then(|number| i32::try_from(number).ok()) {
        Some(number) => push_integer(&mut payload, number),
        None => {
            push_length(&mut payload, value.len());
            payload.extend_from_slice(value);
        }
    }
    push_footer(&mut payload);
    payload
}

fn push_footer(payload: &mut Vec<u8>) {
    payload.extend(VERSION.to_le_bytes());
    let checksum = crc64(payload);
    payload.extend(checksum.to_le_bytes());
}

fn push_integer(payload: &mut Vec<u8>, number: i32) {
    if let Ok(number) = i8::try_from(number) {
        payload.push(INTEGER_8);
        payload.extend(number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        payload.push(INTEGER_16);
        payload.extend(number.to_le_bytes());
    } else {
        payload.push(INTEGER_32);
        payload.extend(number.to_le_bytes());
    }
}

fn push_length(payload: &mut Vec<u8>, length: usize) {
    match (u8::try_from(length), u16::try_from(length), u32::try_from(length)) {
        (Ok(short @ ..0x40), ..) => payload.push(short),
        (_, Ok(medium @ ..0x4000), _) => payload.extend((medium | 0x4000).to_be_bytes()),
        (.., Ok(long)) => {
            payload.push(LENGTH_32);
            payload.extend(long.to_be_bytes());
        }
        _ => {
            payload.push(LENGTH_64);
            payload.extend((length as u64).to_be_bytes());
        }
    }
}

/// Returns the string of a payload. What stands between it and the footer is ignored, as in Redis.
pub(super) fn parse(payload: &[u8]) -> Result<DumpedString<'_>, PayloadError> {
    let (checked, checksum) = payload.split_last_chunk().ok_or(PayloadError::Footer)?;
    let (contents, version) = checked.split_last_chunk().ok_or(PayloadError::Footer)?;
    let is_known = u16::from_le_bytes(*version) <= VERSION;
    if !is_known || u64::from_le_bytes(*checksum) != crc64(checked) {
        return Err(PayloadError::Footer);
    }
    let string = contents.strip_prefix(&[STRING]).and_then(|rest| PayloadReader(rest).string());
    string.ok_or(PayloadError::Contents)
}

/// Returns the value of these contents, with a footer that is right.
#[cfg(any(test, fuzzing))]
pub(crate) fn restored(contents: &[u8]) -> Option<Vec<u8>> {
    let mut payload = contents.to_vec();
    push_footer(&mut payload);
    parse(&payload).and_then(DumpedString::into_value).ok()
}

impl DumpedString<'_> {
    /// Returns the number of bytes of the value, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Plain(value) => value.len(),
            Self::Integer(_) => size_of::<i32>(),
            Self::Compressed(_, bytes) => *bytes,
        }
    }

    /// Returns the value.
    pub(super) fn into_value(self) -> Result<Vec<u8>, PayloadError> {
        match self {
            Self::Plain(value) => Ok(value.to_vec()),
            Self::Integer(number) => Ok(number.to_string().into_bytes()),
            Self::Compressed(compressed, bytes) => {
                lzf::expand(compressed, bytes).ok_or(PayloadError::Contents)
            }
        }
    }
}

/// The bytes of a payload that were not read yet.
struct PayloadReader<'a>(&'a [u8]);

impl<'a> PayloadReader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn string(&mut self) -> Option<DumpedString<'a>> {
        Some(match *self.0.first()? {
            INTEGER_8 => {
                let [_, number] = self.array()?;
                DumpedString::Integer(number.cast_signed().into())
            }
            INTEGER_16 => {
                let [_, low, high] = self.array()?;
                DumpedString::Integer(i16::from_le_bytes([low, high]).into())
            }
            INTEGER_32 => {
                let [_, number @ ..]: [u8; 5] = self.array()?;
                DumpedString::Integer(i32::from_le_bytes(number))
            }
            COMPRESSED => {
                self.take(1)?;
                let (compressed, bytes) = (self.length()?, self.length()?);
                let compressed = self.take(compressed)?;
                DumpedString::Compressed(compressed, bytes)
            }
            _ => {
                let length = self.length()?;
                DumpedString::Plain(self.take(length)?)
            }
        })
    }

    fn length(&mut self) -> Option<usize> {
        let [first] = self.array()?;
        let length = match first {
            0..0x40 => usize::from(first),
            0x40..LENGTH_32 => {
                let [second] = self.array()?;
                usize::from(first & 0x3F) << 8 | usize::from(second)
            }
            LENGTH_32 => usize::try_from(u32::from_be_bytes(self.array()?)).ok()?,
            LENGTH_64 => usize::try_from(u64::from_be_bytes(self.array()?)).ok()?,
            _ => return None,
        };
        Some(length).filter(|length| *length <= VALUE_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(payload: &[u8]) -> Result<Vec<u8>, PayloadError> {
        parse(payload)?.into_value()
    }

    /// Returns a payload of these contents.
    fn payload(contents: &[u8]) -> Vec<u8> {
        let mut payload = contents.to_vec();
        push_footer(&mut payload);
        payload
    }

    #[test]
    fn every_value_is_restored_from_its_dump() {
        for number in [0, 1, -1, 127, 128, -128, -129, 32767, 32768, 1 << 31, -(1 << 31), 1 << 40] {
            let number = i64::to_string(&number).into_bytes();
            assert_eq!(value(&dump(&number)).unwrap(), number);
        }
        for length in [0, 1, 63, 64, 16383, 16384, 70_000] {
            let long = vec![b'v'; length];
            assert_eq!(value(&dump(&long)).unwrap(), long);
        }
        assert_eq!(dump(b"10")[..5], *b"\x00\xc0\x0a\x0a\x00");
    }

    #[test]
    fn payloads_of_redis_are_read() {
        let of_version_9 = b"\x00\xc0\n\t\x00\xbem\x06\x89Z(\x00\n";
        assert_eq!(value(of_version_9).unwrap(), b"10");
        assert_eq!(value(&payload(b"\x00\xc3\x05\x14\x00a\xe0\x0a\x00")).unwrap(), [b'a'; 20]);
        assert_eq!(value(&payload(b"\x00\x81\0\0\0\0\0\0\0\x02ab")).unwrap(), b"ab");
        assert_eq!(value(&payload(b"\x00\x02abignored")).unwrap(), b"ab");
    }

    #[test]
    fn damaged_payloads_are_refused() {
        let whole = dump(b"value");
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 0x10;
            assert_eq!(value(&damaged), Err(PayloadError::Footer), "{position}");
            assert_eq!(value(&whole[..position]), Err(PayloadError::Footer), "{position}");
        }
        let contents: [&[u8]; 9] = [
            b"",
            b"\x01\x00",
            b"\x00",
            b"\x00\x03ab",
            b"\x00\xc1\x01",
            b"\x00\xc4\x00",
            b"\x00\x82\x00",
            b"\x00\xc3\x05\x15\x00a\xe0\x0a\x00",
            b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        for contents in contents {
            assert_eq!(value(&payload(contents)), Err(PayloadError::Contents), "{contents:?}");
        }
    }
}
