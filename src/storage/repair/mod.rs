//! Looking into files that are damaged.
//!
//! ```text
//!   a file ──► damaged_header ──► segment_walk ──► inspection
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`damaged_header`] | opening a segment whose header is damaged |
//! | [`inspection`] | showing everything in a segment file |

mod damaged_header;
mod inspection;

pub(crate) use inspection::inspect;
