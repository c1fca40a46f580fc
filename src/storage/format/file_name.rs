//! The names of every file in a data directory.
//!
//! | name | contents |
//! |---|---|
//! | `LOCK` | names the process that has the store open, and is locked as the directory itself is |
//! | `ENGINE` | the engine's name |
//! | `BACKUP` | what will be `ENGINE`, while a backup is made in the directory |
//! | `CLOSED` | the clean-shutdown marker |
//! | `RESERVE` | space that is kept for a full disk |
//! | `<20 digits>.log` | a segment of the `kvs` engine |
//! | `<20 digits>.hint` | the records of a sealed segment without their values; a cache |
//! | `<20 digits>.tmp` | an unfinished compaction output or standby segment; deleted at the next open |
//! | `sled/` | the `sled` engine's own directory |
//!
//! Any other name is left alone.

use crate::storage::format::segment_id::SegmentId;

/// A file of the `kvs` engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileName {
    /// A segment.
    Segment(SegmentId),
    /// The hint of a segment.
    Hint(SegmentId),
    /// An unfinished compaction output, or an unfinished standby segment.
    Unfinished(SegmentId),
}

impl FileName {
    /// Parses a file name; `None` if it is not one of the engine's.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (digits, extension) = name.split_once('.')?;
        if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let id = SegmentId(digits.parse().ok()?);
        match extension {
            "log" => Some(Self::Segment(id)),
            "hint" => Some(Self::Hint(id)),
            "tmp" => Some(Self::Unfinished(id)),
            _ => None,
        }
    }
}

/// The name of the file that keeps space for a full disk.
pub(crate) const RESERVE: &str = "RESERVE";

/// Returns the name of a segment's file.
pub(crate) fn segment(id: SegmentId) -> String {
    format!("{id}.log")
}

/// Returns the name of a segment's hint.
pub(crate) fn hint(id: SegmentId) -> String {
    format!("{id}.hint")
}

/// Returns the name of a compaction output or a standby segment until it is complete and synced.
pub(crate) fn unfinished(id: SegmentId) -> String {
    format!("{id}.tmp")
}

/// The file that names the process which has the store open.
pub(crate) const LOCK: &str = "LOCK";

/// The file that names the engine.
pub(crate) const ENGINE: &str = "ENGINE";

/// The file the engine's name is written to before it takes its place.
pub(crate) const ENGINE_UNFINISHED: &str = "ENGINE.tmp";

/// The file with the contents of `ENGINE` while a backup is made in the directory.
pub(crate) const BACKUP: &str = "BACKUP";

/// The directory in that of a store to which a repair copies files that are damaged.
pub(crate) const DAMAGED: &str = "damaged";

/// The name of the clean-shutdown marker.
pub(crate) const CLOSED: &str = "CLOSED";

/// The `sled` engine's own directory.
pub(crate) const SLED: &str = "sled";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_engines_own_names_are_read() {
        let id = SegmentId(42);
        assert_eq!(FileName::parse(&segment(id)), Some(FileName::Segment(id)));
        assert_eq!(FileName::parse(&hint(id)), Some(FileName::Hint(id)));
        assert_eq!(FileName::parse(&unfinished(id)), Some(FileName::Unfinished(id)));
        for stray in [
            "",
            "LOCK",
            "42.log",
            "99999999999999999999.log",
            "+0000000000000000042.log",
            "00000000000000000042.log.log",
            "00000000000000000042.hint.log",
        ] {
            assert_eq!(FileName::parse(stray), None, "{stray}");
        }
    }
}
