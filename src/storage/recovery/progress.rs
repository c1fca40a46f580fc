//! The progress of a recovery, counted and told.
//!
//! Segments are read by several threads. Whoever has done a piece of work tells of it with the lock
//! held, so that the numbers come in order; the others wait meanwhile.

use crate::Result;
use crate::options::{Cancellation, OpenPhase, OpenProgress, ProgressCallback};
use crate::sync::{Arc, Mutex, catch_panic, lock};

/// The bytes of a segment after which its reading is told.
const STEP_BYTES: u64 = 1 << 20;

/// The progress of one recovery, which its threads share.
#[derive(Clone)]
pub(crate) struct RecoveryProgress {
    /// `None` if nobody is told.
    told: Option<Arc<Mutex<ToldProgress>>>,
    cancellation: Cancellation,
}

/// The state of a recovery of which somebody is told.
struct ToldProgress {
    now: OpenProgress,
    /// `None` once it panicked.
    callback: Option<ProgressCallback>,
}

impl ToldProgress {
    /// Tells of the state. A function that panics is not called again: opening goes on without it.
    fn tell(&mut self) {
        let now = self.now;
        let Some(ProgressCallback(callback)) = &self.callback else { return };
        if catch_panic(|| callback(now)).is_err() {
            log::warn!("the function that is told of the progress of opening panicked");
            self.callback = None;
        }
    }
}

impl RecoveryProgress {
    /// Returns a progress that nobody is told of, if there is no function.
    pub(crate) fn new(callback: Option<ProgressCallback>) -> Self {
        let now = OpenProgress {
            phase: OpenPhase::Reading,
            bytes_read: 0,
            bytes_total: 0,
            records_indexed: 0,
            records_found: 0,
        };
        let told = |callback| Mutex::new(ToldProgress { now, callback: Some(callback) });
        let told = callback.map(|callback| Arc::new(told(callback)));
        Self { told, cancellation: Cancellation::default() }
    }

    /// Returns the same progress of a recovery that may be ended early.
    pub(crate) fn with_cancellation(self, cancellation: Cancellation) -> Self {
        Self { cancellation, ..self }
    }

    /// Returns an error once the recovery is to be ended early.
    pub(super) fn check(&self) -> Result<()> {
        self.cancellation.check()
    }

    /// Changes the state, and tells of it.
    fn change(&self, change: impl FnOnce(&mut OpenProgress)) {
        if let Some(told) = &self.told {
            let mut told = lock(told);
            change(&mut told.now);
            told.tell();
        }
    }

    /// Tells that segments of so many bytes are about to be read.
    pub(crate) fn begin(&self, bytes_total: u64) {
        self.change(|now| now.bytes_total = bytes_total);
    }

    /// Returns the progress of reading one segment.
    pub(crate) fn of_segment(&self) -> SegmentProgress<'_> {
        SegmentProgress { all: self, told: 0 }
    }

    fn note_read(&self, bytes: u64) {
        self.change(|now| {
            now.phase = OpenPhase::Reading;
            now.bytes_read = now.bytes_total.min(now.bytes_read + bytes);
        });
    }

    /// Notes that a segment was judged that holds so many records.
    pub(crate) fn note_found(&self, records: u64) {
        if let Some(told) = &self.told {
            lock(told).now.records_found += records;
        }
    }

    /// Tells that what was found so far is about to be put into the index.
    pub(crate) fn begin_indexing(&self) {
        self.change(|now| now.phase = OpenPhase::Indexing);
    }

    /// Tells that so many records were put into the index.
    pub(crate) fn note_indexed(&self, records: u64) {
        self.change(|now| {
            now.records_indexed = now.records_found.min(now.records_indexed + records);
        });
    }

    /// Notes that everything that was found so far is in the index.
    pub(crate) fn finish_indexing(&self) {
        if let Some(told) = &self.told {
            let now = &mut lock(told).now;
            now.records_indexed = now.records_found;
        }
    }

    /// Tells that everything is done.
    pub(crate) fn finish(&self) {
        self.change(|now| {
            now.bytes_read = now.bytes_total;
            now.records_indexed = now.records_found;
            now.phase = OpenPhase::Finished;
        });
    }
}

/// The progress of reading one segment.
pub(crate) struct SegmentProgress<'a> {
    all: &'a RecoveryProgress,
    told: u64,
}

impl SegmentProgress<'_> {
    /// Notes that the segment was read up to this offset; tells of each mebibyte.
    pub(crate) fn note_offset(&mut self, offset: u64) {
        if offset >= self.told + STEP_BYTES {
            self.all.note_read(offset - self.told);
            self.told = offset;
        }
    }

    /// Tells that nothing more is read of a segment of this length.
    pub(crate) fn finish(self, length: u64) {
        self.all.note_read(length.saturating_sub(self.told));
    }
}
