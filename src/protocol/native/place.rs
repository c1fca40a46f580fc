//! The keys that a request is about.
//!
//! IMPORTANT: the position of a variant is the wire format. Append only.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The keys that an operation is about: those of a keyspace, now or at an earlier moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub enum Place<'a> {
    /// The default keyspace, now.
    #[default]
    Default,
    /// The keyspace with this name, now.
    Keyspace(#[serde(borrow)] Cow<'a, str>),
    /// The default keyspace at the moment of the connection's snapshot.
    Snapshot,
    /// The keyspace that had this name at the moment of the connection's snapshot.
    KeyspaceSnapshot(#[serde(borrow)] Cow<'a, str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_every_place() {
        let cases = [
            (Place::Default, &b"\x00"[..]),
            (Place::Keyspace("ks".into()), b"\x01\x02ks"),
            (Place::Snapshot, b"\x02"),
            (Place::KeyspaceSnapshot("ks".into()), b"\x03\x02ks"),
        ];
        for (place, bytes) in cases {
            assert_eq!(postcard::to_stdvec(&place).unwrap(), bytes, "{place:?}");
            assert_eq!(postcard::from_bytes::<Place<'_>>(bytes).unwrap(), place);
        }
    }

    #[test]
    fn a_name_borrows_from_the_frame_and_is_text() {
        let frame = b"\x01\x02ks";
        let Place::Keyspace(Cow::Borrowed(name)) = postcard::from_bytes(frame).unwrap() else {
            panic!("it is copied");
        };
        assert_eq!(name.as_ptr(), frame[2..].as_ptr());
        assert!(postcard::from_bytes::<Place<'_>>(b"\x01\x01\xFF").is_err());
    }
}
