//! The files of a store that a target damages.

use std::collections::BTreeMap;

use crate::storage::format::segment_id::SegmentId;
use crate::storage::fs::simulated::SimulatedDisk;

/// The bytes of every file, by its name.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

/// Returns the files that a disk holds.
pub(super) fn image(disk: &SimulatedDisk) -> Image {
    let state = disk.state();
    state.files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect()
}

/// Returns the name of a segment's file.
pub(super) fn segment_name(id: u64) -> String {
    format!("{}.log", SegmentId(id))
}
