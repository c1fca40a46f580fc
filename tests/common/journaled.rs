//! A connection of either protocol, on which writes are told apart by what is known of them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use kvs::protocol::native::FailureKind;
use kvs::{ClientError, ClientOptions, ClientResult, KvsClient};

use super::connection::PATIENCE;
use super::connection::redis::{RedisConnection, Reply};
use super::journal::{Journal, Outcome, Write};

/// A connection to a server.
pub enum Connection {
    Native(KvsClient),
    Redis(RedisConnection),
}

impl Connection {
    pub fn native(address: SocketAddr) -> Self {
        // The server comes back at another address, if at all.
        let options = ClientOptions::default().reconnect_timeout(Duration::ZERO);
        Self::Native(KvsClient::connect_with(address, &options).unwrap())
    }

    pub fn redis(address: SocketAddr) -> Self {
        Self::Redis(RedisConnection::open(address).unwrap())
    }

    /// Sends a write that the journal knows of, and notes what became of it.
    pub fn send(&mut self, journal: &mut Journal, write: &Write) -> Outcome {
        let outcome = self.write(write);
        journal.conclude(write, &outcome);
        outcome
    }

    /// Sends a write. The native protocol's client has no batches.
    pub fn write(&mut self, write: &Write) -> Outcome {
        let key = &write.keys[0];
        match (self, write.value(key)) {
            (Self::Native(client), Some(value)) if write.keys.len() == 1 => {
                native_outcome(client.set(key, value))
            }
            (Self::Native(client), None) => native_outcome(client.remove(key).map(drop)),
            (Self::Native(_), Some(_)) => panic!("this client cannot send batches"),
            (Self::Redis(client), Some(_)) => {
                let pairs = write.keys.iter();
                let pairs = pairs.flat_map(|k| [k.clone().into_bytes(), write.value(k).unwrap()]);
                let command: Vec<_> = std::iter::once(b"MSET".to_vec()).chain(pairs).collect();
                redis_outcome(client.call(&[command]))
            }
            (Self::Redis(client), None) => {
                redis_outcome(client.call(&[vec!["DEL".to_owned(), key.clone()]]))
            }
        }
    }

    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        match self {
            Self::Native(client) => client.get(key).unwrap(),
            Self::Redis(client) => {
                let command = vec!["GET".to_owned(), key.to_owned()];
                match client.call(&[command]).unwrap().remove(0) {
                    Reply::Bulk(value) => value,
                    reply => panic!("{reply:?} to a GET"),
                }
            }
        }
    }
}

fn native_outcome(result: ClientResult<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Acknowledged,
        Err(ClientError::Remote { kind: FailureKind::OutcomeUnknown, message }) => {
            Outcome::Doubtful(message)
        }
        Err(ClientError::Remote { message, .. }) => Outcome::Refused(message),
        Err(ClientError::Timeout { .. }) => panic!("no answer within {PATIENCE:?}"),
        Err(_) => Outcome::Unanswered,
    }
}

fn redis_outcome(result: io::Result<Vec<Reply>>) -> Outcome {
    // One command has one reply.
    match result.map(|mut replies| replies.remove(0)) {
        Ok(Reply::Error(text)) if text.contains("may or may not survive") => {
            Outcome::Doubtful(text)
        }
        Ok(Reply::Error(text)) => Outcome::Refused(text),
        Ok(_) => Outcome::Acknowledged,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            panic!("no answer within {PATIENCE:?}")
        }
        Err(_) => Outcome::Unanswered,
    }
}
