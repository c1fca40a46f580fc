//! Linking or copying the segments of a backup point into a directory.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::point::BackupPoint;
use crate::options::BackupReport;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name::{self, FileName};
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::fs::{Directory, File};
use crate::storage::log::clean_shutdown_file;
use crate::storage::segment::Segment;
use crate::sync::Arc;
use crate::{Error, Result};

/// The bytes that are read and written at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The directory that a backup is made in.
pub(crate) struct BackupTarget {
    /// The directory; it has no marker yet.
    pub(crate) environment: LogEnvironment,
    /// The directory of an earlier backup of the same store.
    pub(crate) base: Option<Arc<dyn Directory>>,
    /// Files of the log may be linked.
    pub(crate) links_source: bool,
}

/// The origin of a file of the backup.
enum FileOrigin {
    Kept,
    Linked,
    Copied,
}

/// Brings the segments of the point, their hints and the clean-shutdown marker into the target, and
/// removes files of an interrupted attempt that do not belong to them. All but hints are durable
/// then. `done` is called with the bytes of segments that are there, again and again, and ends it
/// with an error.
pub(crate) fn copy(
    point: &BackupPoint,
    target: &BackupTarget,
    mut done: impl FnMut(u64) -> Result<()>,
) -> Result<BackupReport> {
    remove_foreign(point, target)?;
    let mut report =
        BackupReport { segments: point.segments.len() as u64, ..BackupReport::default() };
    for segment in &point.segments {
        let before = report.bytes();
        done(before)?;
        let (origin, length) = bring(segment, point, target, |bytes| done(before + bytes))?;
        match origin {
            FileOrigin::Kept => report.bytes_kept += length,
            FileOrigin::Linked => report.bytes_linked += length,
            FileOrigin::Copied => report.bytes_copied += length,
        }
        if segment.is_hinted() {
            bring_hint(segment, point, target)?;
        }
    }
    if let Some(marker) = &point.marker {
        clean_shutdown_file::write(marker, &target.environment)?;
    }
    target.environment.sync_directory()?;
    done(report.bytes())?;
    Ok(report)
}

/// Removes the files of a log that are not those of the point's segments.
fn remove_foreign(point: &BackupPoint, target: &BackupTarget) -> Result<()> {
    let environment = &target.environment;
    let names =
        environment.directory.list().map_err(|e| Error::io("list", &environment.path, e))?;
    let wanted: BTreeSet<_> = point.segments.iter().map(|segment| segment.id()).collect();
    for name in names {
        let is_wanted = match FileName::parse(&name) {
            Some(FileName::Segment(id)) => wanted.contains(&id),
            // A hint has no mark of being whole but its checksum: it is made again.
            Some(FileName::Hint(_) | FileName::Unfinished(_)) => false,
            None => name != file_name::CLOSED,
        };
        if !is_wanted {
            environment.remove(&name)?;
        }
    }
    Ok(())
}

/// Brings a segment into the target durably, but for its name, unless it is there.
fn bring(
    segment: &Segment,
    point: &BackupPoint,
    target: &BackupTarget,
    done: impl FnMut(u64) -> Result<()>,
) -> Result<(FileOrigin, u64)> {
    let environment = &target.environment;
    let (name, length) = (file_name::segment(segment.id()), segment.length()?);
    match environment.directory.open(&name) {
        Ok(file) if is_same(&*file, segment, length) => return Ok((FileOrigin::Kept, length)),
        Ok(_) => environment.remove(&name)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("open", &environment.path_of(&name), error)),
    }
    // The store of a directory at rest goes on in a segment without a seal when it is opened.
    let is_sealed = segment.is_sealed()?;
    if target.links_source && is_sealed {
        // A link to a file that is not durable would not be, either.
        let synced = segment.sync();
        synced.map_err(|error| Error::io("sync", &segment.path, error))?;
        let source = &*point.environment.directory;
        if environment.directory.link_from(source, &name).is_ok() {
            return Ok((FileOrigin::Linked, length));
        }
    }
    if let Some(base) = &target.base
        && is_sealed
        && base.open(&name).is_ok_and(|file| is_same(&*file, segment, length))
        && environment.directory.link_from(&**base, &name).is_ok()
    {
        return Ok((FileOrigin::Linked, length));
    }
    copy_segment(segment, length, environment, done)?;
    Ok((FileOrigin::Copied, length))
}

/// Returns true if the file has the header and the length of the segment. Segments do not change,
/// and what else may be wrong with it is found when the backup is verified.
fn is_same(file: &dyn File, segment: &Segment, length: u64) -> bool {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    let read = file.read_at(&mut header, 0);
    file.length().is_ok_and(|found| found == length)
        && read.is_ok_and(|count| count == SEGMENT_HEADER_BYTES)
        && header == segment.header.encode()
}

/// Copies a segment; it gets its name once it is durable.
fn copy_segment(
    segment: &Segment,
    length: u64,
    environment: &LogEnvironment,
    done: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let unfinished = file_name::unfinished(segment.id());
    let (copy, path) = (environment.create(&unfinished)?, environment.path_of(&unfinished));
    copy_bytes((&*segment.file, &segment.path), (&*copy, &path), length, done)?;
    copy.sync().map_err(|error| Error::io("sync", &path, error))?;
    environment.rename(&unfinished, &file_name::segment(segment.id()))
}

/// Brings the hint of a segment, if it is there still: it is a cache, and compaction removes it
/// with its segment.
fn bring_hint(segment: &Segment, point: &BackupPoint, target: &BackupTarget) -> Result<()> {
    let name = file_name::hint(segment.id());
    let (source, environment) = (&*point.environment.directory, &target.environment);
    if target.links_source && environment.directory.link_from(source, &name).is_ok() {
        return Ok(());
    }
    let Ok(hint) = source.open(&name) else {
        return Ok(());
    };
    let (source_path, path) = (point.environment.path_of(&name), environment.path_of(&name));
    let length = hint.length().map_err(|e| Error::io("read the length of", &source_path, e))?;
    let copy = environment.create(&name)?;
    copy_bytes((&*hint, &source_path), (&*copy, &path), length, |_| Ok(()))
}

/// Copies the first bytes of a file; `done` is called with the number of those that are there.
pub(crate) fn copy_bytes(
    (from, from_path): (&dyn File, &Path),
    (to, to_path): (&dyn File, &Path),
    length: u64,
    mut done: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let mut buffer = vec![0; chunk_bytes(length)];
    let mut offset = 0;
    while offset < length {
        let chunk = &mut buffer[..chunk_bytes(length - offset)];
        let read = from.read_at(chunk, offset);
        let read = read.map_err(|error| Error::io("read", from_path, error).at_offset(offset))?;
        if read < chunk.len() {
            return Err(Error::corrupt(from_path, offset, "it became shorter meanwhile"));
        }
        let written = to.write_at(chunk, offset);
        written.map_err(|error| Error::io("write", to_path, error).at_offset(offset))?;
        offset += chunk.len() as u64;
        done(offset)?;
    }
    Ok(())
}

/// Returns how many of these bytes are read and written at once.
fn chunk_bytes(left: u64) -> usize {
    usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))
}
