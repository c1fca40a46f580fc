//! `MONITOR`: every command as a line of text, for those who look on.

use super::call::{Call, CommandFunction, Executed};
use super::client;
use super::command_row::{CommandRow, Flag};
use super::reply_value::{done, ok, refuse};
use crate::Endpoint;

/// The most arguments that are shown.
const ARGUMENTS_MAX: usize = 128;

/// The most bytes of an argument that are shown.
const ARGUMENT_BYTES_MAX: usize = 1024;

/// `MONITOR`
pub(super) fn monitor(call: &Call<'_>) -> Executed {
    if call.is_queued {
        return refuse("ERR MONITOR isn't allowed for DENY BLOCKING client");
    }
    if let Some(session) = call.context.clients.find(call.session.id) {
        call.context.monitors.add(&session);
    }
    done(ok())
}

impl Call<'_> {
    /// Shows the call, which was executed, to the clients that look on, but for those of operators.
    pub(super) fn show(&self, row: &CommandRow<CommandFunction>) {
        if self.context.monitors.is_watched() && !row.has(Flag::Admin) {
            self.context.monitors.tell(self.line().as_bytes());
        }
    }

    /// Returns the call as a line of text, with its end.
    fn line(&self) -> String {
        let time = self.context.store.now().0;
        let database = self.database.get();
        let address = match &self.session.address {
            Endpoint::Unix(path) => format!("unix:{}", path.display()),
            address => client::printed(address),
        };
        let mut line = format!("+{}.{:06} [{database} {address}]", time / 1000, time % 1000 * 1000);
        for argument in self.readable().take(ARGUMENTS_MAX) {
            line.push_str(" \"");
            let shown = argument.get(..ARGUMENT_BYTES_MAX).unwrap_or(argument);
            shown.iter().for_each(|byte| push_escaped(*byte, &mut line));
            if shown.len() < argument.len() {
                line += &format!("... ({} more bytes)", argument.len() - shown.len());
            }
            line.push('"');
        }
        let more = self.arguments.count().saturating_sub(ARGUMENTS_MAX);
        if more > 0 {
            line += &format!(" \"... ({more} more arguments)\"");
        }
        line + "\r\n"
    }
}

/// Appends a byte as Redis shows it.
fn push_escaped(byte: u8, line: &mut String) {
    match byte {
        b'\\' | b'"' => line.extend(['\\', char::from(byte)]),
        b'\n' => line.push_str("\\n"),
        b'\r' => line.push_str("\\r"),
        b'\t' => line.push_str("\\t"),
        7 => line.push_str("\\a"),
        8 => line.push_str("\\b"),
        b' '..=b'~' => line.push(char::from(byte)),
        _ => *line += &format!("\\x{byte:02x}"),
    }
}
