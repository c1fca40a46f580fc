//! The `sled` engine. What sled lacks is added beside it: versions and expiry in front of each
//! value, which versions may have been used in a tree of its own, and the number of keys and their
//! deadlines, which are counted when the store is opened.
//!
//! Left out: snapshots, which sled does not have, so a scan reads what is newest page by page.
//!
//! sled keeps writes in buffers of the process until they are flushed, so the writer flushes once
//! per group before the group is acknowledged, whatever the durability: a killed process loses
//! nothing. A flush of sled writes its log and waits until the disk has it (`sync_file_range`), but
//! syncs neither the length of the file nor the cache of the disk, so no durability holds after a
//! power loss.

mod sled_database;
mod sled_opening;
mod sled_reader;
mod sled_writer;

use sled_database::Database;
#[cfg(feature = "transfer")]
pub(crate) use sled_opening::open_unlocked;
use sled_reader::SledReader;
use sled_writer::SledWriter;

use super::data_directory::DataDirectory;
use super::{Capabilities, Engine, KeyspaceId};
use crate::storage::format::file_name;
use crate::sync::Arc;
use crate::{EngineKind, Error, Options, Result};

/// Logged at every opening, because no option can make it otherwise.
const PROMISE: &str = "engine sled: acknowledged writes survive a killed process, \
                       but a power loss may undo some, whatever the durability";

/// Opens sled in its own directory inside the data directory.
pub(crate) fn open(options: &Options, directory: DataDirectory) -> Result<Engine> {
    if options.read_only {
        return Err(Error::Unsupported { engine: "sled", feature: "opening for reading only" });
    }
    let DataDirectory { path, handle, lock, .. } = directory;
    let database = Database::open(path.join(file_name::SLED), options)?;
    let writer = SledWriter::open(database.clone(), handle)?;
    log::warn!("{PROMISE}");
    Ok(Engine {
        writer: Box::new(writer),
        reader: Arc::new(SledReader::new(database, KeyspaceId::DEFAULT)?),
        kind: EngineKind::Sled,
        capabilities: Capabilities {
            snapshots: false,
            metadata_in_memory: false,
            clears_at_once: false,
        },
        lock: Some(lock),
    })
}
