//! Error replies.

use std::borrow::Cow;

use super::entry::NAME_SHOWN;
use crate::Error;
use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::error_report::report;
use crate::server::execute::execution::Execution;

/// An error reply, its code first.
#[derive(Debug)]
pub(super) struct Refusal(Cow<'static, str>);

/// The value or an argument is no 64-bit integer.
pub(super) const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

/// The sum is no 64-bit integer.
pub(super) const OVERFLOW: &str = "ERR increment or decrement would overflow";

/// The arguments do not fit together.
pub(super) const SYNTAX: &str = "ERR syntax error";

/// The result would be longer than any argument may be.
pub(super) const STRING_TOO_LONG: &str =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

impl Refusal {
    /// The refusal with this text.
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// As a reply.
    pub(super) fn into_value(self) -> Value {
        Value::Error(self.0)
    }

    /// As the end of a command.
    pub(super) fn into_execution(self) -> Execution<Value> {
        Execution::Done(self.into_value())
    }
}

impl From<Error> for Refusal {
    /// Operators alert on `MISCONF`, which Redis uses where it cannot persist and refuses writes.
    fn from(error: Error) -> Self {
        let text = report(&error);
        match error {
            Error::Io { key: Some(_), .. } | Error::UnknownOutcome(_) | Error::Poisoned(_) => {
                Self::new(format!("MISCONF {text}"))
            }
            error if error.is_disk_full() => Self::new(format!("MISCONF {text}")),
            _ => Self::new(format!("ERR {text}")),
        }
    }
}

/// The refusal of a name that is not in the table; clients look for its first words.
pub(super) fn unknown_command(arguments: &Arguments<'_>) -> Refusal {
    let shown = |bytes: &[u8], limit: usize| {
        String::from_utf8_lossy(bytes.get(..limit).unwrap_or(bytes)).into_owned()
    };
    let mut beginning = String::new();
    for argument in arguments.iter().skip(1) {
        if beginning.len() >= NAME_SHOWN {
            break;
        }
        let argument = shown(argument, NAME_SHOWN - beginning.len());
        beginning.push_str(&format!("'{argument}' "));
    }
    let name = shown(arguments.name(), NAME_SHOWN);
    Refusal::new(format!("ERR unknown command '{name}', with args beginning with: {beginning}"))
}
