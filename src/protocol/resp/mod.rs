//! The Redis serialization protocol: replies in RESP2 and RESP3.

mod reply;

pub use reply::{Value, Version, encode_bulk};
