//! A connection of either protocol, on which writes are told apart by what is known of them.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kvs::protocol::native::FailureKind;
use kvs::{Error, KvsClient};

use super::journal::{Journal, Outcome, Write};

/// Longer than any answer takes, so that a hang fails a test instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a server.
pub enum Connection {
    Native(KvsClient),
    Redis(Redis),
}

impl Connection {
    pub fn native(address: SocketAddr) -> Self {
        Self::Native(KvsClient::connect(address).unwrap())
    }

    pub fn redis(address: SocketAddr) -> Self {
        Self::Redis(Redis::connect(address).unwrap())
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
                let mut words = vec![b"MSET".to_vec()];
                words.extend(pairs);
                redis_outcome(client.call(&words))
            }
            (Self::Redis(client), None) => {
                redis_outcome(client.call(&[b"DEL".to_vec(), key.clone().into_bytes()]))
            }
        }
    }

    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        match self {
            Self::Native(client) => client.get(key).unwrap(),
            Self::Redis(client) => {
                match client.call(&[b"GET".to_vec(), key.as_bytes().to_vec()]).unwrap() {
                    Reply::Value(value) => value,
                    reply => panic!("{reply:?} to a GET"),
                }
            }
        }
    }
}

fn native_outcome(result: kvs::Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Acknowledged,
        Err(Error::Remote { kind: FailureKind::OutcomeUnknown, message }) => {
            Outcome::Doubtful(message)
        }
        Err(Error::Remote { message, .. }) => Outcome::Refused(message),
        Err(Error::Timeout { .. }) => panic!("no answer within {PATIENCE:?}"),
        Err(_) => Outcome::Unanswered,
    }
}

fn redis_outcome(result: io::Result<Reply>) -> Outcome {
    match result {
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

/// A client of Redis' protocol that sends one command at a time.
pub struct Redis(BufReader<TcpStream>);

/// The replies that the commands used here can have.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// A line, or a number.
    Line(String),
    Value(Option<Vec<u8>>),
    Error(String),
}

impl Redis {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a command and waits for the reply.
    pub fn call(&mut self, words: &[Vec<u8>]) -> io::Result<Reply> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            write!(request, "${}\r\n", word.len())?;
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request)?;
        self.reply()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let Some(line) = line.strip_suffix("\r\n") else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let (kind, rest) = line.split_at(1);
        Ok(match kind {
            "-" => Reply::Error(rest.to_owned()),
            "$" if rest == "-1" => Reply::Value(None),
            "$" => {
                let mut value = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.0.read_exact(&mut value)?;
                value.truncate(value.len() - 2);
                Reply::Value(Some(value))
            }
            _ => Reply::Line(rest.to_owned()),
        })
    }
}
