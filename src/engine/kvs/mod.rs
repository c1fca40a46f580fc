//! The `kvs` engine: the log, the index over it, the cache in front of it, and compaction.

mod reader;
mod writer;

pub(crate) use reader::KvsReader;
pub(crate) use writer::KvsWriter;

use super::directory::Directory;
use super::{Engine, EngineKind};
use crate::storage::log::Place;
use crate::sync::Arc;
use crate::{Durability, Options, Result};

/// How much longer than what it holds a file may be, where that makes syncs cheaper; an open after a crash reads it.
const ROOM_BYTES: u64 = 1 << 20;

/// Opens the log in the directory.
pub(crate) fn open(options: &Options, directory: Directory) -> Result<Engine> {
    let Directory { path, handle, store, lock, .. } = directory;
    let place = Place {
        directory: handle,
        path,
        store,
        segment_bytes_max: options.segment_bytes_max,
        room_bytes: matches!(options.durability, Durability::Always).then_some(ROOM_BYTES),
    };
    let (writer, reader, report) =
        KvsWriter::open(place, options.compaction_bytes_min, options.cache_bytes)?;
    if let Some((path, offset)) = &report.truncated_at {
        let dropped = report.dropped_bytes;
        log::warn!(
            "cut {dropped} bytes that were never synced off {} at offset {offset}",
            path.display()
        );
    }
    log::debug!("recovered {report:?}");
    Ok(Engine {
        writer: Box::new(writer),
        reader: Arc::new(reader),
        kind: EngineKind::Kvs,
        lock: Some(lock),
    })
}
