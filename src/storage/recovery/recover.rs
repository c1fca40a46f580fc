//! Opening a log: reads every segment or its hint, judges it, and loads the index.
//!
//! Segments are read beside each other, and judged in order, each by itself and by those before it.
//! Nothing on the disk changes before the whole log was judged.
//!
//! A verification is the same, but for what is done about damage, and it ends with the judgement.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;

use crate::Result;
use crate::bugs::{Bug, if_planted, planted};
use crate::findings::Finding;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::CleanShutdown;
use crate::storage::format::file_name;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::KeyspaceIndexes;
use crate::storage::log::{LogEnd, clean_shutdown_file};
use crate::storage::recovery::cleanup::Cleanup;
use crate::storage::recovery::damage_policy::DamagePolicy;
use crate::storage::recovery::index_loader::IndexLoader;
use crate::storage::recovery::inventory::{Inventory, open_segments};
use crate::storage::recovery::log_tail::LogTail;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::storage::recovery::report::RecoveryReport;
use crate::storage::recovery::resync::make_durable;
use crate::storage::recovery::segment_contents::{HintUse, SegmentContents, Stop, WantedContents};
use crate::storage::recovery::tasks::{OneByOne, Tasks};
use crate::storage::segment::{Location, Segment};
use crate::sync::Arc;

/// A log of fewer bytes is read sooner than threads are started for it.
const BESIDE_BYTES_MIN: u64 = 4 << 20;

/// A log that was recovered.
pub(crate) struct Recovered {
    pub(crate) end: LogEnd,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Those among them that are sealed and have no hint.
    pub(crate) unhinted: VecDeque<Arc<Segment>>,
    pub(crate) accounting: Accounting,
    pub(crate) report: RecoveryReport,
}

/// A log that was read and judged. Nothing on the disk was changed for it.
pub(super) struct JudgedLog<'a> {
    pub(super) recovery: Recovery<'a>,
    compacted: Vec<Arc<Segment>>,
    written: Vec<Arc<Segment>>,
    pub(super) tail: LogTail,
    /// The bytes of all segments.
    pub(super) bytes: u64,
}

/// Reads the log into an empty index and publishes it.
pub(crate) fn recover(
    environment: &LogEnvironment,
    indexes: &mut KeyspaceIndexes<Location>,
    tasks: &impl Tasks,
    progress: &RecoveryProgress,
) -> Result<Recovered> {
    let judged = judge(environment, indexes, tasks, progress, DamagePolicy::Refuse)?;
    let JudgedLog { recovery, compacted, written, tail, .. } = judged;
    recovery.finish(compacted, written, tail)
}

/// Reads and judges the log, and loads it into an empty index.
pub(super) fn judge<'a>(
    environment: &'a LogEnvironment,
    indexes: &'a mut KeyspaceIndexes<Location>,
    tasks: &impl Tasks,
    progress: &RecoveryProgress,
    mut damages: DamagePolicy,
) -> Result<JudgedLog<'a>> {
    let clean_shutdown = read_clean_shutdown(environment, &mut damages)?;
    let inventory = open_segments(environment, clean_shutdown.as_ref(), &mut damages)?;
    let Inventory { compacted, written, hinted, newest, mut cleanup } = inventory;
    if_planted!(CleanUpFirst => std::mem::take(&mut cleanup).apply(environment)?);
    let mut recovery = Recovery {
        environment,
        loader: IndexLoader::new(indexes, progress.clone()),
        accounting: Accounting::default(),
        report: RecoveryReport::default(),
        damages,
        hinted: Arc::new(hinted),
        unhinted: VecDeque::new(),
        newest_compacted: Sequence::ZERO,
        durable: clean_shutdown.map_or(Sequence::ZERO, |clean_shutdown| clean_shutdown.sequence),
        progress: progress.clone(),
        newest: clean_shutdown.map_or(newest, |clean_shutdown| clean_shutdown.newest().max(newest)),
        clean_shutdown,
        cleanup,
    };
    let mut bytes = 0;
    for segment in compacted.iter().chain(&written) {
        bytes += segment.length()?;
    }
    progress.begin(bytes);
    let tail = if environment.directory.reads_beside() && bytes >= BESIDE_BYTES_MIN {
        recovery.read(&compacted, &written, tasks)?
    } else {
        recovery.read(&compacted, &written, &OneByOne)?
    };
    Ok(JudgedLog { recovery, compacted, written, tail, bytes })
}

/// Reads the mark of the last clean close.
fn read_clean_shutdown(
    environment: &LogEnvironment,
    damages: &mut DamagePolicy,
) -> Result<Option<CleanShutdown>> {
    let read = damages.tolerate(clean_shutdown_file::read(environment))?.flatten();
    if read.is_none() && damages.is_collecting() && environment.open(file_name::CLOSED).is_ok() {
        let reason = "it is no mark of a clean close of this store, as a crash may leave it; it is \
                      ignored, so that a missing end of the log is not noticed";
        let path = environment.path_of(file_name::CLOSED);
        damages.add_note(Finding::new(path, None, None, reason));
    }
    Ok(read.filter(|_| !planted(Bug::IgnoreClosed)))
}

/// Returns, for each written segment, the sequence number it has to end before: the base of the
/// next one, if that followed it.
fn limits(written: &[Arc<Segment>]) -> impl Iterator<Item = Option<Sequence>> {
    written.iter().enumerate().map(|(position, segment)| {
        let next = written.get(position + 1);
        next.filter(|next| next.header.previous == segment.id()).map(|next| next.header.base)
    })
}

/// A log that is being read and judged.
pub(super) struct Recovery<'a> {
    pub(super) environment: &'a LogEnvironment,
    pub(super) loader: IndexLoader<'a>,
    pub(super) accounting: Accounting,
    progress: RecoveryProgress,
    pub(super) report: RecoveryReport,
    pub(super) damages: DamagePolicy,
    /// The segments that have a hint.
    pub(super) hinted: Arc<BTreeSet<SegmentId>>,
    /// Sealed segments that have no usable hint.
    pub(super) unhinted: VecDeque<Arc<Segment>>,
    /// The highest sequence number up to which a compacted segment says that everything was synced.
    pub(super) newest_compacted: Sequence,
    /// The highest sequence number that anything says is durable.
    pub(super) durable: Sequence,
    /// The highest segment id that was given.
    pub(super) newest: SegmentId,
    /// The state of the log at the last clean close.
    pub(super) clean_shutdown: Option<CleanShutdown>,
    /// The changes to the disk, made once the whole log was judged.
    pub(super) cleanup: Cleanup,
}

impl Recovery<'_> {
    /// Reads and judges the segments, and loads the good ones into the index.
    fn read(
        &mut self,
        compacted: &[Arc<Segment>],
        written: &[Arc<Segment>],
        tasks: &impl Tasks,
    ) -> Result<LogTail> {
        let segments: Vec<_> = compacted.iter().chain(written).map(Arc::clone).collect();
        let limits: Vec<_> = (0..compacted.len()).map(|_| None).chain(limits(written)).collect();
        let (environment, hinted, durable) =
            (self.environment.clone(), Arc::clone(&self.hinted), self.durable);
        let progress = self.progress.clone();
        let is_collecting = self.damages.is_collecting();
        let of_hints = if is_collecting { HintUse::Comparison } else { HintUse::InPlace };
        let read = move |number: usize| {
            let segment: &Arc<Segment> = &segments[number];
            let hint = if hinted.contains(&segment.id()) { of_hints } else { HintUse::Nothing };
            let wanted = WantedContents { limit: limits[number], durable, hint };
            SegmentContents::of(&environment, segment, wanted, progress.of_segment())
        };
        let mut tail = LogTail::new(written.is_empty());
        let mut number = 0_usize;
        tasks.run(compacted.len() + written.len(), read, |contents| {
            self.progress.check()?;
            let position = number.checked_sub(compacted.len());
            let wanted = match (self.damages.tolerate(contents)?, position) {
                (Some(contents), None) => self.take_compacted(&compacted[number], contents),
                (Some(contents), Some(at)) => {
                    self.take_written(written, at, contents, &mut tail)?
                }
                (None, None) => self.go_on_behind_compacted(&compacted[number])?,
                (None, Some(at)) => self.go_on_behind_unread(written, at, &mut tail)?,
            };
            number += 1;
            if self.loader.is_due() {
                self.loader.fill(&mut self.accounting, tasks)?;
            }
            Ok(wanted)
        })?;
        tail.next_sequence = tail.next_sequence.max(self.newest_compacted.next());
        let is_whole = self.refuse_missing_end(written, &tail);
        self.damages.tolerate(is_whole)?;
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

    /// Hands the contents of a segment to the index loader.
    pub(super) fn take(&mut self, segment: &Arc<Segment>, contents: SegmentContents) -> Stop {
        let SegmentContents { run, summary, stop, length, is_hinted, hint_check, .. } = contents;
        let id = segment.id();
        self.report.segments += 1;
        self.report.records += summary.entries;
        self.progress.note_found(summary.entries);
        self.accounting.add(id, segment.header.origin, length, true);
        if let Some((oldest, newest)) = summary.sequences {
            self.accounting.note_sequence(id, oldest);
            self.accounting.note_sequence(id, newest);
        }
        self.loader.add(run, summary.removals);
        self.accounting.note_records(id, summary.bytes);
        self.accounting.note_key_hashes(id, summary.keys, summary.keyspaces);
        if let Some(check) = hint_check {
            self.damages.note_hint(self.environment.path_of(&file_name::hint(id)), check);
        }
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

    fn finish(
        mut self,
        compacted: Vec<Arc<Segment>>,
        mut written: Vec<Arc<Segment>>,
        tail: LogTail,
    ) -> Result<Recovered> {
        written.truncate(tail.durable_ends.len());
        if !self.environment.read_only {
            std::mem::take(&mut self.cleanup).apply(self.environment)?;
            make_durable(&self.accounting, self.durable, &written, &tail)?;
        }
        let Self { loader, mut accounting, mut report, unhinted, .. } = self;
        loader.finish(tail.next_sequence.previous(), &mut accounting);
        report.is_clean = tail.is_clean;
        // If the segment behind it was compacted away, the next one does not begin at its end.
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
        Ok(Recovered { end, segments, unhinted, accounting, report })
    }
}
