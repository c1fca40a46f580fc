//! Looking into files that are damaged.
//!
//! ```text
//!   a file ──► damaged_header ──► segment_walk ──► inspection
//!                │    ▲
//!                └────┴── codec_search
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`damaged_header`] | opening a segment whose header is damaged |
//! | [`codec_search`] | the seed of the checksums behind a damaged header |
//! | [`inspection`] | showing everything in a segment file |

mod codec_search;
mod damaged_header;
mod inspection;

pub(crate) use inspection::inspect;
