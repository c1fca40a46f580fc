//! Redis commands: one entry in a table each.

use super::execution::{Call, Execution};
use crate::engine::Lookup;
use crate::protocol::resp::Value;
use crate::store::batch::{Batch, Operation};

/// Executes a command.
pub(crate) fn execute(call: &Call<'_>) -> Execution<Value> {
    let arguments = &call.arguments;
    let argument = |position| arguments.get(position).unwrap_or_default();
    match (
        arguments.name().to_ascii_uppercase().as_slice(),
        arguments.count(),
    ) {
        (b"PING", 1) => Execution::Done(Value::Simple("PONG".into())),
        (b"QUIT", 1) => Execution::Close(Value::Simple("OK".into())),
        (b"GET", 2) => match call.context.store.lookup(argument(1), call.access) {
            Ok(Lookup::Found(entry)) => Execution::Done(Value::Bulk(entry.value)),
            Ok(Lookup::Absent) => Execution::Done(Value::Null),
            Ok(Lookup::Cold) => Execution::Cold,
            Err(error) => Execution::Done(Value::Error(format!("ERR {error}").into())),
        },
        (b"SET", 3) => {
            let operation = Operation::Put {
                key: argument(1).to_vec(),
                value: argument(2).to_vec(),
                expires_at: None,
            };
            let render = |outcome: crate::store::batch::Outcome| match outcome {
                Ok(_) => Value::Simple("OK".into()),
                Err(error) => Value::Error(format!("ERR {error}").into()),
            };
            Execution::Write(Batch::single(operation), Box::new(render))
        }
        _ => Execution::Done(Value::Error("ERR unknown command".into())),
    }
}
