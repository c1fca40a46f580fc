//! `DEBUG`: for tests of clients. It is refused unless the server was told to allow it.

use super::call::{Call, Executed};
use super::command_error::{CommandError, shown};
use super::iteration;
use super::reply_value::{bulk, done, ok, refuse, simple};
use super::word::is;
use crate::Endpoint;
use crate::protocol::resp::Value;
use crate::server::execute::glob::{self, Case};
use crate::server::options::DebugCommand;

/// The refusal where `DEBUG` is not allowed.
const REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \
    \"local\", you can run it from a local connection, otherwise you need to set this option in \
    the configuration file, and then restart the server.";

/// The subcommands that do something, for `DEBUG HELP`.
const HELP: [&str; 17] = [
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ERROR <string>",
    "    Return a Redis protocol error with <string> as message. Useful for clients",
    "    unit tests to simulate Redis errors.",
    "LOG <message>",
    "    Write <message> to the server log.",
    "OBJECT <key>",
    "    Show low level info about `key` and associated value.",
    "PROTOCOL <type>",
    "    Reply with a test value of the specified type. <type> can be: string,",
    "    integer, null, array, set, map, verbatim.",
    "SET-ACTIVE-EXPIRE 1",
    "    Accepted, because expired keys are always removed.",
    "STRINGMATCH-LEN <length> <pattern>",
    "    Match <length> times the letter 'a' with <pattern>.",
    "HELP",
    "    Prints this help.",
];

/// The longest text that `DEBUG STRINGMATCH-LEN` makes.
const TEXT_BYTES_MAX: usize = 1 << 16;

/// `DEBUG subcommand [argument ...]`
pub(super) fn debug(call: &Call<'_>) -> Executed {
    let is_local = match &call.session.address {
        Endpoint::Unix(_) => true,
        address => address
            .socket_address()
            .is_some_and(|address| address.ip().to_canonical().is_loopback()),
    };
    match call.context.options.debug_command {
        DebugCommand::Yes => {}
        DebugCommand::Local if is_local => {}
        _ => return refuse(REFUSED),
    }
    let subcommand = call.argument(1);
    match call.arguments.count() {
        2 if is(subcommand, "HELP") => {
            done(Value::Array(HELP.iter().map(|it| simple(it)).collect()))
        }
        3 if is(subcommand, "ERROR") => refuse(line(call.argument(2))),
        3 if is(subcommand, "LOG") => {
            log::warn!("DEBUG LOG: {}", line(call.argument(2)));
            done(ok())
        }
        3 if is(subcommand, "OBJECT") => object(call),
        3 if is(subcommand, "PROTOCOL") => protocol(call),
        3 if is(subcommand, "SLEEP") => refuse("ERR this server does not sleep: others are served"),
        3 if is(subcommand, "SET-ACTIVE-EXPIRE") && call.argument(2) == b"1" => done(ok()),
        3 if is(subcommand, "SET-ACTIVE-EXPIRE") => {
            refuse("ERR expired keys are always removed in this server")
        }
        4 if is(subcommand, "STRINGMATCH-LEN") => stringmatch(call),
        _ => Err(CommandError::wrong_form(&call.arguments).into()),
    }
}

/// Returns a text as one line, or its beginning, if it is long.
fn line(text: &[u8]) -> String {
    shown(text).replace(['\r', '\n'], " ")
}

/// `DEBUG OBJECT key`; there is no address and no count of references.
fn object(call: &Call<'_>) -> Executed {
    call.read(call.argument(2), |entry| match entry {
        None => Value::Error("ERR no such key".into()),
        Some(entry) => {
            let length = entry.value.len();
            Value::Simple(
                format!("Value at:0x0 refcount:1 encoding:raw serializedlength:{length}").into(),
            )
        }
    })
}

/// `DEBUG PROTOCOL type`
fn protocol(call: &Call<'_>) -> Executed {
    let numbers = || (0..3).map(Value::Integer);
    let kind = call.argument(2);
    done(if is(kind, "string") {
        bulk("Hello World")
    } else if is(kind, "integer") {
        Value::Integer(12345)
    } else if is(kind, "null") {
        Value::Null
    } else if is(kind, "array") {
        Value::Array(numbers().collect())
    } else if is(kind, "set") {
        Value::Set(numbers().collect())
    } else if is(kind, "map") {
        let pairs = numbers().zip([0, 1, 0].map(Value::Integer));
        Value::Map(pairs.collect())
    } else if is(kind, "verbatim") {
        Value::Verbatim("This is a verbatim\nstring".to_owned())
    } else {
        return refuse(
            "ERR Wrong protocol type name. Please use one of the following: \
             string|integer|null|array|set|map|verbatim",
        );
    })
}

/// `DEBUG STRINGMATCH-LEN length pattern`
fn stringmatch(call: &Call<'_>) -> Executed {
    let length = usize::try_from(call.integer(2)?).unwrap_or(0);
    if length > TEXT_BYTES_MAX {
        return refuse("ERR value is out of range");
    }
    let pattern = iteration::pattern(call.argument(3))?;
    let found = glob::matches(pattern, &vec![b'a'; length], Case::Exact);
    done(Value::Integer(i64::from(found)))
}
