//! The inspection of a segment file.

use std::ops::ControlFlow;
use std::path::Path;

use crate::findings::SegmentItem;
use crate::storage::format::file_name;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::fs::{Directory, FileAccess, FileSystem, LenientDirectory, RealFileSystem};
use crate::storage::repair;
use crate::{Error, Result};

/// Shows everything in a segment file.
pub(crate) fn inspect_segment(
    path: &Path,
    visit: &mut dyn FnMut(SegmentItem<'_>) -> ControlFlow<()>,
) -> Result<()> {
    let failed = |error| Error::io("open", path, error);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
    let directory =
        RealFileSystem.open_directory(directory, FileAccess::ReadOnly).map_err(failed)?;
    let directory = LenientDirectory::new(directory);
    repair::inspect(directory.open(name).map_err(failed)?, path, visit)
}

/// Returns the name of the file of a segment.
pub(crate) fn segment_file_name(id: u64) -> String {
    file_name::segment(SegmentId(id))
}
