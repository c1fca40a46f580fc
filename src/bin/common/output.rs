//! Answers on standard output.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

use clap::ValueEnum;

use super::failure::ToolFailure;
use super::json::JsonObject;

/// The bytes that are collected before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// The form of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs, one object a line
    Json,
}

/// An answer of a verb.
pub trait ToolAnswer {
    /// Writes the text for people, with the ends of its lines.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()>;

    /// Returns the object for programs, which is printed as one line; `None` prints nothing.
    fn json(&self) -> Option<JsonObject>;
}

/// Standard output, for answers in the form that was asked for.
///
/// Its reader may go away at any time, as `head` does. That ends the tool, and is no failure.
pub struct ToolOutput {
    format: OutputFormat,
    out: BufWriter<Stdout>,
}

impl ToolOutput {
    /// Returns the standard output of this process.
    pub fn new(format: OutputFormat) -> Self {
        Self { format, out: BufWriter::with_capacity(BUFFER_BYTES, io::stdout()) }
    }

    /// Returns true if answers are JSON.
    pub fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Prints an answer.
    pub fn print(&mut self, answer: &impl ToolAnswer) -> Result<(), ToolFailure> {
        let printed = match self.format {
            OutputFormat::Text => answer.write_text(&mut self.out),
            OutputFormat::Json => match answer.json() {
                Some(object) => writeln!(self.out, "{object}"),
                None => Ok(()),
            },
        };
        printed.map_err(unprinted)
    }

    /// Prints bytes as they are.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), ToolFailure> {
        self.out.write_all(bytes).map_err(unprinted)
    }

    /// Shows what was printed so far.
    pub fn flush(&mut self) -> Result<(), ToolFailure> {
        self.out.flush().map_err(unprinted)
    }
}

fn unprinted(error: io::Error) -> ToolFailure {
    match error.kind() {
        ErrorKind::BrokenPipe => ToolFailure::reader_gone(),
        _ => ToolFailure::new(format!("cannot print the answer: {error}")),
    }
}
