//! Opening a log: reads every segment or its hint, cuts off what a crash left torn, refuses what is damaged.
//!
//! Batches in written segments have consecutive sequence numbers, so the first place that does not
//! hold the expected batch is where the readable log ends. Whether that is a torn tail or damage is
//! decided by what was known durable: every frame and every segment header says up to which sequence
//! number everything had survived when it was written. If anything behind the bad place says so of the
//! batch that is missing, the log is damaged and opening is refused; else the missing batch was never
//! promised to survive power loss, and it goes together with everything behind it. That a valid batch
//! follows proves nothing by itself, because unsynced writes reach the disk in any order.
//!
//! What is missing without a trace behind it is known from the file `CLOSED`: the log may not end before
//! what a clean close vouched for. Nothing is changed on the disk before the whole log was judged.
//!
//! Segments are read beside each other, and judged in order, each by itself and by those before it.
//!
//! A compacted segment was synced before it got its name, so anything wrong in it is damage. What it
//! replaces is deleted again if a crash had kept that from happening.

mod cleanup;
mod hint_reader;
pub(crate) mod hint_writer;
mod index_loader;
mod inventory;
mod merge;
mod segment_contents;
mod sorted_run;
pub(crate) mod tasks;

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::bugs::{Bug, planted};
use crate::storage::compaction::accounting::Accounting;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::CleanShutdown;
use crate::storage::format::file_name::{self};
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::IndexWriter;
use crate::storage::log::active_segment::ActiveSegment;
use crate::storage::log::clean_shutdown_file;
use crate::storage::log::{LogEnd, UnsealedSegment};
use crate::storage::recovery::cleanup::Cleanup;
use crate::storage::recovery::index_loader::IndexLoader;
use crate::storage::recovery::inventory::{Inventory, open_segments};
use crate::storage::recovery::segment_contents::{SegmentContents, Stop};
use crate::storage::recovery::tasks::{OneByOne, Tasks};
use crate::storage::segment::frame_scan::FrameScan;
use crate::storage::segment::{Location, Segment};
use crate::sync::Arc;
use crate::{Error, Result};

/// How much of a segment is written again at once.
const WRITE_AGAIN_BYTES: usize = 1 << 20;

/// A log shorter than this is read sooner than threads are started for it.
const BESIDE_BYTES_MIN: u64 = 4 << 20;

/// What opening a log met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecoveryReport {
    /// Segments that there were.
    pub(crate) segments: usize,
    /// Those among them of which the hint was read instead.
    pub(crate) hinted: usize,
    /// Hints that did not describe their segment.
    pub(crate) doubted: usize,
    /// Records that were read.
    pub(crate) records: u64,
    /// Whether the log was closed cleanly.
    pub(crate) is_clean: bool,
    /// Bytes of a torn tail, with those of whole segments behind it.
    pub(crate) dropped_bytes: u64,
    /// Where the torn tail was cut off.
    pub(crate) truncated_at: Option<(PathBuf, u64)>,
}

/// A log that was read.
pub(crate) struct Recovered {
    pub(crate) end: LogEnd,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Those among them that are sealed and have no hint.
    pub(crate) unhinted: VecDeque<Arc<Segment>>,
    pub(crate) accounting: Accounting,
    /// The sequence number of the newest record that removed every key, 0 if there was none.
    pub(crate) cleared: u64,
    pub(crate) report: RecoveryReport,
}

/// Reads the log into an empty index and publishes it.
pub(crate) fn recover(
    environment: &LogEnvironment,
    index: &mut IndexWriter<Location>,
    tasks: &impl Tasks,
) -> Result<Recovered> {
    let clean_shutdown =
        clean_shutdown_file::read(environment)?.filter(|_| !planted(Bug::IgnoreClosed));
    let inventory = open_segments(environment, clean_shutdown.as_ref())?;
    let Inventory { compacted, written, hinted, newest, mut cleanup } = inventory;
    if planted(Bug::CleanUpFirst) {
        std::mem::take(&mut cleanup).apply(environment)?;
    }
    let mut recovery = Recovery {
        environment,
        loader: IndexLoader::new(index),
        accounting: Accounting::default(),
        report: RecoveryReport::default(),
        hinted: Arc::new(hinted),
        unhinted: VecDeque::new(),
        newest_compacted: 0,
        durable: clean_shutdown.map_or(0, |clean_shutdown| clean_shutdown.sequence),
        newest: clean_shutdown.map_or(newest, |clean_shutdown| clean_shutdown.newest().max(newest)),
        clean_shutdown,
        cleanup,
    };
    let mut bytes = 0;
    for segment in compacted.iter().chain(&written) {
        bytes += segment.length()?;
    }
    let tail = if environment.directory.reads_beside() && bytes >= BESIDE_BYTES_MIN {
        recovery.read(&compacted, &written, tasks)?
    } else {
        recovery.read(&compacted, &written, &OneByOne)?
    };
    recovery.finish(compacted, written, tail)
}

/// For each written segment where it has to end: at the base of the next one, if that followed it.
fn limits(written: &[Arc<Segment>]) -> impl Iterator<Item = Option<u64>> {
    written.iter().enumerate().map(|(position, segment)| {
        let next = written.get(position + 1);
        next.filter(|next| next.header.previous == segment.id()).map(|next| next.header.base)
    })
}

struct Recovery<'a> {
    environment: &'a LogEnvironment,
    loader: IndexLoader<'a>,
    accounting: Accounting,
    report: RecoveryReport,
    /// The segments that have a hint.
    hinted: Arc<BTreeSet<SegmentId>>,
    /// Sealed segments that have none that is any use.
    unhinted: VecDeque<Arc<Segment>>,
    /// The highest sequence number of which a compacted segment says that everything up to it was synced.
    newest_compacted: u64,
    /// The highest sequence number that anything says is durable.
    durable: u64,
    /// The highest segment id that was given.
    newest: SegmentId,
    /// What the last clean close vouches for.
    clean_shutdown: Option<CleanShutdown>,
    /// What is to be changed on the disk once the log is found good.
    cleanup: Cleanup,
}

/// Where the written segments end.
struct Tail {
    /// For each of the written segments that remain, up to where it is known to be durable.
    durable_ends: Vec<u64>,
    next_sequence: u64,
    /// The remaining segments that are not marked as sealed.
    unsealed: VecDeque<UnsealedSegment>,
    /// The sequence number after the last batch in the last segment that remains.
    last_end: u64,
    /// Where what that segment holds ends.
    last_offset: u64,
    /// Its last frame marks a clean close.
    is_clean: bool,
}

impl Tail {
    fn new(is_clean: bool) -> Self {
        Self {
            durable_ends: Vec::new(),
            next_sequence: 1,
            unsealed: VecDeque::new(),
            last_end: 0,
            last_offset: 0,
            is_clean,
        }
    }
}

impl Recovery<'_> {
    /// Reads and judges the segments, and fills the index with what is good.
    fn read(
        &mut self,
        compacted: &[Arc<Segment>],
        written: &[Arc<Segment>],
        tasks: &impl Tasks,
    ) -> Result<Tail> {
        let segments: Vec<_> = compacted.iter().chain(written).map(Arc::clone).collect();
        let limits: Vec<_> = (0..compacted.len()).map(|_| None).chain(limits(written)).collect();
        let (environment, hinted, durable) =
            (self.environment.clone(), Arc::clone(&self.hinted), self.durable);
        let read = move |number: usize| {
            let segment: &Arc<Segment> = &segments[number];
            let has_hint = hinted.contains(&segment.id());
            SegmentContents::of(&environment, segment, limits[number], durable, has_hint)
        };
        let mut tail = Tail::new(written.is_empty());
        let mut number = 0_usize;
        tasks.run(compacted.len() + written.len(), read, |contents| {
            let wanted = match number.checked_sub(compacted.len()) {
                None => self.take_compacted(&compacted[number], contents?),
                Some(position) => self.take_written(written, position, contents?, &mut tail)?,
            };
            number += 1;
            if self.loader.is_due() {
                self.loader.fill(&mut self.accounting, tasks)?;
            }
            Ok(wanted)
        })?;
        tail.next_sequence = tail.next_sequence.max(self.newest_compacted + 1);
        self.refuse_missing_end(written, &tail)?;
        self.loader.fill(&mut self.accounting, tasks)?;
        Ok(tail)
    }

    fn take_compacted(
        &mut self,
        segment: &Arc<Segment>,
        contents: SegmentContents,
    ) -> ControlFlow<()> {
        self.newest_compacted = self.newest_compacted.max(contents.durable);
        self.take(segment, contents);
        ControlFlow::Continue(())
    }

    /// Judges where a written segment ends; no more are wanted behind a torn end.
    fn take_written(
        &mut self,
        written: &[Arc<Segment>],
        position: usize,
        contents: SegmentContents,
        tail: &mut Tail,
    ) -> Result<ControlFlow<()>> {
        let segment = &written[position];
        tail.next_sequence = tail.next_sequence.max(self.newest_compacted + 1);
        if segment.header.base > tail.next_sequence {
            let reason = "the batches before it are missing";
            return Err(Error::corrupt(&segment.path, 0, reason));
        }
        self.durable = self.durable.max(contents.durable);
        let length = contents.length;
        let stop = self.take(segment, contents);
        let next = written.get(position + 1);
        let limit = next.filter(|next| next.header.previous == segment.id());
        let is_whole = match (limit, next) {
            (Some(limit), _) => stop.expected == limit.header.base,
            (None, Some(_)) => stop.is_sealed,
            // Without a seal nothing may follow it, so it holds everything that was durable.
            (None, None) => {
                stop.invalid.is_none() && (stop.is_sealed || self.newest_compacted < stop.expected)
            }
        };
        if !is_whole {
            self.refuse_damage(&written[position..], &stop)?;
            self.drop_tail(&written[position..], &stop)?;
        } else if stop.offset < length {
            // The rest of a group that was undone, of which the next segment says that it does not count; or room.
            self.cleanup.cut(segment, stop.offset);
        }
        self.accounting.set_length(segment.id(), stop.offset);
        tail.durable_ends.push(stop.durable_end);
        tail.next_sequence = tail.next_sequence.max(stop.expected);
        tail.last_end = stop.expected;
        tail.last_offset = stop.offset;
        let end = ActiveSegment::new(Arc::clone(segment), stop.offset);
        tail.is_clean = stop.is_closed && is_whole && next.is_none();
        if !stop.is_sealed {
            self.accounting.unseal(segment.id());
            tail.unsealed.push_back(UnsealedSegment { end, next_sequence: stop.expected });
        }
        Ok(if is_whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    /// Has the index filled with what was read.
    fn take(&mut self, segment: &Arc<Segment>, contents: SegmentContents) -> Stop {
        let SegmentContents { run, summary, stop, length, is_hinted, .. } = contents;
        let id = segment.id();
        self.report.segments += 1;
        self.report.records += summary.entries;
        self.accounting.add(id, segment.header.origin, length, true);
        if let Some((oldest, newest)) = summary.sequences {
            self.accounting.note_sequence(id, oldest);
            self.accounting.note_sequence(id, newest);
        }
        self.loader.add(run, &summary.clears);
        self.accounting.note_key_hashes(id, summary.keys);
        if is_hinted {
            segment.set_hinted(true);
            self.report.hinted += 1;
            return stop;
        }
        if self.hinted.contains(&id) {
            self.report.doubted += 1;
            self.cleanup.leave_over(file_name::hint(id));
        }
        if stop.is_sealed {
            self.unhinted.push_back(Arc::clone(segment));
        }
        stop
    }

    /// An error if what is missing at the stop was known to be durable.
    fn refuse_damage(&self, segments: &[Arc<Segment>], stop: &Stop) -> Result<()> {
        let mut durable = self.newest_compacted.max(self.durable);
        for (position, segment) in segments.iter().enumerate() {
            let from = if position == 0 { stop.offset } else { SEGMENT_HEADER_BYTES as u64 };
            durable = durable.max(if position == 0 { 0 } else { segment.header.durable });
            for header in FrameScan::resume(segment, from)?.later_headers(from)? {
                durable = durable.max(header.durable);
            }
        }
        if durable < stop.expected || planted(Bug::CutDamage) {
            return Ok(());
        }
        let reason = stop.invalid.unwrap_or("its end is missing");
        let reason = format!("{reason}, and it had been synced");
        Err(Error::corrupt(&segments[0].path, stop.offset, reason))
    }

    /// An error if the log ends before what was there when the store was closed.
    fn refuse_missing_end(&self, written: &[Arc<Segment>], tail: &Tail) -> Result<()> {
        let closed_at = self.clean_shutdown.map_or(0, |clean_shutdown| clean_shutdown.sequence);
        if tail.next_sequence > closed_at || planted(Bug::CutDamage) {
            return Ok(());
        }
        let reason = format!(
            "batches {} to {closed_at} are missing after it, and they were there when the store was closed",
            tail.next_sequence
        );
        match written[..tail.durable_ends.len()].last() {
            Some(last) => Err(Error::corrupt(&last.path, tail.last_offset, reason)),
            None => Err(Error::corrupt(&self.environment.path, 0, reason)),
        }
    }

    /// Has the first segment cut at the stop and the others removed, which are behind it.
    fn drop_tail(&mut self, segments: &[Arc<Segment>], stop: &Stop) -> Result<()> {
        let offset = stop.offset;
        for segment in &segments[1..] {
            self.report.dropped_bytes += segment.length()?;
            if self.hinted.contains(&segment.id()) {
                // Durably before the segment: its id may be given again.
                self.cleanup.leave_over(file_name::hint(segment.id()));
            }
        }
        if stop.invalid.is_some() {
            self.report.dropped_bytes += segments[0].length()?.saturating_sub(offset);
        }
        self.report.truncated_at = Some((segments[0].path.clone(), offset));
        self.cleanup.drop_behind(&segments[1..]);
        self.cleanup.cut(&segments[0], offset);
        Ok(())
    }

    fn finish(
        mut self,
        compacted: Vec<Arc<Segment>>,
        mut written: Vec<Arc<Segment>>,
        tail: Tail,
    ) -> Result<Recovered> {
        written.truncate(tail.durable_ends.len());
        if !self.environment.read_only {
            std::mem::take(&mut self.cleanup).apply(self.environment)?;
            self.make_durable(&written, &tail)?;
        }
        let Self { loader, mut accounting, mut report, unhinted, .. } = self;
        let cleared = loader.finish(tail.next_sequence - 1, &mut accounting);
        report.is_clean = tail.is_clean;
        // Where what followed it was compacted away, the next segment does not begin at its end.
        let last_written = written.last().filter(|_| tail.last_end == tail.next_sequence);
        let last_written = last_written.map_or(SegmentId(0), |segment| segment.id());
        let mut unsealed = tail.unsealed;
        let goes_on = tail.is_clean || planted(Bug::AppendToTorn);
        let active = if goes_on { unsealed.pop_back().map(|last| last.end) } else { None };
        let next_segment = SegmentId(self.newest.0.saturating_add(1));
        let next_sequence = tail.next_sequence;
        let clean_shutdown = self.clean_shutdown;
        let end =
            LogEnd { active, unsealed, last_written, next_segment, next_sequence, clean_shutdown };
        let segments = compacted.into_iter().chain(written).collect();
        Ok(Recovered { end, segments, unhinted, accounting, cleared, report })
    }

    /// Makes the written segments durable where they are not known to be.
    fn make_durable(&self, written: &[Arc<Segment>], tail: &Tail) -> Result<()> {
        for (segment, durable_end) in written.iter().zip(&tail.durable_ends) {
            let newest = self.accounting.get(segment.id()).map_or(0, |usage| usage.newest);
            // A mark is behind the newest batch, and durable once a batch behind it is.
            if newest.max(segment.header.base.saturating_sub(1)) >= self.durable {
                write_again(segment, *durable_end)?;
                // A read must not return what a power loss could still undo.
                if !tail.is_clean {
                    let synced = segment.sync();
                    synced.map_err(|e| Error::io("sync", &segment.path, e))?;
                }
            }
        }
        Ok(())
    }
}

/// Writes what is not known to be durable once more.
///
/// The process before this one may have met a failed sync. The operating system then takes what it
/// could not write for written, so that a sync alone would vouch for what a power loss undoes.
fn write_again(segment: &Segment, mut from: u64) -> Result<()> {
    let end = segment.length()?;
    let rest = usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; rest.min(WRITE_AGAIN_BYTES)];
    while from < end {
        let read = segment.file.read_at(&mut bytes, from);
        let read = read.map_err(|e| Error::io("read", &segment.path, e))?;
        let written = segment.file.write_at(&bytes[..read], from);
        written.map_err(|e| Error::io("write", &segment.path, e))?;
        from += read as u64;
        if read == 0 {
            break;
        }
    }
    Ok(())
}
