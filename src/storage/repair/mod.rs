//! Looking into files that are damaged, and repairing a log.
//!
//! ```text
//!   a file ──► damaged_header ──► segment_walk ──► inspection
//!                │    ▲ │
//!                │    │ └──► survey ──► judged_segments ──► repair_plan ──► apply
//!                └────┴── codec_search      (salvage)                      (set_aside)
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`damaged_header`] | opening a segment whose header is damaged |
//! | [`codec_search`] | the seed of the checksums behind a damaged header |
//! | [`inspection`] | showing everything in a segment file |
//! | [`survey`] | what each file of a segment is, whatever its header says |
//! | [`salvage`] | the batches that are whole in a damaged segment |
//! | [`judged_segments`] | which segments stay as they are |
//! | [`version_ranges`] | the versions that are missing |
//! | [`repair_plan`] | which files are replaced, and what is taken from them |
//! | [`set_aside`] | the directory that damaged files are kept in |
//! | [`apply`] | the order in which the files are changed |
//!
//! Invariants:
//!
//! - A batch is taken only if all of it is valid, and a record only if its checksum says so.
//! - No file is replaced or removed before it is kept aside, and nothing that is there is replaced.
//! - A repair that is interrupted leaves a log that is refused as before, or repaired. The same
//!   repair again finishes it.

mod apply;
mod codec_search;
mod damaged_header;
mod inspection;
mod judged_segments;
mod repair_plan;
mod salvage;
mod set_aside;
mod survey;
mod version_ranges;

pub(crate) use inspection::inspect;
pub(crate) use repair_plan::RepairPlan;
pub(crate) use set_aside::AsideDirectory;
