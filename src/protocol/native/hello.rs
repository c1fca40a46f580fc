//! The hello that opens a native connection in each direction.
//!
//! ```text
//! client:  magic 8 | version_min u16 | version_max u16
//! server:  magic 8 | version u16     | status u16      | frame_bytes_max u32
//! ```
//!
//! All numbers are little-endian. The layout of both hellos is the same in every version, so that
//! peers of different age can at least tell each other why they do not understand one another.

use crate::protocol::ProtocolError;

/// The first bytes in each direction.
///
/// The first byte is outside ASCII, so no Redis client starts with it; the line ends and the DOS
/// end of file reveal a transport that rewrites text, as in the signature of a PNG file.
pub const MAGIC: [u8; 8] = *b"\xF4kvs\r\n\x1A\n";

/// Oldest protocol version this build speaks.
pub const VERSION_MIN: u16 = 1;

/// Newest protocol version this build speaks.
pub const VERSION_MAX: u16 = 1;

const CLIENT_HELLO_BYTES: usize = MAGIC.len() + 4;
const SERVER_HELLO_BYTES: usize = MAGIC.len() + 8;

/// The first bytes of a client: the versions it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHello {
    /// Oldest version the client speaks.
    pub version_min: u16,
    /// Newest version the client speaks.
    pub version_max: u16,
}

impl ClientHello {
    /// The hello of a client of this build.
    pub const OURS: Self = Self { version_min: VERSION_MIN, version_max: VERSION_MAX };

    /// Appends the hello to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.version_min.to_le_bytes());
        out.extend_from_slice(&self.version_max.to_le_bytes());
    }

    /// Decodes a hello and the number of bytes it took, or `None` if bytes are missing.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some(fields) = fields::<CLIENT_HELLO_BYTES>(input)? else {
            return Ok(None);
        };
        let [.., min_low, min_high, max_low, max_high] = *fields;
        let (min, max) =
            (u16::from_le_bytes([min_low, min_high]), u16::from_le_bytes([max_low, max_high]));
        if min > max {
            return Err(ProtocolError::VersionsInverted { min, max });
        }
        Ok(Some((Self { version_min: min, version_max: max }, CLIENT_HELLO_BYTES)))
    }
}

/// The decision of a server about a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloStatus {
    /// Frames may follow in the chosen version.
    Accepted,
    /// No version is spoken by both; the server closes the connection.
    VersionUnsupported,
    /// A refusal that this build does not know.
    Unknown(u16),
}

impl HelloStatus {
    fn from_code(code: u16) -> Self {
        match code {
            0 => Self::Accepted,
            1 => Self::VersionUnsupported,
            other => Self::Unknown(other),
        }
    }

    fn code(self) -> u16 {
        match self {
            Self::Accepted => 0,
            Self::VersionUnsupported => 1,
            Self::Unknown(code) => code,
        }
    }
}

/// The answer of a server to a [`ClientHello`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello {
    /// The version to speak if accepted, otherwise the newest version the server speaks.
    pub version: u16,
    /// The decision about the client.
    pub status: HelloStatus,
    /// Longest frame body the server reads; a longer one makes it close the connection.
    pub frame_bytes_max: u32,
}

impl ServerHello {
    /// Chooses the newest version both sides speak, or refuses.
    pub fn answer(client: &ClientHello, frame_bytes_max: u32) -> Self {
        let shared = client.version_min <= VERSION_MAX && VERSION_MIN <= client.version_max;
        let (version, status) = if shared {
            (client.version_max.min(VERSION_MAX), HelloStatus::Accepted)
        } else {
            (VERSION_MAX, HelloStatus::VersionUnsupported)
        };
        Self { version, status, frame_bytes_max }
    }

    /// Appends the hello to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.status.code().to_le_bytes());
        out.extend_from_slice(&self.frame_bytes_max.to_le_bytes());
    }

    /// Decodes a hello and the number of bytes it took, or `None` if bytes are missing.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some(fields) = fields::<SERVER_HELLO_BYTES>(input)? else {
            return Ok(None);
        };
        let [.., v0, v1, s0, s1, f0, f1, f2, f3] = *fields;
        let hello = Self {
            version: u16::from_le_bytes([v0, v1]),
            status: HelloStatus::from_code(u16::from_le_bytes([s0, s1])),
            frame_bytes_max: u32::from_le_bytes([f0, f1, f2, f3]),
        };
        Ok(Some((hello, SERVER_HELLO_BYTES)))
    }
}

/// Returns the hello at the start of `input`, refusing a wrong magic as soon as it shows.
fn fields<const LENGTH: usize>(input: &[u8]) -> Result<Option<&[u8; LENGTH]>, ProtocolError> {
    let magic = input.get(..MAGIC.len()).unwrap_or(input);
    if !MAGIC.starts_with(magic) {
        return Err(ProtocolError::MagicMismatch);
    }
    Ok(input.first_chunk())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &[u8] = b"\xF4kvs\r\n\x1A\n\x01\x00\x02\x03";
    const SERVER: &[u8] = b"\xF4kvs\r\n\x1A\n\x01\x00\x00\x00\x00\x10\x00\x00";

    #[test]
    fn golden_bytes_of_both_hellos() {
        let client = ClientHello { version_min: 1, version_max: 0x0302 };
        let mut bytes = Vec::new();
        client.encode(&mut bytes);
        assert_eq!(bytes, CLIENT);
        assert_eq!(ClientHello::decode(CLIENT), Ok(Some((client, 12))));

        let server = ServerHello::answer(&client, 4096);
        let mut bytes = Vec::new();
        server.encode(&mut bytes);
        assert_eq!(bytes, SERVER);
        assert_eq!(ServerHello::decode(SERVER), Ok(Some((server, 16))));
    }

    #[test]
    fn every_proper_prefix_waits_for_more() {
        for length in 0..CLIENT.len() {
            assert_eq!(ClientHello::decode(&CLIENT[..length]), Ok(None));
        }
        for length in 0..SERVER.len() {
            assert_eq!(ServerHello::decode(&SERVER[..length]), Ok(None));
        }
    }

    #[test]
    fn a_wrong_byte_of_the_magic_is_refused_as_soon_as_it_shows() {
        for index in 0..MAGIC.len() {
            let mut bytes = CLIENT.to_vec();
            bytes[index] ^= 0x20;
            for length in index + 1..=bytes.len() {
                let decoded = ClientHello::decode(&bytes[..length]);
                assert_eq!(decoded, Err(ProtocolError::MagicMismatch));
            }
        }
        let answer_of_redis = ServerHello::decode(b"-ERR unknown command");
        assert_eq!(answer_of_redis, Err(ProtocolError::MagicMismatch));
    }

    #[test]
    fn an_inverted_range_is_refused() {
        let mut bytes = Vec::new();
        ClientHello { version_min: 2, version_max: 1 }.encode(&mut bytes);
        let decoded = ClientHello::decode(&bytes);
        assert_eq!(decoded, Err(ProtocolError::VersionsInverted { min: 2, max: 1 }));
    }

    #[test]
    fn the_newest_shared_version_is_chosen() {
        let newer = ClientHello { version_min: 0, version_max: u16::MAX };
        let answer = ServerHello::answer(&newer, 1);
        assert_eq!((answer.version, answer.status), (VERSION_MAX, HelloStatus::Accepted));
        let ours = ServerHello::answer(&ClientHello::OURS, 1);
        assert_eq!((ours.version, ours.status), (VERSION_MAX, HelloStatus::Accepted));
    }

    #[test]
    fn a_disjoint_range_is_answered_with_what_the_server_offers() {
        for (version_min, version_max) in [(0, VERSION_MIN - 1), (VERSION_MAX + 1, u16::MAX)] {
            let answer = ServerHello::answer(&ClientHello { version_min, version_max }, 1);
            assert_eq!(answer.version, VERSION_MAX);
            assert_eq!(answer.status, HelloStatus::VersionUnsupported);
        }
    }

    #[test]
    fn an_unknown_status_survives_the_wire() {
        for status in [HelloStatus::VersionUnsupported, HelloStatus::Unknown(777)] {
            let hello = ServerHello { version: 9, status, frame_bytes_max: u32::MAX };
            let mut bytes = Vec::new();
            hello.encode(&mut bytes);
            assert_eq!(ServerHello::decode(&bytes), Ok(Some((hello, 16))));
        }
    }
}
