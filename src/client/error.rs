//! The errors of a client.

use std::io;
use std::time::Duration;

use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::protocol::ProtocolError;
use crate::protocol::native::{Failure, FailureKind};
use crate::sync::Arc;

/// The result of every fallible operation of a client.
pub type ClientResult<T> = Result<T, ClientError>;

/// An error of a call of [`KvsClient`](super::KvsClient).
///
/// After [`Remote`](Self::Remote), the answer of the server, and after
/// [`RequestTooLarge`](Self::RequestTooLarge) the connection goes on. Every other error leaves it
/// useless.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The text is no address, so nobody was asked.
    #[error(transparent)]
    InvalidAddress(#[from] InvalidEndpoint),

    /// A network operation failed; a request that was sent may or may not have been executed.
    #[error("cannot {action} {address}: {source}")]
    Network {
        /// The operation, as a verb with its preposition.
        action: &'static str,
        /// The address of the server.
        address: Endpoint,
        /// The error of the operating system.
        #[source]
        source: Arc<io::Error>,
    },

    /// The server did not answer in time; a write may or may not have happened.
    #[error(
        "the server at {address} did not answer within {} ms; the request may or may not have been \
         executed; connect again and check",
        waited.as_millis()
    )]
    Timeout {
        /// The address of the server.
        address: Endpoint,
        /// The time that the client waited.
        waited: Duration,
    },

    /// The request is too large to be sent; nothing of it was.
    #[error("the request is too large and was not sent: {source}")]
    RequestTooLarge {
        /// The size and its limit.
        #[source]
        source: ProtocolError,
    },

    /// The server sent what the protocol does not allow.
    #[error(
        "the server at {address} does not follow the protocol of this client: {source}; check that \
         it is a kvs server of a matching version"
    )]
    Protocol {
        /// The address of the server.
        address: Endpoint,
        /// The violation of the protocol.
        #[source]
        source: ProtocolError,
    },

    /// The server could not do what it was asked, in its own words.
    #[error("{message}")]
    Remote {
        /// The kind of failure, for programs to decide on.
        kind: FailureKind,
        /// The server's sentence about the failure.
        message: String,
    },

    /// An earlier failure made the connection useless; requests before it may or may not have been
    /// done.
    #[error(
        "the connection to {address} cannot be used after an earlier failure ({reason}); \
         connect again"
    )]
    ConnectionUnusable {
        /// The address of the server.
        address: Endpoint,
        /// The earlier failure.
        reason: String,
    },
}

impl ClientError {
    /// Wraps an error of the operating system.
    pub(super) fn network(action: &'static str, address: &Endpoint, source: io::Error) -> Self {
        let address = address.clone();
        Self::Network { action, address, source: Arc::new(source) }
    }

    /// Returns the kind of failure that the server answered with, if it did answer.
    #[must_use]
    pub fn failure_kind(&self) -> Option<FailureKind> {
        match self {
            Self::Remote { kind, .. } => Some(*kind),
            _ => None,
        }
    }

    /// Returns true if the connection broke: the server is gone, or cannot be reached.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::ConnectionUnusable { .. })
    }

    /// Returns true if nothing was done, and the same request may succeed later: the server is
    /// busy, or its disk is full.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.failure_kind(), Some(FailureKind::Busy | FailureKind::Full))
    }

    /// Returns true if a write may or may not have happened, so that it must not be sent again
    /// without a look at what is stored.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Remote { kind, .. } => *kind == FailureKind::OutcomeUnknown,
            Self::Network { .. } | Self::Timeout { .. } | Self::Protocol { .. } => true,
            // It was not sent.
            Self::InvalidAddress(_)
            | Self::RequestTooLarge { .. }
            | Self::ConnectionUnusable { .. } => false,
        }
    }
}

impl From<Failure> for ClientError {
    fn from(Failure { kind, message }: Failure) -> Self {
        Self::Remote { kind, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_can_tell_what_to_send_again() {
        let invalid = "nowhere".parse::<Endpoint>().unwrap_err();
        let address = || Endpoint::Unix("socket".into());
        let remote = |kind| ClientError::Remote { kind, message: String::new() };
        let cases = [
            (remote(FailureKind::Busy), (true, false, false)),
            (remote(FailureKind::Full), (true, false, false)),
            (invalid.into(), (false, false, false)),
            (remote(FailureKind::OutcomeUnknown), (false, true, false)),
            (remote(FailureKind::KeyTooLarge), (false, false, false)),
            (
                ClientError::Timeout { address: address(), waited: Duration::ZERO },
                (false, true, false),
            ),
            (
                ClientError::network("send to", &address(), io::ErrorKind::BrokenPipe.into()),
                (false, true, true),
            ),
            (
                ClientError::ConnectionUnusable { address: address(), reason: String::new() },
                (false, false, true),
            ),
            (
                ClientError::RequestTooLarge { source: ProtocolError::ListTooLong { limit: 1 } },
                (false, false, false),
            ),
            (
                ClientError::Protocol { address: address(), source: ProtocolError::MagicMismatch },
                (false, true, false),
            ),
        ];
        for (error, expected) in cases {
            let told = (error.is_retryable(), error.is_outcome_unknown(), error.is_disconnected());
            assert_eq!(told, expected, "{error:?}");
        }
    }
}
