//! The `kvs` engine: the log, the index over it, the cache in front of it, and compaction.

mod compacting;
mod engine_work;
mod full;
mod jobs;
mod pass;
mod pass_state;
mod plan;
mod reader;
mod reads;
mod scanned_values;
mod writer;

pub(crate) use plan::plan;
pub(crate) use reader::KvsReader;
pub(crate) use writer::KvsWriter;

use super::data_directory::DataDirectory;
use super::read_only::ReadOnlyWriter;
use super::{Capabilities, Engine, WriteHalf};
use crate::storage::environment::LogEnvironment;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::sync::Arc;
use crate::{Durability, EngineKind, Options, Result};

/// The most bytes by which a file is longer than its contents where that makes syncs cheaper; an
/// open after a crash reads them.
const PREALLOCATE_BYTES: u64 = 1 << 20;

/// As many full segments as this fill a file system, so that each can be rewritten when it is full.
const SEGMENTS_PER_DISK: u64 = 32;

/// Segments are not made smaller than this because the file system is small.
const SEGMENT_BYTES_MIN: u64 = 256 << 10;

/// Returns at what size a segment is full on a file system of so many bytes.
fn segment_bytes_max(disk_bytes: u64) -> u64 {
    (disk_bytes / SEGMENTS_PER_DISK).max(SEGMENT_BYTES_MIN)
}

/// Opens the log in the directory.
pub(crate) fn open(options: &Options, directory: DataDirectory) -> Result<Engine> {
    let DataDirectory { path, handle, store, lock, .. } = directory;
    let segment_bytes_max = match handle.space() {
        Ok(space) => options.segment_bytes_max.min(segment_bytes_max(space.total)),
        Err(_) => options.segment_bytes_max,
    };
    let environment = LogEnvironment {
        directory: handle,
        path,
        store,
        segment_bytes_max,
        preallocate_bytes: matches!(options.durability, Durability::Always)
            .then_some(PREALLOCATE_BYTES),
        read_only: options.read_only,
    };
    let progress = RecoveryProgress::new(options.on_open_progress.clone());
    let (mut writer, reader, report) = KvsWriter::open_telling(
        environment,
        options.compaction_bytes_min,
        options.cache_bytes,
        &progress,
    )?;
    if let Some((path, offset)) = &report.truncated_at {
        let (dropped, path) = (report.dropped_bytes, path.display());
        let done = if options.read_only { "ignoring" } else { "cutting off" };
        log::warn!(
            "{done} the end of {path} at offset {offset}: {dropped} bytes were never synced"
        );
    }
    log::debug!("recovered {report:?}");
    let writer: Box<dyn WriteHalf> = if options.read_only {
        let (stats, environment) = (writer.stats(), writer.log.environment().clone());
        Box::new(ReadOnlyWriter { next_sequence: writer.next_sequence(), stats, environment })
    } else {
        Box::new(writer)
    };
    progress.finish();
    Ok(Engine {
        writer,
        reader: Arc::new(reader),
        kind: EngineKind::Kvs,
        capabilities: Capabilities {
            snapshots: true,
            metadata_in_memory: true,
            clears_at_once: true,
        },
        lock: Some(lock),
    })
}
