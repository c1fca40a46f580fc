//! Segments.
/// placeholder
pub(crate) struct CompactionDelivery;
