//! The treatment of damage: an open is refused for the first one, a verification collects all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::findings::Finding;
use crate::storage::recovery::segment_contents::HintCheck;
use crate::{Error, Result};

/// The treatment of damage, by which an open and a verification are the same recovery.
pub(crate) enum DamagePolicy {
    /// The first damage is the error of the open. Hints are read in place of their segments.
    Refuse,
    /// Every damage is kept, and reading goes on behind it. Hints are compared with their segments.
    Collect(CollectedFindings),
}

/// The findings of a recovery that damage does not end.
#[derive(Default)]
pub(crate) struct CollectedFindings {
    /// By file and offset.
    damages: BTreeMap<(PathBuf, Option<u64>), Finding>,
    /// Oddities that are no damage.
    pub(crate) notes: Vec<Finding>,
    /// The number of hints that say what their segments hold.
    pub(crate) hints: u64,
}

impl CollectedFindings {
    /// Returns the damages, by file and offset.
    pub(crate) fn damages(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.damages).into_values().collect()
    }
}

impl DamagePolicy {
    /// Returns true if damages are collected.
    pub(crate) fn is_collecting(&self) -> bool {
        matches!(self, Self::Collect(_))
    }

    /// Returns the error, unless it is damage and damages are collected.
    pub(crate) fn note(&mut self, error: Error) -> Result<()> {
        match Finding::of(&error) {
            Some(damage) if self.is_collecting() => {
                self.add(damage);
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Adds a damage if damages are collected. One at a place that was noted before, as it is met
    /// by whoever looks for segments and by whoever reads them, only adds its length.
    pub(crate) fn add(&mut self, damage: Finding) {
        let Self::Collect(CollectedFindings { damages, .. }) = self else { return };
        let bytes = damage.bytes;
        let known = damages.entry((damage.path.clone(), damage.offset)).or_insert(damage);
        known.bytes = known.bytes.or(bytes);
    }

    /// Returns the value; `None` if there is damage in its place that was noted.
    pub(crate) fn tolerate<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => self.note(error).map(|()| None),
        }
    }

    /// Adds an oddity if damages are collected.
    pub(crate) fn add_note(&mut self, note: Finding) {
        if let Self::Collect(collected) = self {
            collected.notes.push(note);
        }
    }

    /// Notes how a hint compares with its segment.
    pub(crate) fn note_hint(&mut self, path: PathBuf, check: HintCheck) {
        let Self::Collect(collected) = self else { return };
        match check {
            HintCheck::Same => collected.hints += 1,
            HintCheck::Unusable => self.add_note(Finding::new(
                path,
                None,
                None,
                "it does not fit its segment, or its checksum does not match, as a crash may leave \
                 it; an open reads the segment and deletes it",
            )),
            HintCheck::Different => {
                let reason = "its entries are not the records of its segment";
                self.add(Finding::new(path, None, None, reason));
            }
        }
    }
}
