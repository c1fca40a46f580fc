//! The commands that the two command-line tools share, and their answers.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Subcommand;

/// A command about a key; keys and values are the bytes of the arguments.
///
/// Negative numbers and `-` are values. Another word that begins with a dash may be a mistyped
/// option, so it is one only after `--`.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Set a key to a value
    Set {
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: OsString,
        /// Its value
        #[arg(allow_negative_numbers = true)]
        value: OsString,
    },
    /// Print the value of a key
    Get {
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: OsString,
    },
    /// Remove a key
    Rm {
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: OsString,
    },
}

/// The answer of a tool where the key is not there.
pub const NOT_FOUND: &[u8] = b"Key not found";

/// Returns the bytes of an argument.
pub fn bytes(argument: OsString) -> Vec<u8> {
    argument.into_encoded_bytes()
}

/// Prints a line; a reader that closed the pipe has seen enough, which is no failure.
pub fn print_line(line: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let printed =
        output.write_all(line).and_then(|()| output.write_all(b"\n")).and_then(|()| output.flush());
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Turns the result of a tool into its exit code, telling the user of a failure in one line.
pub fn exit<E: std::fmt::Display>(result: Result<ExitCode, E>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // Without standard error there is nobody to tell.
        let _ = writeln!(io::stderr(), "{error}");
        ExitCode::FAILURE
    })
}
