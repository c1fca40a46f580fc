//! Redis' protocol, version 2.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use super::{Connection, Operation, PATIENCE, key, number};
use crate::common::linearizability::specification::{
    Condition, KeyAnswer, KeyOperation, StoreAnswer,
};
use crate::common::text;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Option<Vec<u8>>),
    Array(Vec<Reply>),
}

/// A connection of Redis' kind.
pub struct RedisConnection(BufReader<TcpStream>);

impl RedisConnection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends commands together and waits for all replies.
    pub fn call(&mut self, commands: &[Vec<impl AsRef<[u8]>>]) -> io::Result<Vec<Reply>> {
        self.send(commands)?;
        commands.iter().map(|_| receive(&mut self.0)).collect()
    }

    fn send(&mut self, commands: &[Vec<impl AsRef<[u8]>>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for command in commands {
            write!(bytes, "*{}\r\n", command.len())?;
            for argument in command.iter().map(AsRef::as_ref) {
                write!(bytes, "${}\r\n", argument.len())?;
                bytes.extend_from_slice(argument);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        self.0.get_mut().write_all(&bytes)
    }
}

/// Reads the next reply, or message of a channel.
pub fn receive(stream: &mut impl BufRead) -> io::Result<Reply> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    let line = line.strip_suffix(b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let (kind, rest) = line.split_first().ok_or(io::ErrorKind::InvalidData)?;
    let rest = text(rest);
    let count = || rest.parse::<i64>().unwrap();
    Ok(match kind {
        b'+' => Reply::Simple(rest),
        b'-' => Reply::Error(rest),
        b':' => Reply::Integer(count()),
        b'$' => match usize::try_from(count()) {
            Err(_) => Reply::Bulk(None),
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Reply::Bulk(Some(bytes))
            }
        },
        b'*' => Reply::Array((0..count()).map(|_| receive(stream)).collect::<io::Result<_>>()?),
        other => panic!("a reply begins with {other:?}"),
    })
}

/// Returns the command for an operation that was made to fit.
fn command(prefix: &str, operation: &Operation) -> Vec<String> {
    let name = |number: usize| key(prefix, number);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let with = |name: &str, arguments: Vec<String>| [words(&[name]), arguments].concat();
    match operation {
        Operation::Read(keys) => with("MGET", keys.iter().map(|key| name(*key)).collect()),
        Operation::Clear => words(&["FLUSHALL"]),
        Operation::Batch { write, .. } if write.iter().all(|(_, value)| value.is_none()) => {
            with("DEL", write.iter().map(|(key, _)| name(*key)).collect())
        }
        Operation::Batch { require, write } => {
            let pairs =
                write.iter().flat_map(|(key, value)| [name(*key), value.unwrap().to_string()]);
            with(if require.is_empty() { "MSET" } else { "MSETNX" }, pairs.collect())
        }
        Operation::Key(key, operation) => {
            let key = name(*key);
            match operation {
                KeyOperation::Get => words(&["GET", &key]),
                KeyOperation::Contains => words(&["EXISTS", &key]),
                KeyOperation::Set(value) => words(&["SET", &key, &value.to_string()]),
                KeyOperation::Remove => words(&["DEL", &key]),
                KeyOperation::Increment(amount) => words(&["INCRBY", &key, &amount.to_string()]),
                KeyOperation::GetSet(value) => words(&["GETSET", &key, &value.to_string()]),
                KeyOperation::SetIf(Condition::Absent, value) => {
                    words(&["SETNX", &key, &value.to_string()])
                }
                KeyOperation::SetIf(_, value) => words(&["SET", &key, &value.to_string(), "XX"]),
            }
        }
    }
}

/// Returns the answer to this operation that the reply to its command means.
fn answer(operation: &Operation, reply: Reply) -> StoreAnswer {
    let ok = |reply: &Reply| *reply == Reply::Simple("OK".to_owned());
    let value = |reply: Reply| match reply {
        Reply::Bulk(value) => value.map(|value| number(&value)),
        other => panic!("{operation:?} was answered {other:?}"),
    };
    let answer = match (operation, reply) {
        (Operation::Read(_), Reply::Array(values)) => {
            return StoreAnswer::Values(values.into_iter().map(value).collect());
        }
        (Operation::Clear, reply) if ok(&reply) => return StoreAnswer::Done,
        (Operation::Batch { require, .. }, Reply::Integer(integer)) => {
            return StoreAnswer::Applied(require.is_empty() || integer == 1);
        }
        (Operation::Batch { .. }, reply) if ok(&reply) => return StoreAnswer::Applied(true),
        (Operation::Key(_, operation), reply) => match (operation, reply) {
            (KeyOperation::Set(_), reply) if ok(&reply) => KeyAnswer::Done,
            (KeyOperation::SetIf(..), reply) if ok(&reply) => KeyAnswer::Flag(true),
            (KeyOperation::SetIf(..), Reply::Bulk(None)) => KeyAnswer::Flag(false),
            (KeyOperation::Get | KeyOperation::GetSet(_), reply) => KeyAnswer::Value(value(reply)),
            (KeyOperation::Increment(_), Reply::Integer(integer)) => KeyAnswer::Number(integer),
            (_, Reply::Integer(integer)) => KeyAnswer::Flag(integer == 1),
            (_, reply) => panic!("{operation:?} was answered {reply:?}"),
        },
        (_, reply) => panic!("{operation:?} was answered {reply:?}"),
    };
    StoreAnswer::Key(answer)
}

impl Connection for RedisConnection {
    fn fit(&self, operation: Operation) -> Operation {
        match operation {
            Operation::Key(key, KeyOperation::SetIf(Condition::Value(_), value)) => {
                Operation::Key(key, KeyOperation::SetIf(Condition::Present, value))
            }
            Operation::Batch { write, .. } if write.is_empty() => Operation::Read(vec![0]),
            Operation::Batch { require, mut write } => {
                if write.iter().any(|(_, value)| value.is_some()) {
                    write.retain(|(_, value)| value.is_some());
                    let absent = |(key, _): &(usize, _)| (*key, Condition::Absent);
                    let all = write.iter().map(absent).collect();
                    let require = if require.is_empty() { require } else { all };
                    return Operation::Batch { require, write };
                }
                Operation::Batch { require: vec![], write }
            }
            other => other,
        }
    }

    fn exchange(&mut self, prefix: &str, operations: &[Operation]) -> Vec<StoreAnswer> {
        let commands: Vec<_> =
            operations.iter().map(|operation| command(prefix, operation)).collect();
        if self.send(&commands).is_err() {
            return vec![];
        }
        let replies = operations.iter().map_while(|operation| {
            let reply = receive(&mut self.0).ok()?;
            Some(answer(operation, reply))
        });
        replies.collect()
    }
}
