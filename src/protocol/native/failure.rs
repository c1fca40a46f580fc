//! The answer of a server to an operation that failed.

use serde::{Deserialize, Serialize};

/// Why an operation failed, for programs in `kind` and for people in `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind, which a program may decide on.
    pub kind: FailureKind,
    /// One lower-case sentence for a log.
    pub message: String,
}

/// The kinds of failure, each a fixed number on the wire.
///
/// A kind that this build does not know decodes to [`FailureKind::Unknown`], so that a newer server
/// may add kinds without a new protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "u16", into = "u16")]
#[non_exhaustive]
pub enum FailureKind {
    /// The key is over the limit of the server.
    KeyTooLarge,
    /// The value, or the batch, is over the limit of the server.
    ValueTooLarge,
    /// A condition of a batch did not hold; nothing was written.
    ConditionFailed,
    /// The key or keyspace that the operation names does not exist.
    NotFound,
    /// The server does not offer this operation or this combination of fields.
    Unsupported,
    /// Stored bytes are damaged.
    Corrupt,
    /// The disk, or the memory for keys, is full; nothing was written.
    Full,
    /// An earlier write failed in a way that stops all writes until a restart.
    Poisoned,
    /// The write may or may not have happened.
    OutcomeUnknown,
    /// The store is closed or closing; nothing was written.
    Closed,
    /// The server has too much to do; trying again later may help.
    Busy,
    /// The request breaks a rule of the protocol.
    Protocol,
    /// The server failed in a way it does not explain.
    Internal,
    /// The value is of another type than the operation needs.
    WrongType,
    /// The server wants a password before this operation; nothing was done.
    NotAuthenticated,
    /// The password is wrong.
    WrongPassword,
    /// No keyspace has the name, be it that it was dropped or renamed; nothing was done.
    NoSuchKeyspace,
    /// Another keyspace has the name; nothing was done.
    KeyspaceExists,
    /// The default keyspace can be neither dropped nor renamed nor swapped.
    DefaultKeyspace,
    /// No keyspace may have the name: it is empty or too long.
    InvalidKeyspaceName,
    /// The value to add to is no integer; nothing was written.
    NotAnInteger,
    /// The sum has more than 64 bits; nothing was written.
    IntegerOverflow,
    /// The connection has no snapshot: it opened none, or the server let it go after its time.
    NoSnapshot,
    /// Something that the transaction has read has changed; nothing was written.
    TransactionConflict,
    /// The transaction has read more keys than the server checks; nothing was written.
    TransactionTooLarge,
    /// No backup may have the name.
    InvalidBackupName,
    /// A kind that this build does not know.
    Unknown(u16),
}

/// The number of each kind. Append only; zero stays unused so that zeroed bytes mean nothing.
const CODES: [(u16, FailureKind); 26] = [
    (1, FailureKind::KeyTooLarge),
    (2, FailureKind::ValueTooLarge),
    (3, FailureKind::ConditionFailed),
    (4, FailureKind::NotFound),
    (5, FailureKind::Unsupported),
    (6, FailureKind::Corrupt),
    (7, FailureKind::Full),
    (8, FailureKind::Poisoned),
    (9, FailureKind::OutcomeUnknown),
    (10, FailureKind::Closed),
    (11, FailureKind::Busy),
    (12, FailureKind::Protocol),
    (13, FailureKind::Internal),
    (14, FailureKind::WrongType),
    (15, FailureKind::NotAuthenticated),
    (16, FailureKind::WrongPassword),
    (17, FailureKind::NoSuchKeyspace),
    (18, FailureKind::KeyspaceExists),
    (19, FailureKind::DefaultKeyspace),
    (20, FailureKind::InvalidKeyspaceName),
    (21, FailureKind::NotAnInteger),
    (22, FailureKind::IntegerOverflow),
    (23, FailureKind::NoSnapshot),
    (24, FailureKind::TransactionConflict),
    (25, FailureKind::TransactionTooLarge),
    (26, FailureKind::InvalidBackupName),
];

impl From<u16> for FailureKind {
    fn from(code: u16) -> Self {
        let known = CODES.iter().find(|(known, _)| *known == code);
        known.map_or(Self::Unknown(code), |(_, kind)| *kind)
    }
}

impl From<FailureKind> for u16 {
    fn from(kind: FailureKind) -> Self {
        if let FailureKind::Unknown(code) = kind {
            return code;
        }
        // A kind missing from the table becomes zero, an unknown kind, which a test rules out.
        CODES.iter().find(|(_, known)| *known == kind).map_or(0, |(code, _)| *code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns every kind, kept complete by the compiler: the match has no wildcard.
    fn expected_code(kind: FailureKind) -> u16 {
        match kind {
            FailureKind::KeyTooLarge => 1,
            FailureKind::ValueTooLarge => 2,
            FailureKind::ConditionFailed => 3,
            FailureKind::NotFound => 4,
            FailureKind::Unsupported => 5,
            FailureKind::Corrupt => 6,
            FailureKind::Full => 7,
            FailureKind::Poisoned => 8,
            FailureKind::OutcomeUnknown => 9,
            FailureKind::Closed => 10,
            FailureKind::Busy => 11,
            FailureKind::Protocol => 12,
            FailureKind::Internal => 13,
            FailureKind::WrongType => 14,
            FailureKind::NotAuthenticated => 15,
            FailureKind::WrongPassword => 16,
            FailureKind::NoSuchKeyspace => 17,
            FailureKind::KeyspaceExists => 18,
            FailureKind::DefaultKeyspace => 19,
            FailureKind::InvalidKeyspaceName => 20,
            FailureKind::NotAnInteger => 21,
            FailureKind::IntegerOverflow => 22,
            FailureKind::NoSnapshot => 23,
            FailureKind::TransactionConflict => 24,
            FailureKind::TransactionTooLarge => 25,
            FailureKind::InvalidBackupName => 26,
            FailureKind::Unknown(code) => code,
        }
    }

    #[test]
    fn every_code_stands_for_one_kind_and_back() {
        for code in 0..=u16::MAX {
            let kind = FailureKind::from(code);
            assert_eq!(expected_code(kind), code);
            assert_eq!(u16::from(kind), code);
            assert_eq!(matches!(kind, FailureKind::Unknown(_)), code == 0 || code > 26);
        }
    }

    #[test]
    fn golden_bytes_of_a_failure() {
        let failure = Failure { kind: FailureKind::ConditionFailed, message: "no".to_owned() };
        assert_eq!(postcard::to_stdvec(&failure).unwrap(), b"\x03\x02no");
    }

    #[test]
    fn a_kind_of_the_future_is_kept() {
        let failure: Failure = postcard::from_bytes(b"\xAC\x02\x02no").unwrap();
        assert_eq!(failure.kind, FailureKind::Unknown(300));
        assert_eq!(failure.to_string(), "no");
    }
}
