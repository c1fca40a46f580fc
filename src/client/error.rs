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
/// [`RequestTooLarge`](Self::RequestTooLarge) the connection goes on. After every other error the
/// next call makes a new one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The text is no address, so nobody was asked.
    #[error(transparent)]
    InvalidAddress(#[from] InvalidEndpoint),

    /// A network operation failed.
    #[error("cannot {action} {address}: {source}{}", doubt(*is_sent))]
    Network {
        /// The operation, as a verb with its preposition.
        action: &'static str,
        /// The address of the server.
        address: Endpoint,
        /// False if the server did not get the request, so that it was not executed.
        is_sent: bool,
        /// The error of the operating system.
        #[source]
        source: Arc<io::Error>,
    },

    /// The server did not answer in time.
    #[error(
        "the server at {address} did not answer within {} ms{}", waited.as_millis(), doubt(*is_sent)
    )]
    Timeout {
        /// The address of the server.
        address: Endpoint,
        /// The time that the client waited.
        waited: Duration,
        /// False if the server did not get the request, so that it was not executed.
        is_sent: bool,
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
         it is a kvs server of a matching version{}", doubt(*is_sent)
    )]
    Protocol {
        /// The address of the server.
        address: Endpoint,
        /// False if the server did not get the request, so that it was not executed.
        is_sent: bool,
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

    /// The server has as many clients as it takes, so it was not asked.
    #[error("the server at {address} has no room for another client; try again later")]
    NoRoom {
        /// The address of the server.
        address: Endpoint,
    },

    /// Every client of a pool was in use for as long as a call may wait for one.
    #[error("all {limit} clients of the pool were in use for {} ms", waited.as_millis())]
    PoolExhausted {
        /// The most clients that the pool has.
        limit: usize,
        /// The time that was waited.
        waited: Duration,
    },

    /// A sync was not asked for, because the connection broke after the writes that it is about:
    /// the server may have been started again, and does not know whether they survived.
    #[error(
        "the connection to {address} was lost before a sync, so it is not known whether the writes \
         before that survive a power loss; look at what is stored, or write it again"
    )]
    SyncLost {
        /// The address of the server.
        address: Endpoint,
    },
}

/// Returns the end of a message about a request that may have been sent.
fn doubt(is_sent: bool) -> &'static str {
    if is_sent { "; the request may or may not have been executed" } else { "" }
}

impl ClientError {
    /// Wraps an error of the operating system.
    pub(crate) fn network(
        action: &'static str,
        address: &Endpoint,
        is_sent: bool,
        source: io::Error,
    ) -> Self {
        let address = address.clone();
        Self::Network { action, address, is_sent, source: Arc::new(source) }
    }

    /// Returns the same error as one that came before the request was sent.
    pub(super) fn before_request(mut self) -> Self {
        if let Self::Network { is_sent, .. }
        | Self::Timeout { is_sent, .. }
        | Self::Protocol { is_sent, .. } = &mut self
        {
            *is_sent = false;
        }
        self
    }

    /// Returns true if another attempt may go better and does no harm, where `may_repeat` is true
    /// of a request that may be executed twice.
    pub(super) fn is_worth_repeating(&self, may_repeat: bool) -> bool {
        match self {
            Self::Network { is_sent, .. } => may_repeat || !is_sent,
            Self::Timeout { is_sent, .. } => !is_sent,
            Self::NoRoom { .. } => true,
            _ => false,
        }
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
        matches!(self, Self::Network { .. })
    }

    /// Returns true if nothing was done, and the same request may succeed later: the server is
    /// busy, cannot be reached, or its disk is full.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let refused = matches!(self.failure_kind(), Some(FailureKind::Busy | FailureKind::Full));
        let is_waiting = matches!(self, Self::PoolExhausted { .. });
        refused || is_waiting || self.is_worth_repeating(false)
    }

    /// Returns true if a write may or may not have happened, so that it must not be sent again
    /// without a look at what is stored.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Remote { kind, .. } => *kind == FailureKind::OutcomeUnknown,
            Self::Network { is_sent, .. }
            | Self::Timeout { is_sent, .. }
            | Self::Protocol { is_sent, .. } => *is_sent,
            // It was not sent.
            Self::InvalidAddress(_)
            | Self::RequestTooLarge { .. }
            | Self::NoRoom { .. }
            | Self::PoolExhausted { .. }
            | Self::SyncLost { .. } => false,
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
        let network = |is_sent| {
            let broken = io::ErrorKind::BrokenPipe.into();
            ClientError::network("send to", &address(), is_sent, broken)
        };
        let timeout =
            |is_sent| ClientError::Timeout { address: address(), waited: Duration::ZERO, is_sent };
        let protocol = |is_sent| {
            let source = ProtocolError::MagicMismatch;
            ClientError::Protocol { address: address(), is_sent, source }
        };
        let too_large =
            ClientError::RequestTooLarge { source: ProtocolError::ListTooLong { limit: 1 } };
        let cases = [
            (remote(FailureKind::Busy), (true, false, false)),
            (remote(FailureKind::Full), (true, false, false)),
            (invalid.into(), (false, false, false)),
            (remote(FailureKind::OutcomeUnknown), (false, true, false)),
            (remote(FailureKind::KeyTooLarge), (false, false, false)),
            (timeout(true), (false, true, false)),
            (timeout(false), (true, false, false)),
            (network(true), (false, true, true)),
            (network(true).before_request(), (true, false, true)),
            (too_large, (false, false, false)),
            (protocol(true), (false, true, false)),
            (protocol(true).before_request(), (false, false, false)),
            (ClientError::NoRoom { address: address() }, (true, false, false)),
            (ClientError::PoolExhausted { limit: 1, waited: Duration::ZERO }, (true, false, false)),
            (ClientError::SyncLost { address: address() }, (false, false, false)),
        ];
        for (error, expected) in cases {
            let told = (error.is_retryable(), error.is_outcome_unknown(), error.is_disconnected());
            assert_eq!(told, expected, "{error:?}");
            // A read may be repeated where the connection broke, and never where time ran out.
            let repeats = error.is_disconnected() || error.is_worth_repeating(false);
            assert_eq!(error.is_worth_repeating(true), repeats, "{error:?}");
        }
    }
}
