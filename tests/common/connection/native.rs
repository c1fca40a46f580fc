//! The native protocol with what the client of this crate does not offer: batches and versions.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Bound;

use kvs::protocol::native::{
    BatchCondition as Expected, BatchItem, ClientHello, FRAME_BYTES_MAX, Failure, FailureKind,
    RequestMessage, RequestOperation as Asked, ResponseMessage, ServerHello, Success, decode_frame,
};

use super::{Connection, Operation, PATIENCE, key, number};
use crate::common::linearizability::specification::{
    Condition, KeyAnswer, KeyOperation, StoreAnswer,
};
use crate::common::linearizability::workload::SMALLEST_UNIQUE;

pub struct NativeConnection {
    stream: TcpStream,
    input: Vec<u8>,
    sent: u64,
    received: u64,
    /// The number last read of each key, with its version.
    versions: HashMap<String, (i64, u64)>,
}

impl NativeConnection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        ClientHello::OURS.encode(&mut ours);
        stream.write_all(&ours)?;
        loop {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            theirs.extend(byte);
            if ServerHello::decode(&theirs).unwrap().is_some() {
                break;
            }
        }
        let versions = HashMap::new();
        Ok(Self { stream, input: vec![], sent: 0, received: 0, versions })
    }

    /// Returns the body of the next response.
    fn receive(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some((body, length)) = decode_frame(&self.input, FRAME_BYTES_MAX).unwrap() {
                let body = body.to_vec();
                self.input.drain(..length);
                return Ok(body);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.input.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn request(&self, prefix: &str, operation: &Operation) -> Asked<'static> {
        let name = |number: usize| key(prefix, number).into_bytes().into();
        let set = |key: usize, number: i64| BatchItem::Set {
            key: name(key),
            value: number.to_string().into_bytes().into(),
            expires_at: None,
        };
        let require = |key: usize, condition: Condition| BatchItem::Require {
            key: name(key),
            condition: self.expected(prefix, key, condition),
        };
        match operation {
            // A range of one page says the same as its keys.
            Operation::Read(keys) if self.sent.is_multiple_of(2) && keys.len() > 1 => Asked::Scan {
                start: Bound::Included(name(keys[0])),
                end: Bound::Included(name(keys[keys.len() - 1])),
                reverse: false,
                limit: 100,
                keys_only: false,
            },
            Operation::Read(keys) => {
                Asked::GetMany { keys: keys.iter().map(|key| name(*key)).collect() }
            }
            Operation::Clear => Asked::Clear,
            Operation::Batch { require: required, write } => {
                let required = required.iter().map(|(key, condition)| require(*key, *condition));
                let written = write.iter().map(|(key, value)| match value {
                    Some(number) => set(*key, *number),
                    None => BatchItem::Remove { key: name(*key) },
                });
                Asked::batch(required.chain(written).collect())
            }
            Operation::Key(key, operation) => match *operation {
                KeyOperation::Contains => Asked::Contains { key: name(*key) },
                KeyOperation::Remove => Asked::Remove { key: name(*key), sync: None },
                KeyOperation::Set(number) => Asked::batch(vec![set(*key, number)]),
                KeyOperation::SetIf(condition, number) => {
                    Asked::batch(vec![require(*key, condition), set(*key, number)])
                }
                KeyOperation::GetSet(number) => {
                    let value = number.to_string().into_bytes().into();
                    Asked::Swap { key: name(*key), value, sync: None }
                }
                _ => Asked::GetVersioned { key: name(*key) },
            },
        }
    }

    /// Returns a condition as the protocol has it. A version says the same as the value, as long as
    /// the value is not met twice.
    fn expected(&self, prefix: &str, name: usize, condition: Condition) -> Expected<'static> {
        match condition {
            Condition::Absent => Expected::Absent,
            Condition::Present => Expected::Present,
            Condition::Value(number) => match self.versions.get(&key(prefix, name)) {
                Some((seen, version)) if *seen == number && number >= SMALLEST_UNIQUE => {
                    Expected::Version(*version)
                }
                _ => Expected::Value(number.to_string().into_bytes().into()),
            },
        }
    }

    fn answer(
        &mut self,
        prefix: &str,
        operation: &Operation,
        result: Result<Success<'_>, Failure>,
    ) -> StoreAnswer {
        let refused = matches!(&result, Err(Failure { kind: FailureKind::ConditionFailed, .. }));
        let written = matches!(&result, Ok(Success::Applied { .. }));
        let answer = match (operation, result) {
            (Operation::Batch { .. }, _) if written || refused => {
                return StoreAnswer::Applied(written);
            }
            (Operation::Clear, Ok(Success::Done)) => return StoreAnswer::Done,
            (Operation::Read(_), Ok(Success::Values(values))) => {
                let values = values.into_iter().map(|value| value.map(|value| number(&value)));
                return StoreAnswer::Values(values.collect());
            }
            (Operation::Read(keys), Ok(Success::Entries { entries, more: false })) => {
                let value = |wanted: &usize| {
                    let name = key(prefix, *wanted).into_bytes();
                    let entry = entries.iter().find(|entry| *entry.key == *name)?;
                    Some(number(entry.value.as_ref()?))
                };
                return StoreAnswer::Values(keys.iter().map(value).collect());
            }
            (Operation::Key(name, KeyOperation::Get), Ok(Success::Versioned(found))) => {
                let found = found.map(|found| (number(&found.value), found.version));
                let name = key(prefix, *name);
                self.versions.remove(&name);
                self.versions.extend(found.map(|found| (name, found)));
                KeyAnswer::Value(found.map(|(number, _)| number))
            }
            (Operation::Key(_, KeyOperation::Set(_)), _) if written => KeyAnswer::Done,
            (Operation::Key(_, KeyOperation::SetIf(..)), _) if written || refused => {
                KeyAnswer::Flag(written)
            }
            (Operation::Key(_, KeyOperation::GetSet(_)), Ok(Success::Value(value))) => {
                KeyAnswer::Value(value.map(|value| number(&value)))
            }
            (Operation::Key(..), Ok(Success::Removed(flag) | Success::Flag(flag))) => {
                KeyAnswer::Flag(flag)
            }
            (_, result) => panic!("{operation:?} was answered {result:?}"),
        };
        StoreAnswer::Key(answer)
    }
}

impl Connection for NativeConnection {
    fn fit(&self, operation: Operation) -> Operation {
        match operation {
            // A sum may be met again in another version.
            Operation::Key(key, KeyOperation::Increment(_)) => {
                Operation::Key(key, KeyOperation::Get)
            }
            other => other,
        }
    }

    fn exchange(&mut self, prefix: &str, operations: &[Operation]) -> Vec<StoreAnswer> {
        let mut output = Vec::new();
        for operation in operations {
            self.sent += 1;
            let request = RequestMessage::new(self.sent, self.request(prefix, operation));
            request.encode(FRAME_BYTES_MAX, &mut output).unwrap();
        }
        if self.stream.write_all(&output).is_err() {
            return vec![];
        }
        let mut answers = Vec::new();
        for operation in operations {
            let Ok(body) = self.receive() else { break };
            let ResponseMessage { id, result } = ResponseMessage::decode(&body).unwrap();
            self.received += 1;
            assert_eq!(id, self.received, "answers come in the order of the requests");
            answers.push(self.answer(prefix, operation, result));
        }
        answers
    }
}
