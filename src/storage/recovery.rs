//! Opening a log: reads every segment, cuts off what a crash left torn, refuses what is damaged.
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
//! A compacted segment was synced before it got its name, so anything wrong in it is damage. What it
//! replaces is deleted again if a crash had kept that from happening.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::accounting::Accounting;
use super::cleanup::Cleanup;
use super::closed::Closed;
use super::index::{Change, IndexWriter};
use super::inventory::{Inventory, open_segments};
use super::log::{Active, LogEnd, Place, Unsealed};
use super::names::SegmentId;
use super::range::KeyRange;
use super::record::{Extent, FrameHeader, FrameKind, Record};
use super::scan::{Frame, Next, Scan};
use super::segment::{HEADER_BYTES, Location, Segment};
use crate::bugs::{Bug, planted};
use crate::sync::Arc;
use crate::{Error, Result};

/// How much of a segment is written again at once.
const WRITE_AGAIN_BYTES: usize = 1 << 20;

/// What opening a log met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecoveryReport {
    /// Segments that were read.
    pub(crate) segments: usize,
    /// Records that were read.
    pub(crate) records: u64,
    /// Whether the log was closed cleanly.
    pub(crate) is_clean: bool,
    /// Bytes of a torn tail, with those of whole segments behind it.
    pub(crate) dropped_bytes: u64,
    /// Where the torn tail was cut off.
    pub(crate) truncated_at: Option<(PathBuf, u64)>,
}

/// The newest record that removed every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cleared {
    pub(crate) sequence: u64,
}

/// A log that was read.
pub(crate) struct Recovered {
    pub(crate) end: LogEnd,
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) accounting: Accounting,
    pub(crate) cleared: Option<Cleared>,
    pub(crate) report: RecoveryReport,
}

/// Reads the log into an empty index and publishes it.
pub(crate) fn recover(place: &Place, index: &mut IndexWriter<Location>) -> Result<Recovered> {
    let closed = Closed::read(place)?.filter(|_| !planted(Bug::IgnoreClosed));
    let inventory = open_segments(place, closed.as_ref())?;
    let Inventory { compacted, written, newest, mut cleanup } = inventory;
    if planted(Bug::CleanUpFirst) {
        std::mem::take(&mut cleanup).apply(place)?;
    }
    let mut recovery = Recovery {
        place,
        index,
        accounting: Accounting::default(),
        cleared: None,
        report: RecoveryReport::default(),
        newest_compacted: 0,
        durable: closed.map_or(0, |closed| closed.sequence),
        newest: closed.map_or(newest, |closed| closed.newest().max(newest)),
        closed,
        cleanup,
    };
    for segment in &compacted {
        recovery.read_compacted(segment)?;
    }
    let tail = recovery.read_written(&written)?;
    recovery.refuse_missing_end(&written, &tail)?;
    recovery.finish(compacted, written, tail)
}

struct Recovery<'a> {
    place: &'a Place,
    index: &'a mut IndexWriter<Location>,
    accounting: Accounting,
    cleared: Option<Cleared>,
    report: RecoveryReport,
    /// The highest sequence number of which a compacted segment says that everything up to it was synced.
    newest_compacted: u64,
    /// The highest sequence number that anything says is durable.
    durable: u64,
    /// The highest segment id that was given.
    newest: SegmentId,
    /// What the last clean close vouches for.
    closed: Option<Closed>,
    /// What is to be changed on the disk once the log is found good.
    cleanup: Cleanup,
}

/// Where the written segments end.
struct Tail {
    /// For each of the written segments that remain, up to where it is known to be durable.
    durable_ends: Vec<u64>,
    next_sequence: u64,
    /// The remaining segments that are not marked as sealed.
    unsealed: VecDeque<Unsealed>,
    /// The sequence number after the last batch in the last segment that remains.
    last_end: u64,
    /// Its last frame marks a clean close.
    is_clean: bool,
}

/// Where reading one written segment stopped.
struct Stop {
    offset: u64,
    /// Everything before this offset is known to be durable.
    durable_end: u64,
    /// The sequence number that would come next.
    expected: u64,
    /// The segment is marked as sealed there.
    is_sealed: bool,
    /// The store was closed there.
    is_closed: bool,
    /// Why it stopped before the end of the file.
    invalid: Option<&'static str>,
}

impl Recovery<'_> {
    fn read_compacted(&mut self, segment: &Segment) -> Result<()> {
        let mut scan = Scan::new(segment)?;
        self.begin(segment, scan.length());
        let (mut is_sealed, mut newest) = (false, 0);
        loop {
            let offset = scan.offset();
            match scan.next()? {
                Next::Frame(frame) if !is_sealed => match frame.header.kind {
                    FrameKind::Batch => {
                        newest = newest.max(frame.header.sequence);
                        self.restore(segment.id(), &frame);
                    }
                    FrameKind::Seal if frame.header.durable < newest => {
                        let reason = "it holds a newer batch than its end says";
                        return Err(Error::corrupt(&segment.path, offset, reason));
                    }
                    FrameKind::Seal => {
                        self.newest_compacted = self.newest_compacted.max(frame.header.durable);
                        is_sealed = true;
                    }
                    FrameKind::Replaces => {}
                    FrameKind::Close => {
                        return Err(Error::corrupt(
                            &segment.path,
                            offset,
                            "a mark is out of place",
                        ));
                    }
                },
                Next::End if is_sealed => return Ok(()),
                Next::End => {
                    return Err(Error::corrupt(&segment.path, offset, "its end is missing"));
                }
                Next::Frame(_) => {
                    return Err(Error::corrupt(&segment.path, offset, "something follows its end"));
                }
                Next::Invalid(reason) => return Err(Error::corrupt(&segment.path, offset, reason)),
            }
        }
    }

    fn read_written(&mut self, written: &[Arc<Segment>]) -> Result<Tail> {
        let mut tail = Tail {
            durable_ends: Vec::new(),
            next_sequence: self.newest_compacted + 1,
            unsealed: VecDeque::new(),
            last_end: 0,
            is_clean: written.is_empty(),
        };
        for (position, segment) in written.iter().enumerate() {
            if segment.header.base > tail.next_sequence {
                let reason = "the batches before it are missing";
                return Err(Error::corrupt(&segment.path, 0, reason));
            }
            let next = written.get(position + 1);
            // What the next segment begins with is where this one has to end, if it followed this one.
            let limit = next
                .filter(|next| next.header.previous == segment.id())
                .map(|next| next.header.base);
            let stop = self.read_segment(segment, limit.unwrap_or(u64::MAX))?;
            let is_whole = match (limit, next) {
                (Some(limit), _) => stop.expected == limit,
                (None, Some(_)) => stop.is_sealed,
                // Without a seal nothing may follow it, so it holds everything that was durable.
                (None, None) => {
                    stop.invalid.is_none()
                        && (stop.is_sealed || self.newest_compacted < stop.expected)
                }
            };
            let is_torn = !is_whole;
            if is_torn {
                self.refuse_damage(&written[position..], &stop)?;
                self.drop_tail(&written[position..], stop.offset)?;
            } else if stop.invalid.is_some() {
                // The rest of a group that was undone: the next segment says that it does not count.
                self.cleanup.cut(segment, stop.offset);
            }
            self.accounting.grow(segment.id(), stop.offset);
            tail.durable_ends.push(stop.durable_end);
            tail.next_sequence = tail.next_sequence.max(stop.expected);
            tail.last_end = stop.expected;
            let end = Active { segment: Arc::clone(segment), offset: stop.offset };
            tail.is_clean = stop.is_closed && !is_torn && next.is_none();
            if !stop.is_sealed {
                self.accounting.unseal(segment.id());
                tail.unsealed.push_back(Unsealed { end, next_sequence: stop.expected });
            }
            if is_torn {
                break;
            }
        }
        Ok(tail)
    }

    /// Reads batches below `limit` until one is not as expected.
    fn read_segment(&mut self, segment: &Segment, limit: u64) -> Result<Stop> {
        let mut scan = Scan::new(segment)?;
        self.begin(segment, scan.length());
        self.durable = self.durable.max(segment.header.durable);
        let mut expected = segment.header.base;
        let (mut is_sealed, mut is_closed) = (false, false);
        let mut durable_end = 0;
        let (offset, invalid) = loop {
            let offset = scan.offset();
            match scan.next()? {
                Next::End => break (offset, None),
                Next::Invalid(reason) => break (offset, Some(reason)),
                Next::Frame(frame) => {
                    let FrameHeader { kind, sequence, durable, .. } = frame.header;
                    if sequence != expected || (kind == FrameKind::Batch && expected >= limit) {
                        break (offset, Some("a batch is missing before this one"));
                    }
                    self.durable = self.durable.max(durable);
                    if expected <= self.durable + 1 {
                        durable_end = offset;
                    }
                    is_closed = kind == FrameKind::Close;
                    match kind {
                        FrameKind::Batch => {
                            expected += 1;
                            self.restore(segment.id(), &frame);
                        }
                        FrameKind::Close => {}
                        FrameKind::Replaces => break (offset, Some("a mark is out of place")),
                        FrameKind::Seal => {
                            is_sealed = true;
                            let end = scan.offset();
                            let rest =
                                (end < scan.length()).then_some("something follows the seal");
                            break (end, rest);
                        }
                    }
                }
            }
        };
        Ok(Stop { offset, durable_end, expected, is_sealed, is_closed, invalid })
    }

    fn begin(&mut self, segment: &Segment, length: u64) {
        self.report.segments += 1;
        self.accounting.add(segment.id(), segment.header.origin, length, true);
    }

    fn restore(&mut self, segment: SegmentId, frame: &Frame<'_>) {
        let sequence = frame.header.sequence;
        self.accounting.hold(segment, sequence);
        for (record, extent) in &frame.records {
            self.report.records += 1;
            if let Record::Put { key, .. } = record {
                self.accounting.hold_key(segment, key);
            }
            if self.cleared.is_some_and(|cleared| sequence < cleared.sequence) {
                continue;
            }
            match record {
                Record::Clear => self.clear(segment, sequence, *extent),
                Record::Put { key, .. } | Record::Remove { key } => {
                    let location = Location::of(record, segment, *extent);
                    self.restore_key(key.to_vec(), sequence, location);
                }
            }
        }
    }

    fn restore_key(&mut self, key: Vec<u8>, sequence: u64, location: Location) {
        let mut unneeded = None;
        let change = Change { key, version: sequence, slot: location };
        self.index.restore(vec![change], |slot| unneeded = Some(slot));
        if unneeded == Some(location) {
            return;
        }
        self.accounting.gain(&location);
        if let Some(old) = unneeded {
            self.accounting.lose(&old);
        }
    }

    fn clear(&mut self, segment: SegmentId, sequence: u64, extent: Extent) {
        const KEYS_AT_ONCE: usize = 1024;
        self.cleared = Some(Cleared { sequence });
        let record = Location::of(&Record::Remove { key: &[] }, segment, extent);
        self.accounting.keep_tombstone(&record);
        let mut range = KeyRange::all();
        loop {
            let keys = self.index.live_keys(&range, KEYS_AT_ONCE);
            let Some(last) = keys.last() else { return };
            range = range.after(last);
            for key in keys {
                // A key that was written after the clear keeps what it has.
                self.restore_key(key, sequence, Location::cleared(segment));
            }
        }
    }

    /// An error if what is missing at the stop was known to be durable.
    fn refuse_damage(&self, segments: &[Arc<Segment>], stop: &Stop) -> Result<()> {
        let mut durable = self.newest_compacted.max(self.durable);
        for (position, segment) in segments.iter().enumerate() {
            let from = if position == 0 { stop.offset } else { HEADER_BYTES as u64 };
            durable = durable.max(if position == 0 { 0 } else { segment.header.durable });
            for header in Scan::resume(segment, from)?.later_headers(from)? {
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
        let closed = self.closed.map_or(0, |closed| closed.sequence);
        if tail.next_sequence > closed || planted(Bug::CutDamage) {
            return Ok(());
        }
        let reason = format!(
            "batches {} to {closed} are missing after it, and they were there when the store was closed",
            tail.next_sequence
        );
        match written[..tail.durable_ends.len()].last() {
            Some(last) => Err(Error::corrupt(&last.path, length(last)?, reason)),
            None => Err(Error::corrupt(&self.place.directory, 0, reason)),
        }
    }

    /// Has the first segment cut at `offset` and the others removed, which are behind it.
    fn drop_tail(&mut self, segments: &[Arc<Segment>], offset: u64) -> Result<()> {
        for segment in &segments[1..] {
            self.report.dropped_bytes += length(segment)?;
        }
        self.report.dropped_bytes += length(&segments[0])?.saturating_sub(offset);
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
        std::mem::take(&mut self.cleanup).apply(self.place)?;
        written.truncate(tail.durable_ends.len());
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
        self.index.publish(tail.next_sequence - 1);
        let accounting = &mut self.accounting;
        self.index.prune(|location, gone| {
            accounting.lose(&location);
            if gone {
                accounting.keep_tombstone(&location);
            }
        });
        self.report.is_clean = tail.is_clean;
        // Where what followed it was compacted away, the next segment does not begin at its end.
        let last_written = written.last().filter(|_| tail.last_end == tail.next_sequence);
        let last_written = last_written.map_or(SegmentId(0), |segment| segment.id());
        let mut unsealed = tail.unsealed;
        let goes_on = tail.is_clean || planted(Bug::AppendToTorn);
        let active = if goes_on { unsealed.pop_back().map(|last| last.end) } else { None };
        let next_segment = SegmentId(self.newest.0.saturating_add(1));
        let next_sequence = tail.next_sequence;
        let closed = self.closed;
        let end = LogEnd { active, unsealed, last_written, next_segment, next_sequence, closed };
        let segments = compacted.into_iter().chain(written).collect();
        let Self { accounting, cleared, report, .. } = self;
        Ok(Recovered { end, segments, accounting, cleared, report })
    }
}

/// Writes what is not known to be durable once more.
///
/// The process before this one may have met a failed sync. The operating system then takes what it
/// could not write for written, so that a sync alone would vouch for what a power loss undoes.
fn write_again(segment: &Segment, mut from: u64) -> Result<()> {
    let end = length(segment)?;
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

fn length(segment: &Segment) -> Result<u64> {
    segment.file.length().map_err(|e| Error::io("measure", &segment.path, e))
}
