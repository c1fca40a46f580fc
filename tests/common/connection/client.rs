//! The client of this crate: single calls, and pipelines of the same.

use std::io;
use std::net::SocketAddr;

use kvs::{ClientOptions, KvsClient, PipelineReply};

use super::{Connection, Operation, PATIENCE, key, number, on_one_key};
use crate::common::linearizability::specification::{KeyAnswer, KeyOperation, StoreAnswer};

pub struct ClientConnection(KvsClient);

impl ClientConnection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let options = ClientOptions::default().timeout(PATIENCE);
        KvsClient::connect_with(address, &options).map(Self).map_err(io::Error::other)
    }

    fn single(&mut self, prefix: &str, operation: &Operation) -> kvs::ClientResult<StoreAnswer> {
        let value = |value: Option<Vec<u8>>| value.map(|value| number(&value));
        let (name, operation) = match operation {
            Operation::Read(keys) => {
                let keys: Vec<_> = keys.iter().map(|name| key(prefix, *name)).collect();
                let values = self.0.get_many(&keys)?;
                return Ok(StoreAnswer::Values(values.into_iter().map(value).collect()));
            }
            Operation::Clear => return self.0.clear().map(|()| StoreAnswer::Done),
            other => on_one_key(other.clone()),
        };
        let name = key(prefix, name);
        Ok(StoreAnswer::Key(match operation {
            KeyOperation::Set(number) => {
                self.0.set(name, number.to_string())?;
                KeyAnswer::Done
            }
            KeyOperation::Remove => KeyAnswer::Flag(self.0.remove(name)?),
            KeyOperation::Contains => KeyAnswer::Flag(self.0.contains(name)?),
            _ => KeyAnswer::Value(value(self.0.get(name)?)),
        }))
    }

    fn together(
        &mut self,
        prefix: &str,
        operations: &[Operation],
    ) -> kvs::ClientResult<Vec<StoreAnswer>> {
        let mut pipeline = self.0.pipeline();
        for operation in operations {
            let (name, operation) = on_one_key(operation.clone());
            let name = key(prefix, name);
            match operation {
                KeyOperation::Set(number) => pipeline.set(name, number.to_string()),
                KeyOperation::Remove => pipeline.remove(name),
                KeyOperation::Contains => pipeline.contains(name),
                _ => pipeline.get(name),
            };
        }
        let answer = |reply: kvs::ClientResult<PipelineReply>| {
            StoreAnswer::Key(match reply.unwrap() {
                PipelineReply::Done => KeyAnswer::Done,
                PipelineReply::Flag(flag) => KeyAnswer::Flag(flag),
                PipelineReply::Value(value) => KeyAnswer::Value(value.map(|value| number(&value))),
            })
        };
        Ok(pipeline.send()?.into_iter().map(answer).collect())
    }
}

/// Returns the answer, or `None` if the network failed, after which nobody knows what was done. Any
/// other error fails the test.
fn unless_broken<T>(result: kvs::ClientResult<T>) -> Option<T> {
    match result {
        Ok(answer) => Some(answer),
        Err(error) if error.is_disconnected() => None,
        Err(error) => panic!("{error}"),
    }
}

impl Connection for ClientConnection {
    fn fit(&self, operation: Operation) -> Operation {
        if matches!(operation, Operation::Read(_) | Operation::Clear) {
            return operation;
        }
        let (key, operation) = on_one_key(operation);
        Operation::Key(
            key,
            match operation {
                KeyOperation::GetSet(number) | KeyOperation::SetIf(_, number) => {
                    KeyOperation::Set(number)
                }
                KeyOperation::Increment(_) => KeyOperation::Get,
                other => other,
            },
        )
    }

    fn exchange(&mut self, prefix: &str, operations: &[Operation]) -> Vec<StoreAnswer> {
        if operations.iter().all(|operation| matches!(operation, Operation::Key(..)))
            && operations.len() > 1
        {
            return unless_broken(self.together(prefix, operations)).unwrap_or_default();
        }
        let mut answers = Vec::new();
        for operation in operations {
            match unless_broken(self.single(prefix, operation)) {
                Some(answer) => answers.push(answer),
                None => break,
            }
        }
        answers
    }
}
