//! The findings about the files of a store, as data: plain structs that anybody may look into.
//!
//! | file | holds |
//! |---|---|
//! | [`finding`] | one place in a file, and what is to be said of it |
//! | [`repair_report`] | what a repair found, saved and lost |
//! | [`segment_item`] | an item of a segment file, as an inspection shows it |
//! | [`verify_report`] | all of what a verification found |

mod finding;
mod repair_report;
mod segment_item;
mod verify_report;

pub use finding::Finding;
pub use repair_report::{RepairReport, RepairedFile};
pub use segment_item::{FrameItem, HeaderItem, RecordItem, SegmentItem};
pub use verify_report::VerifyReport;
