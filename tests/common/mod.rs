//! Helpers that the integration tests share.

#![allow(clippy::unwrap_used, dead_code, reason = "each test uses a part, and fails by panicking")]

use std::fs;
use std::path::Path;

#[cfg(feature = "cli")]
pub mod connection;
#[cfg(feature = "cli")]
pub mod cutting_proxy;
#[cfg(feature = "cli")]
pub mod fault;
pub mod form;
pub mod journal;
#[cfg(feature = "cli")]
pub mod journaled;
pub mod linearizability;
#[cfg(feature = "cli")]
pub mod lines;
pub mod mount;
#[cfg(feature = "cli")]
pub mod process;
pub mod random;
pub mod recount;
#[cfg(feature = "cli")]
pub mod redis_pair;
#[cfg(feature = "cli")]
pub mod redis_process;
pub mod resources;
#[cfg(feature = "cli")]
pub mod running;
pub mod tool;
pub mod wait;

/// Returns the bytes of all files of a directory, in which others may come and go.
pub fn directory_bytes(path: &Path) -> u64 {
    let entries = fs::read_dir(path).unwrap();
    entries.filter_map(|entry| entry.unwrap().metadata().ok()).map(|metadata| metadata.len()).sum()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
