//! The state of the compaction pass that was asked for.

use crate::storage::compaction::CompactionPass;
use crate::{CompactProgress, CompactReport, Result};

/// The compaction pass that was asked for.
#[derive(Default)]
pub(super) enum PassState {
    /// Nobody has asked for one.
    #[default]
    None,
    /// It begins as soon as nothing stands in the way of a compaction.
    Requested,
    /// Its compactions are run, one after the other.
    Running(Box<RunningPass>),
    /// It has ended, and the result is not taken yet.
    Ended(Result<CompactReport>),
}

/// A pass, and what the log was when it began.
pub(super) struct RunningPass {
    pub(super) pass: CompactionPass,
    pub(super) segments_before: u64,
    pub(super) bytes_before: u64,
}

impl PassState {
    /// Returns true if a pass was asked for and has not ended.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self, Self::Requested | Self::Running(_))
    }

    /// Returns the pass, if it has begun.
    pub(super) fn running(&mut self) -> Option<&mut CompactionPass> {
        match self {
            Self::Running(running) => Some(&mut running.pass),
            Self::None | Self::Requested | Self::Ended(_) => None,
        }
    }

    /// Takes the result, if the pass has ended.
    pub(super) fn take_result(&mut self) -> Option<Result<CompactReport>> {
        match std::mem::take(self) {
            Self::Ended(result) => Some(result),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Returns the progress, if the pass has begun.
    pub(super) fn progress(&self) -> Option<CompactProgress> {
        let Self::Running(running) = self else { return None };
        let bytes_total = running.pass.figures().bytes_total;
        let bytes_done = bytes_total.saturating_sub(running.pass.bytes_left());
        Some(CompactProgress { bytes_done, bytes_total })
    }
}
