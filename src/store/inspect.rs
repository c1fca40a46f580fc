//! Looking into a segment file.

use std::ops::ControlFlow;
use std::path::Path;

use super::handle::Store;
use crate::{Result, SegmentItem, engine};

impl Store {
    /// Shows everything in a segment file of the `kvs` engine to a visitor, until that breaks: its
    /// header, and each frame with its records, damaged ones included.
    ///
    /// Behind damage it goes on with the next frame that is valid. One frame at a time is in
    /// memory. Nothing is locked: the end of a segment that a store is writing to may be half
    /// there. The file may have any name, and lie anywhere; those of a store are named by
    /// [`segment_file_name`](Self::segment_file_name).
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use kvs::{SegmentItem, Store};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// Store::open(kvs::Options::new(directory.path()))?.set("key", "value")?;
    /// let mut keys = Vec::new();
    /// let file = directory.path().join(Store::segment_file_name(1));
    /// Store::inspect_segment(&file, |item| {
    ///     if let SegmentItem::Record(record) = item {
    ///         keys.push(record.key.to_vec());
    ///     }
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(keys, [b"key"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io);
    /// [`Error::UnsupportedFormat`](crate::Error::UnsupportedFormat). Damage is no error: it is
    /// shown.
    pub fn inspect_segment(
        file: impl AsRef<Path>,
        mut visit: impl FnMut(SegmentItem<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        engine::inspect_segment(file.as_ref(), &mut visit)
    }

    /// Returns the name of the file of the segment with this id.
    #[must_use]
    pub fn segment_file_name(id: u64) -> String {
        engine::segment_file_name(id)
    }
}
