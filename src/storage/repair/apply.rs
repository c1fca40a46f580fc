//! The repair of a log, in an order that leaves it refused or repaired wherever it is interrupted.
//!
//! 1. Every file that is replaced or removed is kept aside, durably.
//! 2. What stays is synced: the new segments say that all of it was durable.
//! 3. Each new segment is written, synced and renamed to its name, which is the moment at which it
//!    takes the place of the damaged one.
//! 4. What was replaced is removed, as the next open would do.

use std::path::PathBuf;

use crate::bugs::{Bug, if_planted, planted, unless_planted};
use crate::storage::compaction::CompactionOutput;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name::{self, FileName};
use crate::storage::format::frame::{FrameKind, FrameNumbers};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::repair::repair_plan::{RepairPlan, ReplacedSegment};
use crate::storage::repair::salvage::Salvage;
use crate::storage::repair::set_aside::AsideDirectory;
use crate::{Error, Result};

/// The bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

impl RepairPlan {
    /// Repairs the log. Returns for each of the files where it is kept now: those of segments, and
    /// then the others.
    pub(crate) fn apply(&self, environment: &LogEnvironment) -> Result<Vec<PathBuf>> {
        let kept = self.keep_aside(environment)?;
        if let Some(first) = self.first_output {
            self.sync_rest(environment)?;
            if_planted!(RemoveBeforeRepair => self.remove_segments(environment)?);
            self.publish(first, environment)?;
        }
        unless_planted!(RemoveBeforeRepair => self.remove_segments(environment)?);
        self.remove_others(environment)?;
        Ok(kept)
    }

    fn keep_aside(&self, environment: &LogEnvironment) -> Result<Vec<PathBuf>> {
        let aside = AsideDirectory::open(environment)?;
        let mut kept = Vec::new();
        for segment in &self.segments {
            kept.push(aside.keep(&file_name::segment(segment.id))?);
            let hint = file_name::hint(segment.id);
            // It knows the keys of records that are lost.
            if environment.directory.open(&hint).is_ok() && !self.others.contains(&hint) {
                aside.keep(&hint)?;
            }
        }
        for name in &self.others {
            kept.push(aside.keep(name)?);
        }
        aside.sync()?;
        Ok(kept)
    }

    fn sync_rest(&self, environment: &LogEnvironment) -> Result<()> {
        for id in &self.kept {
            let name = file_name::segment(*id);
            let synced = environment.open(&name)?.sync();
            synced.map_err(|error| Error::io("sync", &environment.path_of(&name), error))?;
        }
        environment.sync_directory()
    }

    /// Makes the new segments. Where nothing can be taken from any, an empty one says that what is
    /// missing is known to be.
    fn publish(&self, first: SegmentId, environment: &LogEnvironment) -> Result<()> {
        // Those of which nothing is taken go with the first.
        let without = self.segments.iter().filter(|segment| segment.output.is_none());
        let mut replaced: Vec<_> = without.flat_map(ReplacedSegment::replaced).collect();
        let mut sources = self.segments.iter().filter(|segment| segment.output.is_some());
        let mut source = sources.next();
        let mut id = first;
        loop {
            replaced.extend(source.into_iter().flat_map(ReplacedSegment::replaced));
            let output = CompactionOutput::create(environment, id, replaced.drain(..))?;
            self.write(output, source, environment, id)?;
            id.0 += 1;
            source = sources.next();
            if source.is_none() {
                return Ok(());
            }
        }
    }

    fn write(
        &self,
        mut output: CompactionOutput,
        source: Option<&ReplacedSegment>,
        environment: &LogEnvironment,
        id: SegmentId,
    ) -> Result<()> {
        if let Some(ReplacedSegment { source: Some(segment), below, .. }) = source {
            Salvage::of(segment, *below, |frame| {
                let records = frame.valid_records().map(|(record, _)| *record);
                output.copy_batch(records, frame.header.numbers.sequence)?;
                if output.unwritten() >= WRITE_BYTES { output.flush() } else { Ok(()) }
            })?;
        }
        let numbers = FrameNumbers { sequence: self.newest.next(), durable: self.newest };
        output.mark(FrameKind::Seal, &[], numbers)?;
        output.flush()?;
        if !planted(Bug::RepairUnsynced) {
            output.file.sync().map_err(|error| output.failed("sync", error))?;
        }
        environment.rename(&output.unfinished(), &file_name::segment(id))?;
        output.has_its_name = true;
        environment.sync_directory()
    }

    fn remove_segments(&self, environment: &LogEnvironment) -> Result<()> {
        for segment in &self.segments {
            environment.remove(&file_name::segment(segment.id))?;
            // Most segments have none.
            let _ = environment.remove(&file_name::hint(segment.id));
        }
        Ok(())
    }

    fn remove_others(&self, environment: &LogEnvironment) -> Result<()> {
        let is_gone = |name: &String| self.segments.iter().any(|s| *name == file_name::hint(s.id));
        for name in self.others.iter().filter(|name| !is_gone(name)) {
            environment.remove(name)?;
        }
        let names = environment.directory.list();
        for name in names.map_err(|e| Error::io("list", &environment.path, e))? {
            // Of an attempt that was interrupted, or of a compaction.
            if let Some(FileName::Unfinished(_)) = FileName::parse(&name) {
                environment.remove(&name)?;
            }
        }
        environment.sync_directory()
    }
}

impl ReplacedSegment {
    /// Returns the segments that go with it.
    fn replaced(&self) -> impl Iterator<Item = SegmentId> {
        std::iter::once(self.id).chain(self.replaces.iter().copied())
    }
}
