//! The plan of a repair: which files are replaced, and what is taken from them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::findings::Finding;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name::{self, FileName};
use crate::storage::format::segment_header::Origin;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::fs::LenientDirectory;
use crate::storage::log::clean_shutdown_file;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::storage::repair::judged_segments::{JudgedFile, JudgedSegments};
use crate::storage::repair::salvage::Salvage;
use crate::storage::repair::survey::{Survey, SurveyedFile};
use crate::storage::segment::Segment;
use crate::sync::Arc;
use crate::{Error, Result};

/// The changes that a repair makes.
#[derive(Default)]
pub(crate) struct RepairPlan {
    /// The segments that are replaced.
    pub(crate) segments: Vec<ReplacedSegment>,
    /// The other files that are removed: hints, and the mark of a clean close.
    pub(crate) others: Vec<String>,
    /// The versions that are known to be missing.
    pub(crate) missing: Vec<RangeInclusive<u64>>,
    /// The highest version that anything knows of: new ones begin above it.
    pub(crate) newest: Sequence,
    /// The segments that stay as they are.
    pub(super) kept: Vec<SegmentId>,
    /// The id of the first new segment; `None` if no segment is damaged and none is missing.
    pub(super) first_output: Option<SegmentId>,
}

/// A segment that is replaced.
pub(crate) struct ReplacedSegment {
    /// The id in its name.
    pub(crate) id: SegmentId,
    /// The length of its file.
    pub(crate) bytes: u64,
    /// The records that are taken from it.
    pub(crate) saved_records: u64,
    /// Their batches' bytes.
    pub(crate) saved_bytes: u64,
    /// The new segment that these go to, if there are any.
    pub(crate) output: Option<SegmentId>,
    /// The segment, unless nothing is taken from it.
    pub(super) source: Option<Arc<Segment>>,
    /// The sequence number that its batches are below.
    pub(super) below: Sequence,
    /// The segments that it took the place of.
    pub(super) replaces: Vec<SegmentId>,
}

impl RepairPlan {
    /// Plans the repair of a log, whose directory the caller keeps from being changed. `damages`
    /// are what a verification found. Changes nothing.
    pub(crate) fn of(
        environment: &LogEnvironment,
        damages: &[Finding],
        progress: &RecoveryProgress,
    ) -> Result<Self> {
        let lenient = Arc::new(LenientDirectory::new(Arc::clone(&environment.directory)));
        let directory = Arc::clone(&lenient);
        let environment = LogEnvironment { directory, read_only: true, ..environment.clone() };
        let (mut others, mut is_log_damaged) = (BTreeSet::new(), false);
        for damage in damages {
            let name = damage.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if matches!(FileName::parse(name), Some(FileName::Hint(_))) || name == file_name::CLOSED
            {
                others.insert(name.to_owned());
            } else {
                is_log_damaged |= name != file_name::ENGINE;
            }
        }
        if !is_log_damaged {
            return Ok(Self { others: others.into_iter().collect(), ..Self::default() });
        }
        let marker = match clean_shutdown_file::read(&environment) {
            Err(Error::Corrupt { .. } | Error::UnsupportedFormat { .. }) => None,
            read => read?,
        };
        let survey = Survey::of(&environment, marker.as_ref())?;
        let newest_id = marker.map_or(survey.newest, |marker| marker.newest().max(survey.newest));
        let closed = marker.map_or(Sequence::ZERO, |marker| marker.sequence);
        let replaced = survey.replaced.clone();
        let judged = JudgedSegments::of(&environment, survey, &lenient, closed, progress)?;
        let first_output = SegmentId(newest_id.0.saturating_add(1));
        let (newest, missing) = (judged.newest, judged.missing.shown());
        let (kept, others_judged): (Vec<_>, Vec<_>) =
            judged.files.into_iter().partition(|judged| judged.stays);
        let kept: Vec<_> = kept.into_iter().map(|judged| judged.file.id).collect();
        // The next open removes what a whole segment took the place of.
        let is_left = |id: &SegmentId| replaced.get(id).is_some_and(|by| kept.contains(by));
        let files = others_judged.into_iter().filter(|judged| !is_left(&judged.file.id));
        let mut next_output = first_output;
        let segments = files.map(|judged| replaced_segment(judged, &mut next_output)).collect();
        Ok(Self {
            segments,
            others: others.into_iter().collect(),
            missing,
            newest,
            kept,
            first_output: Some(first_output),
        })
    }

    /// Returns true if nothing is to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.others.is_empty() && self.first_output.is_none()
    }
}

/// Returns the replacement of a file, and counts the ids of new segments on.
fn replaced_segment(judged: JudgedFile, next_output: &mut SegmentId) -> ReplacedSegment {
    let JudgedFile { file, salvage, below, .. } = judged;
    let SurveyedFile { id, length: bytes, segment, .. } = file;
    let Salvage { records, bytes: saved_bytes, replaces, .. } = salvage;
    let source = segment.filter(|_| records > 0);
    let output = source.as_ref().map(|_| *next_output);
    if output.is_some() {
        next_output.0 += 1;
    }
    let is_written = source.as_ref().is_some_and(|s| s.header.origin == Origin::Written);
    let below = if is_written { below } else { Sequence::MAX };
    ReplacedSegment {
        id,
        bytes,
        saved_records: records,
        saved_bytes,
        output,
        source,
        below,
        replaces,
    }
}
