//! Error replies of commands.

use std::borrow::Cow;

use crate::Error;
use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::error_report::report;

/// An error reply, its code first.
#[derive(Debug)]
pub(super) struct CommandError(Cow<'static, str>);

/// The text for a value or an argument that is no 64-bit integer.
pub(super) const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

/// The text for a value or an argument that is no number.
pub(super) const NOT_A_FLOAT: &str = "ERR value is not a valid float";

/// The text for a sum that is no 64-bit integer.
const OVERFLOW: &str = "ERR increment or decrement would overflow";

/// The text for arguments that do not fit together.
pub(super) const SYNTAX: &str = "ERR syntax error";

/// The text for a write that may add something where there is no memory for it.
pub(super) const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// The text for a result that would be longer than any argument may be.
pub(super) const STRING_TOO_LONG: &str =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

/// The most bytes of a word that are repeated to its sender.
const NAME_BYTES_SHOWN: usize = 128;

impl CommandError {
    /// Returns the error with this text.
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// Returns the error of a call with too many or too few arguments.
    pub(super) fn wrong_arity(name: &str) -> Self {
        Self::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// Returns the error of a name that is not in the table; clients look for its first words.
    pub(super) fn unknown_command(arguments: &Arguments<'_>) -> Self {
        let mut beginning = String::new();
        for argument in arguments.iter().skip(1) {
            if beginning.len() >= NAME_BYTES_SHOWN {
                break;
            }
            let argument = beginning_of(argument, NAME_BYTES_SHOWN - beginning.len());
            beginning.push_str(&format!("'{argument}' "));
        }
        let name = shown(arguments.name());
        Self::new(format!("ERR unknown command '{name}', with args beginning with: {beginning}"))
    }

    /// Returns the error of a name that is no subcommand of the container.
    pub(super) fn unknown_subcommand(container: &str, name: &[u8]) -> Self {
        let name = shown(name);
        let container = container.to_ascii_uppercase();
        Self::new(format!("ERR unknown subcommand '{name}'. Try {container} HELP."))
    }

    /// Returns the error of a subcommand that does not take so many arguments.
    pub(super) fn wrong_form(arguments: &Arguments<'_>) -> Self {
        let container = shown(arguments.name()).to_ascii_uppercase();
        let name = shown(arguments.get(1).unwrap_or_default());
        Self::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{name}'. Try {container} \
             HELP."
        ))
    }

    /// Returns the error of a command, or a subcommand of it, that a subscribed client of RESP2 may
    /// not send.
    pub(super) fn while_subscribed(name: &str, subcommand: Option<&str>) -> Self {
        let bar = if subcommand.is_some() { "|" } else { "" };
        let subcommand = subcommand.unwrap_or_default();
        Self::new(format!(
            "ERR Can't execute '{name}{bar}{subcommand}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / \
             PING / QUIT / RESET are allowed in this context"
        ))
    }

    /// Returns the error of a call whose reply would hold more than this many bytes of values.
    pub(super) fn reply_too_large(bytes_max: usize) -> Self {
        let limit = format!("the reply is over the limit of {bytes_max} bytes");
        Self::new(format!("ERR {limit}; ask for less at once"))
    }

    /// Returns the error of an `EXEC` that discards its transaction for the reason of this one.
    pub(super) fn discarding(self) -> Self {
        let text = self.0.strip_prefix("ERR ").unwrap_or(&self.0);
        Self::new(format!("EXECABORT Transaction discarded because of: {text}"))
    }

    /// Returns the error as a reply.
    pub(super) fn into_value(self) -> Value {
        Value::Error(self.0)
    }
}

/// Returns a word of a client, or the beginning of a long one, to be repeated in an error.
pub(super) fn shown(word: &[u8]) -> String {
    beginning_of(word, NAME_BYTES_SHOWN)
}

fn beginning_of(bytes: &[u8], limit: usize) -> String {
    String::from_utf8_lossy(bytes.get(..limit).unwrap_or(bytes)).into_owned()
}

impl From<Error> for CommandError {
    /// Operators alert on `MISCONF`, which Redis uses where it cannot persist and refuses writes.
    fn from(error: Error) -> Self {
        let text = report(&error);
        match error {
            Error::NotAnInteger { .. } => Self::new(NOT_AN_INTEGER),
            Error::NotAFloat { .. } => Self::new(NOT_A_FLOAT),
            Error::FloatOverflow { .. } => Self::new("ERR increment would produce NaN or Infinity"),
            Error::IntegerOverflow { .. } => Self::new(OVERFLOW),
            Error::Io { key: Some(_), .. } | Error::UnknownOutcome(_) | Error::Poisoned(_) => {
                Self::new(format!("MISCONF {text}"))
            }
            Error::MemoryFull { .. } => Self::new(OUT_OF_MEMORY),
            Error::WrongType => Self::new(format!("WRONGTYPE {text}")),
            error if error.is_disk_full() => Self::new(format!("MISCONF {text}")),
            _ => Self::new(format!("ERR {text}")),
        }
    }
}
