//! The progress of a compaction pass, and its result.

/// The progress of [`Store::compact`](crate::Store::compact).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CompactProgress {
    /// The bytes of the segments that were compacted so far.
    pub bytes_done: u64,
    /// The bytes of all segments that are to be compacted, as far as that is known.
    pub bytes_total: u64,
}

/// The result of [`Store::compact`](crate::Store::compact).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CompactReport {
    /// The number of segments when it began.
    pub segments_before: u64,
    /// The number of segments when it ended, with those of writes that came meanwhile.
    pub segments_after: u64,
    /// The bytes of all segments when it began.
    pub bytes_before: u64,
    /// The bytes of all segments when it ended, with those of writes that came meanwhile.
    pub bytes_after: u64,
    /// The number of compactions that it took.
    pub compactions: u64,
    /// The bytes of the segments that these replaced.
    pub bytes_read: u64,
    /// The bytes of the segments that these wrote.
    pub bytes_written: u64,
    /// The number of versions and removals that are kept for snapshots alone, so that compactions
    /// could not drop them; those of keyspaces that were cleared or dropped are not counted.
    pub versions_held: u64,
    /// The bytes of the records of these versions.
    pub bytes_held: u64,
}

impl CompactReport {
    /// Returns the bytes that were given back to the disk.
    #[must_use]
    pub fn bytes_freed(&self) -> u64 {
        self.bytes_read.saturating_sub(self.bytes_written)
    }
}
