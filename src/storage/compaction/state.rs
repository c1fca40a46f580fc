//! The state of the compaction that the writer handed out.

use crate::storage::format::segment_id::SegmentId;

/// The segments that a compaction replaces, and the one that replaces them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub(crate) inputs: Vec<SegmentId>,
    pub(crate) output: SegmentId,
}

/// The state of the one compaction that may run beside the writer.
#[derive(Debug, Default)]
pub(crate) enum CompactionState {
    /// None runs.
    #[default]
    Idle,
    /// The output has no name yet: the inputs count.
    Copying(Replacement),
    /// The output has its name and counts, although inputs may still have their names. Where these
    /// could not be removed, it stays so until the store is closed: were the output replaced too,
    /// the next open would not know that it has to remove them.
    Replacing(Replacement),
    /// The inputs have lost their names, and the job still holds them, and their space.
    Releasing,
}

impl CompactionState {
    /// Returns true if another compaction may begin.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// Notes that the output has its name.
    pub(crate) fn note_output(&mut self) {
        *self = match std::mem::take(self) {
            Self::Copying(replacement) => Self::Replacing(replacement),
            other => other,
        };
    }

    /// Notes that the compaction failed.
    pub(crate) fn note_failure(&mut self) {
        if matches!(self, Self::Copying(_)) {
            *self = Self::Idle;
        }
    }

    /// Returns the segments whose names the compaction may be removing.
    pub(crate) fn inputs(&self) -> &[SegmentId] {
        match self {
            Self::Copying(replacement) | Self::Replacing(replacement) => &replacement.inputs,
            Self::Idle | Self::Releasing => &[],
        }
    }

    /// Returns the segments that no longer count although they may have names.
    pub(crate) fn replaced(&self) -> &[SegmentId] {
        match self {
            Self::Replacing(replacement) => &replacement.inputs,
            Self::Idle | Self::Copying(_) | Self::Releasing => &[],
        }
    }

    /// Returns the segment that may take the place of the inputs.
    pub(crate) fn output(&self) -> Option<SegmentId> {
        match self {
            Self::Copying(replacement) | Self::Replacing(replacement) => Some(replacement.output),
            Self::Idle | Self::Releasing => None,
        }
    }
}
