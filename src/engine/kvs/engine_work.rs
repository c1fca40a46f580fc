//! The syncs and compactions of a write half, counted and timed.

use std::time::{Duration, Instant, SystemTime};

use crate::engine::{CountedSegment, WriteHalfStats};
use crate::storage::compaction::accounting::Accounting;
use crate::storage::compaction::dead_bitmap::SharedDeadBitmap;
use crate::storage::format::segment_header::Origin;
use crate::storage::index::HeldVersions;
use crate::storage::segment::Segment;
use crate::sync::{Arc, now};
use crate::{CompactionStats, LastCompaction, Result, SegmentStats, SyncStats};

/// The work of a write half since it was opened.
#[derive(Default)]
pub(super) struct EngineWork {
    syncs: SyncStats,
    compactions: u64,
    last_compaction: Option<LastCompaction>,
    running: Option<RunningCompaction>,
}

/// The compaction that was handed out.
struct RunningCompaction {
    started: Instant,
    bytes_read: u64,
    bytes_written: u64,
}

impl EngineWork {
    /// Runs a sync, and counts it if something is to be synced and was.
    pub(super) fn time_sync(
        &mut self,
        is_needed: bool,
        sync: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if !is_needed {
            return sync();
        }
        let started = now();
        let synced = sync();
        synced.inspect(|()| self.note_sync(now().saturating_duration_since(started)))
    }

    /// Counts a sync.
    pub(super) fn note_sync(&mut self, took: Duration) {
        self.syncs.note(took);
    }

    /// Notes that a compaction of so many bytes begins.
    pub(super) fn begin_compaction(&mut self, bytes_read: u64) {
        self.running = Some(RunningCompaction { started: now(), bytes_read, bytes_written: 0 });
    }

    /// Notes the length of what it wrote.
    pub(super) fn note_output(&mut self, bytes: u64) {
        if let Some(running) = &mut self.running {
            running.bytes_written = bytes;
        }
    }

    /// Notes that it has freed what it replaced; returns its figures.
    pub(super) fn finish_compaction(&mut self) -> Option<LastCompaction> {
        let RunningCompaction { started, bytes_read, bytes_written } = self.running.take()?;
        self.compactions += 1;
        self.last_compaction = Some(LastCompaction {
            finished: SystemTime::now(),
            took: now().saturating_duration_since(started),
            bytes_read,
            bytes_written,
            bytes_freed: bytes_read.saturating_sub(bytes_written),
        });
        self.last_compaction
    }

    /// Notes that it failed.
    pub(super) fn abandon_compaction(&mut self) {
        self.running = None;
    }

    /// Returns the figures of a write half that did this work, has these segments and holds these
    /// versions for snapshots.
    pub(super) fn stats(
        &self,
        segments: &[Arc<Segment>],
        accounting: &mut Accounting,
        held: HeldVersions,
    ) -> WriteHalfStats {
        let Self { syncs, compactions, last_compaction: last, running } = self;
        let (compactions, last, is_running) = (*compactions, *last, running.is_some());
        let record_bytes = accounting.record_bytes();
        let known = segments.iter().filter_map(|segment| counted_segment(accounting, segment));
        WriteHalfStats {
            segments: known.collect(),
            record_bytes: Some(record_bytes),
            syncs: Some(syncs.clone()),
            compactions: Some(CompactionStats { compactions, is_running, last }),
            held,
        }
    }
}

/// Returns the figures of a segment; `None` if nothing is known of it yet.
fn counted_segment(accounting: &mut Accounting, segment: &Segment) -> Option<CountedSegment> {
    let usage = accounting.get(segment.id())?;
    let (bytes, live_bytes) = (usage.bytes, usage.live_bytes.min(usage.bytes));
    let (is_compacted, is_sealed) = (usage.origin == Origin::Compacted, usage.sealed);
    // Only the bitmap of a sealed segment may be shared.
    let (dead_values, dead) = match is_sealed {
        true => (0, accounting.dead_bitmap(segment.id())),
        false => (accounting.dead_values(segment.id()), SharedDeadBitmap::default()),
    };
    let stats = SegmentStats {
        id: segment.id().0,
        is_compacted,
        is_sealed,
        is_hinted: segment.is_hinted(),
        bytes,
        live_bytes,
        dead_bytes: bytes - live_bytes,
        live_keys: 0,
        dead_values,
    };
    Some(CountedSegment { stats, dead })
}
