//! Ways to send the operations of a history to a server.

mod client;
mod native;
pub mod redis;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::linearizability::specification::StoreOperation as Operation;
use super::linearizability::specification::{KeyOperation, StoreAnswer};

/// Longer than a busy disk takes to sync, so that a hang fails a test and nothing else does.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A connection that asks for many operations before it reads their answers.
pub trait Connection: Send {
    /// Returns the operation itself, or one like it that this connection can ask for.
    fn fit(&self, operation: Operation) -> Operation;

    /// Asks for operations on keys that begin like this; the answers in order, up to where the
    /// connection broke.
    fn exchange(&mut self, prefix: &str, operations: &[Operation]) -> Vec<StoreAnswer>;
}

/// The number of kinds of connection.
pub const KINDS: usize = 3;

/// Returns a connection of the kind with this number: Redis' protocol, the native one, this crate's
/// client.
pub fn open(kind: usize, address: SocketAddr) -> io::Result<Box<dyn Connection>> {
    Ok(match kind % KINDS {
        0 => Box::new(redis::RedisConnection::open(address)?),
        1 => Box::new(native::NativeConnection::open(address)?),
        _ => Box::new(client::ClientConnection::open(address)?),
    })
}

/// Returns the key of a history with this number.
pub fn key(prefix: &str, number: usize) -> String {
    format!("{prefix}.{number}")
}

/// Returns the number that was stored as this value.
fn number(value: &[u8]) -> i64 {
    super::text(value).parse().unwrap()
}

/// Reduces an operation to one key, for a connection that can do no more.
fn on_one_key(operation: Operation) -> (usize, KeyOperation) {
    match operation {
        Operation::Key(key, operation) => (key, operation),
        Operation::Batch { write, .. } => match write.first() {
            Some((key, Some(number))) => (*key, KeyOperation::Set(*number)),
            Some((key, None)) => (*key, KeyOperation::Remove),
            None => (0, KeyOperation::Get),
        },
        Operation::Read(_) | Operation::Clear => (0, KeyOperation::Get),
    }
}
