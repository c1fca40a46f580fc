//! The survey of a damaged log: what each file of a segment is, whatever its header says.

use std::collections::{BTreeMap, BTreeSet};

use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::{CleanShutdown, SegmentSet};
use crate::storage::format::file_name::{self, FileName};
use crate::storage::format::frame::FrameKind;
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::fs::read_small;
use crate::storage::repair::damaged_header::{OpenedSegment, open_named};
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::{FrameScan, NextFrame};
use crate::sync::Arc;
use crate::{Error, Result};

/// The file of a segment.
pub(super) struct SurveyedFile {
    /// The id in its name.
    pub(super) id: SegmentId,
    pub(super) length: u64,
    /// `None` if nothing in it can be checked, or nothing in it belongs to the log.
    pub(super) segment: Option<Arc<Segment>>,
    /// The header is valid, and that of this segment.
    pub(super) has_own_header: bool,
}

impl SurveyedFile {
    /// Returns the id of the segment that is in the file, which may be another one than that in its
    /// name.
    pub(super) fn contained_id(&self) -> SegmentId {
        let known = self.segment.as_ref().map(|segment| segment.id());
        known.filter(|id| *id != SegmentId(0)).unwrap_or(self.id)
    }

    /// Returns the segment if it is of this origin.
    pub(super) fn of_origin(&self, origin: Origin) -> Option<&Arc<Segment>> {
        self.segment.as_ref().filter(|segment| segment.header.origin == origin)
    }
}

/// The files of a log.
pub(super) struct Survey {
    /// The files of segments, by the ids of the segments in them, without those that were made
    /// ahead and not begun.
    pub(super) files: Vec<SurveyedFile>,
    /// The segments that a compacted one takes the place of, each with that one's file.
    pub(super) replaced: BTreeMap<SegmentId, SegmentId>,
    /// The highest id that any file has.
    pub(super) newest: SegmentId,
}

impl Survey {
    /// Looks at the files of a log. `marker` is that of the last clean close.
    pub(super) fn of(environment: &LogEnvironment, marker: Option<&CleanShutdown>) -> Result<Self> {
        let (mut files, mut newest) = (Vec::new(), SegmentId(0));
        let names = environment.directory.list();
        for name in names.map_err(|e| Error::io("list", &environment.path, e))? {
            match FileName::parse(&name) {
                Some(FileName::Segment(id)) => {
                    newest = newest.max(id);
                    files.extend(survey_file(environment, id)?);
                }
                Some(FileName::Hint(id) | FileName::Unfinished(id)) => newest = newest.max(id),
                None => {}
            }
        }
        files.sort_by_key(|file| file.id);
        let mut survey = Self { files, replaced: BTreeMap::new(), newest };
        survey.find_replaced()?;
        survey.leave_out_others(marker);
        survey.files.sort_by_key(|file| (file.contained_id(), file.id));
        Ok(survey)
    }

    fn find_replaced(&mut self) -> Result<()> {
        for file in &self.files {
            let Some(segment) = file.of_origin(Origin::Compacted) else { continue };
            if let NextFrame::Valid(frame) = FrameScan::new(segment)?.next()?
                && frame.header.kind == FrameKind::Replaces
            {
                let ids: Vec<u64> = postcard::from_bytes(frame.body).unwrap_or_default();
                self.replaced.extend(ids.into_iter().map(|id| (SegmentId(id), file.id)));
            }
        }
        Ok(())
    }

    /// Leaves out of the log what is not of it: segments that were replaced, another copy of one
    /// that is there, and one that the mark of the last clean close disproves.
    fn leave_out_others(&mut self, marker: Option<&CleanShutdown>) {
        let owned = self.files.iter().filter(|file| file.has_own_header).map(|file| file.id);
        let mut known: BTreeSet<_> = owned.collect();
        let stray = marker.and_then(|marker| self.find_stray(marker));
        for file in &mut self.files {
            let Some(segment) = &file.segment else { continue };
            let is_identified = segment.id() != SegmentId(0);
            let is_of_log = if file.has_own_header {
                Some(file.id) != stray
            } else {
                !is_identified
                    || !self.replaced.contains_key(&segment.id()) && known.insert(segment.id())
            };
            if !is_of_log || self.replaced.contains_key(&file.id) {
                file.segment = None;
            }
        }
    }

    /// Returns the segment without which the segments are those of the last clean close, unless
    /// they are with it.
    fn find_stray(&self, marker: &CleanShutdown) -> Option<SegmentId> {
        let ids: Vec<_> = self.files.iter().map(|file| file.id).collect();
        let ids = ids.into_iter().filter(|id| !self.replaced.contains_key(id));
        let is_right = |without: Option<SegmentId>| {
            let found = ids.clone().filter(|id| Some(*id) != without);
            SegmentSet::of(found) == marker.segments
        };
        if is_right(None) {
            return None;
        }
        ids.clone().find(|id| is_right(Some(*id)))
    }
}

/// Opens the file of a segment; `None` if it was made ahead and not begun.
fn survey_file(environment: &LogEnvironment, id: SegmentId) -> Result<Option<SurveyedFile>> {
    let name = file_name::segment(id);
    let (file, path) = (environment.open(&name)?, environment.path_of(&name));
    let length = file.length().map_err(|e| Error::io("read the length of", &path, e))?;
    let OpenedSegment { segment, damage } = open_named(file, &path, (id, environment.store))?;
    let has_own_header = damage.is_none();
    if !has_own_header && length == SEGMENT_HEADER_BYTES as u64 {
        let header = read_small(&*environment.directory, &name, SEGMENT_HEADER_BYTES);
        if header.is_ok_and(|header| SegmentHeader::decode(&header, &path).is_err()) {
            return Ok(None);
        }
    }
    let segment = match segment {
        Some(segment) if !has_own_header && !may_be_of_log(&segment, environment)? => None,
        segment => segment.map(Arc::new),
    };
    Ok(Some(SurveyedFile { id, length, segment, has_own_header }))
}

/// Returns false if a segment under the name of another one is of another store, or may be the
/// output of a compaction that was not finished: that took the place of nothing.
fn may_be_of_log(segment: &Segment, environment: &LogEnvironment) -> Result<bool> {
    let SegmentHeader { id, store, origin, .. } = segment.header;
    let is_identified = id != SegmentId(0);
    let is_finished = origin == Origin::Written || segment.is_sealed()?;
    Ok(!is_identified || store == environment.store && is_finished)
}
