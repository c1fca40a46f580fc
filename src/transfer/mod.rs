//! Moving keys out of a store and into one: files in two formats, and other stores.
//!
//! ```text
//! Store, ClientSnapshot ──► ExportSource ──► PageWriter ──► a file or any writer
//!
//! a file or any reader,  ──► EntrySource ──► import ──► ImportTarget ──► Store, KvsClient
//! Redis, sled
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `transfer_format` | the formats, and what is written of each |
//! | `json_line`, `set_command` | one entry in each of the formats |
//! | `json_lines_reader`, `resp_stream_reader` | files in each of them as sources |
//! | `redis_reader`, `redis_connection`, `sled_source` | other stores as sources |
//! | `export`, `page_writer`, `export_file` | an export, page by page, and the file that it goes to |
//! | `import`, `import_target` | an import, batch by batch, and the store that it goes to |
//! | `client_transfer` | the same over the network |
//!
//! # Invariants
//!
//! * Memory is bounded by a page or some batches and the largest value, whatever the input says.
//! * An export sees one point in time, where the engine has snapshots.
//! * An import that is run again, whenever the one before ended, leaves the same store.
//! * No input makes an import panic; what is wrong is told with its place.

mod client_transfer;
mod clock;
mod entry;
mod entry_source;
mod error;
mod export;
mod export_file;
mod import;
mod import_target;
mod imported;
mod json_line;
mod json_lines_reader;
mod options;
mod page_writer;
mod redis_connection;
mod redis_reader;
mod resp_stream_reader;
mod set_command;
#[cfg(feature = "sled")]
mod sled_source;
mod transfer_format;

#[cfg(any(test, fuzzing))]
pub(crate) use entry::{ExportedEntry, ImportedEntry};
#[cfg(any(test, fuzzing))]
pub(crate) use entry_source::{EntrySource, SourceItem};
pub use error::{ImportError, TransferError};
pub use imported::Imported;
#[cfg(any(test, fuzzing))]
pub(crate) use json_lines_reader::JsonLinesReader;
pub use options::{ExportOptions, ImportOptions};
pub use page_writer::Exported;
pub use redis_reader::RedisServer;
#[cfg(any(test, fuzzing))]
pub(crate) use resp_stream_reader::RespStreamReader;
pub use transfer_format::TransferFormat;
