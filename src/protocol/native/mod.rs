//! The native protocol: a hello in each direction, then frames in both directions.
//! `docs/protocol.md` describes every byte.
//!
//! ```text
//! client                                             server
//!   | magic  version_min  version_max                  |
//!   |------------------------------------------------->|
//!   |            magic  version  status  frame_bytes_max
//!   |<-------------------------------------------------|
//!   | frame(request)  frame(request)  ...              |
//!   |------------------------------------------------->|
//!   |                 frame(response)  frame(response) |
//!   |<-------------------------------------------------|
//! ```
//!
//! A client may send many requests before it reads a response; the id of a [`ResponseMessage`] is
//! the id of the [`RequestMessage`] it answers, so the server is free to answer out of order.
//!
//! Message bodies are postcard, in which the position of an enum variant or a struct field *is* the
//! format. Every enum here is therefore append only, and a test holds the bytes of each variant. A
//! change that an old peer cannot read needs a new protocol version.
//!
//! Left out on purpose: checksums (the transport has them), compression and streaming of one value
//! over several frames; the frame limit bounds what a value may weigh on the wire.

mod backup_state;
mod byte_string;
mod failure;
mod frame;
mod hello;
mod list;
mod message;
mod operation;
mod place;
mod reads;
mod success;
mod watched_change;

pub use backup_state::{BackupState, BackupStep};
pub use byte_string::ByteString;
pub use failure::{Failure, FailureKind};
pub use frame::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, STRANGER_FRAME_BYTES_MAX, decode_frame,
    missing_frame_bytes,
};
pub use hello::{ClientHello, HelloStatus, MAGIC, ServerHello, VERSION_MAX, VERSION_MIN};
pub use list::{LIST_ITEMS_MAX, READS_MAX};
pub use message::{BatchHead, RequestMessage, ResponseMessage};
pub use operation::{BatchCondition, BatchItem, RequestOperation};
pub use place::Place;
pub use reads::{BatchReads, KeyRangeRead, KeyRead};
pub use success::{ScanEntry, Success, VersionedValue};
pub use watched_change::{WatchPosition, WatchedChange};
