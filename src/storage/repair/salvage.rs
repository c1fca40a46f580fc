//! The batches that are whole in a segment, whatever is damaged between them.

use crate::Result;
use crate::bugs::{Bug, planted};
use crate::storage::format::frame::{FrameHeader, FrameKind};
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::repair::version_ranges::VersionRanges;
use crate::storage::segment::Segment;
use crate::storage::segment::segment_walk::{PartContents, SegmentWalk, WalkedFrame};

/// The facts about the batches that can be taken from a segment.
#[derive(Default)]
pub(super) struct Salvage {
    pub(super) records: u64,
    /// The bytes of the batches in the segment.
    pub(super) bytes: u64,
    /// The versions of the batches, in the order of the segment.
    pub(super) versions: VersionRanges,
    /// The highest version that any frame knows of.
    pub(super) newest: Sequence,
    /// The sequence number before which the segment ends, if its seal is there.
    pub(super) sealed_at: Option<Sequence>,
    /// The version up to which a seal says that everything was durable.
    pub(super) vouched: Sequence,
    /// The segments that it takes the place of.
    pub(super) replaces: Vec<SegmentId>,
}

impl Salvage {
    /// Reads a segment, and hands the whole batches below a sequence number to `take`: others are a
    /// group that was undone, in whose place the next segment has others.
    pub(super) fn of(
        segment: &Segment,
        below: Sequence,
        mut take: impl FnMut(&WalkedFrame<'_>) -> Result<()>,
    ) -> Result<Self> {
        let mut found = Self::default();
        let mut walk = SegmentWalk::new(segment, SEGMENT_HEADER_BYTES as u64)?;
        while let Some(part) = walk.next()? {
            let PartContents::Frame(frame) = &part.contents else { continue };
            let FrameHeader { kind, numbers, .. } = frame.header;
            let last = match kind {
                FrameKind::Batch => numbers.sequence,
                FrameKind::Seal | FrameKind::Replaces | FrameKind::Close => {
                    numbers.sequence.previous()
                }
            };
            found.newest = found.newest.max(last).max(numbers.durable);
            if frame.damage.is_some()
                && !(kind == FrameKind::Batch && planted(Bug::SavePartialBatch))
            {
                continue;
            }
            match kind {
                FrameKind::Batch if numbers.sequence < below => {
                    take(frame)?;
                    found.records += frame.records.len() as u64;
                    found.bytes += part.length;
                    found.versions.add(numbers.sequence);
                }
                FrameKind::Seal => {
                    found.sealed_at = Some(numbers.sequence);
                    found.vouched = numbers.durable;
                }
                FrameKind::Replaces => {
                    let ids: Vec<u64> = postcard::from_bytes(frame.body).unwrap_or_default();
                    found.replaces = ids.into_iter().map(SegmentId).collect();
                }
                FrameKind::Batch | FrameKind::Close => {}
            }
        }
        Ok(found)
    }
}
