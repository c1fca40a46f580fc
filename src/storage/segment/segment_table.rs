//! The segments that readers find records in.

use crate::bugs::{Bug, planted};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::segment::open_segment::Segment;
use crate::sync::{Arc, OnceLock, Ordering, Published};
use crate::{Error, Result};

/// The segments that readers find records in, by id.
pub(crate) struct SegmentTable {
    segments: Published<Vec<Arc<Segment>>>,
    /// Damage that the next open would refuse.
    damage: OnceLock<Error>,
}

impl SegmentTable {
    /// Returns a table of these segments.
    pub(crate) fn new(mut segments: Vec<Arc<Segment>>) -> Self {
        segments.sort_by_key(|segment| segment.id());
        Self { segments: Published::new(segments), damage: OnceLock::new() }
    }

    /// Calls `read` with the segment; `None` if the table no longer has it.
    pub(crate) fn with<T>(&self, id: SegmentId, read: impl FnOnce(&Segment) -> T) -> Option<T> {
        let segments = self.segments.load();
        let position = segments.binary_search_by_key(&id, |segment| segment.id()).ok()?;
        Some(read(&segments[position]))
    }

    /// Notes the error of a read of a segment.
    ///
    /// Damage in a segment that the next open has to read stops the store from taking writes: that
    /// open is refused, and what was acknowledged meanwhile would be out of reach. Where there is a
    /// hint, only the damaged record is lost.
    pub(crate) fn note_failed_read(&self, id: SegmentId, error: &Error) {
        let noted = self.with(id, |segment| {
            let is_damaged = matches!(error, Error::Corrupt { .. });
            segment.is_damaged.fetch_or(is_damaged, Ordering::Relaxed);
            is_damaged && !segment.is_hinted.load(Ordering::Relaxed)
        });
        if noted == Some(true) {
            let _ = self.damage.set(error.clone());
        }
    }

    /// Returns an error if damage keeps the store from taking writes.
    pub(crate) fn refuse_damage(&self) -> Result<()> {
        match self.damage.get().filter(|_| !planted(Bug::IgnoreDamage)) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Returns all segments, lowest id first.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.segments.load().to_vec()
    }

    /// Returns up to `count` segments with ids above this one, lowest first.
    pub(crate) fn after(&self, id: SegmentId, count: usize) -> Vec<Arc<Segment>> {
        let segments = self.segments.load();
        let start = segments.partition_point(|segment| segment.id() <= id);
        segments[start..].iter().take(count).map(Arc::clone).collect()
    }

    /// Adds a segment. Only the writer changes the table.
    pub(crate) fn add(&self, segment: Arc<Segment>) {
        let mut segments = self.all();
        let position = segments.partition_point(|other| other.id() < segment.id());
        segments.insert(position, segment);
        self.segments.store(Arc::new(segments));
    }

    /// Removes segments; readers that hold one go on reading it.
    pub(crate) fn remove(&self, ids: &[SegmentId]) {
        let mut segments = self.all();
        segments.retain(|segment| !ids.contains(&segment.id()));
        self.segments.store(Arc::new(segments));
    }
}
