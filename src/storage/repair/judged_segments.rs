//! The judgement which segments of a damaged log may stay as they are.
//!
//! A compacted segment says in the end how far the log was durable, so once a repair has made one,
//! each written segment has to show its own end: by a seal, or by the successor that begins there.

use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::format::segment_header::Origin;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::fs::LenientDirectory;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::storage::recovery::{HintUse, SegmentContents, WantedContents};
use crate::storage::repair::salvage::Salvage;
use crate::storage::repair::survey::{Survey, SurveyedFile};
use crate::storage::repair::version_ranges::VersionRanges;
use crate::storage::segment::Segment;
use crate::sync::Arc;
use crate::{Error, Result};

/// The end of a segment in which nothing is damaged.
#[derive(Clone, Copy)]
struct WholeEnd {
    /// The sequence number after its last batch.
    next: Sequence,
    durable: Sequence,
    is_sealed: bool,
    /// Bytes follow that only its successor's header explains.
    has_rest: bool,
}

/// A file of a segment, and its judgement.
pub(super) struct JudgedFile {
    pub(super) file: SurveyedFile,
    /// `None` if it is damaged.
    end: Option<WholeEnd>,
    /// The batches that can be taken from it if it is replaced.
    pub(super) salvage: Salvage,
    /// The sequence number that its batches are below.
    pub(super) below: Sequence,
    /// It stays as it is.
    pub(super) stays: bool,
}

/// The files of a damaged log, and what they know.
pub(super) struct JudgedSegments {
    pub(super) files: Vec<JudgedFile>,
    /// The highest version that anything knows of.
    pub(super) newest: Sequence,
    /// The versions that are known to be missing.
    pub(super) missing: VersionRanges,
}

impl JudgedSegments {
    /// Reads the segments of a survey through a directory in which bytes that cannot be read are
    /// damaged. `closed` is the version of the last clean close.
    pub(super) fn of(
        environment: &LogEnvironment,
        survey: Survey,
        directory: &LenientDirectory,
        closed: Sequence,
        progress: &RecoveryProgress,
    ) -> Result<Self> {
        let mut bytes = 0;
        survey.files.iter().for_each(|file| bytes += file.length);
        progress.begin(bytes);
        let mut files: Vec<JudgedFile> = Vec::new();
        // The last first, because each has to know where the next one begins.
        let mut next: Option<Arc<Segment>> = None;
        let mut begins: Vec<(SegmentId, Sequence)> = Vec::new();
        for file in survey.files.into_iter().rev() {
            let id = file.contained_id();
            // Two files may hold parts of one segment.
            let behind = begins.iter().rev().find(|(other, _)| *other > id);
            let below = behind.map_or(Sequence::MAX, |(_, base)| *base);
            let end = match &file.segment {
                Some(segment) if file.has_own_header => {
                    whole_end(environment, segment, next.as_deref(), progress)?
                }
                _ => None,
            };
            // Bytes that do not matter may be among those, too; the next verification would say so.
            let name = file_name::segment(file.id);
            let end = end.filter(|_| directory.unreadable().iter().all(|bytes| bytes.name != name));
            let mut judged =
                JudgedFile { file, end, salvage: Salvage::default(), below, stays: end.is_some() };
            if end.is_none() {
                judged.read()?;
            }
            if let Some(segment) = judged.file.of_origin(Origin::Written) {
                if segment.header.base > Sequence::ZERO {
                    begins.push((id, segment.header.base));
                }
                next = if judged.file.has_own_header { Some(Arc::clone(segment)) } else { next };
            } else {
                judged.below = Sequence::MAX;
            }
            files.push(judged);
        }
        let newest = files.iter().map(JudgedFile::newest).fold(closed, Sequence::max);
        replace_open_ends(&mut files, newest)?;
        files.reverse();
        let missing = missing_versions(&files, newest);
        progress.finish();
        Ok(Self { files, newest, missing })
    }
}

impl JudgedFile {
    fn read(&mut self) -> Result<()> {
        if let Some(segment) = &self.file.segment {
            let is_written = segment.header.origin == Origin::Written;
            let below = if is_written { self.below } else { Sequence::MAX };
            self.salvage = Salvage::of(segment, below, |_| Ok(()))?;
        }
        Ok(())
    }

    /// Returns the highest version that the segment knows of.
    fn newest(&self) -> Sequence {
        let Some(segment) = &self.file.segment else { return Sequence::ZERO };
        let stated = segment.header.base.previous().max(segment.header.durable);
        let read = self.end.map_or(self.salvage.newest, |end| end.next.previous().max(end.durable));
        stated.max(read)
    }
}

/// Returns the end of a segment with its own header; `None` if it is damaged, or if its end is
/// missing.
fn whole_end(
    environment: &LogEnvironment,
    segment: &Segment,
    next: Option<&Segment>,
    progress: &RecoveryProgress,
) -> Result<Option<WholeEnd>> {
    let follows = next.filter(|next| next.header.previous == segment.id());
    let limit = follows.map(|next| next.header.base);
    let wanted = WantedContents { limit, durable: Sequence::ZERO, hint: HintUse::Nothing };
    let contents = SegmentContents::of(environment, segment, wanted, progress.of_segment());
    let SegmentContents { stop, durable, .. } = match contents {
        Ok(contents) => contents,
        Err(Error::Corrupt { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_whole = match (limit, next, segment.header.origin) {
        (_, _, Origin::Compacted) => true,
        (Some(limit), _, _) => stop.expected == limit,
        (None, Some(_), _) => stop.is_sealed,
        (None, None, _) => stop.invalid.is_none(),
    };
    let (next, is_sealed, has_rest) = (stop.expected, stop.is_sealed, stop.invalid.is_some());
    Ok(is_whole.then_some(WholeEnd { next, durable, is_sealed, has_rest }))
}

/// Has those replaced whose end nothing would show any more. The files are in the opposite order.
fn replace_open_ends(files: &mut [JudgedFile], newest: Sequence) -> Result<()> {
    let mut follower: Option<(SegmentId, Sequence)> = None;
    for judged in files {
        let Some(segment) = judged.file.of_origin(Origin::Written) else { continue };
        let Some(end) = judged.end else { continue };
        let is_shown = end.is_sealed
            || match follower {
                Some(follower) => follower == (segment.id(), end.next),
                None => !end.has_rest && end.next > newest,
            };
        if is_shown {
            follower = Some((segment.header.previous, segment.header.base));
        } else {
            judged.stays = false;
            judged.read()?;
        }
    }
    Ok(())
}

/// Returns the versions that are missing: those between batches of a written segment, and those
/// that no segment has and no compaction had seen.
fn missing_versions(files: &[JudgedFile], newest: Sequence) -> VersionRanges {
    let (mut present, mut missing) = (VersionRanges::default(), VersionRanges::default());
    let mut vouched = Sequence::ZERO;
    for JudgedFile { file, end, salvage, below, .. } in files {
        let Some(segment) = &file.segment else { continue };
        let base = segment.header.base;
        match (segment.header.origin, end) {
            (Origin::Compacted, Some(end)) => vouched = vouched.max(end.durable),
            (Origin::Compacted, None) => vouched = vouched.max(salvage.vouched),
            (Origin::Written, Some(end)) => present.add_all(base, end.next),
            (Origin::Written, None) => {
                let known = salvage.sealed_at.unwrap_or(salvage.versions.end());
                let from = if base > Sequence::ZERO { base } else { salvage.versions.start() };
                if from > Sequence::ZERO {
                    missing.extend(&salvage.versions.gaps(from, known.min(*below)));
                }
                present.extend(&salvage.versions);
            }
        }
    }
    missing.extend(&present.gaps(vouched.next(), newest.next()));
    missing
}
