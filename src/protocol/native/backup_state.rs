//! The state of a backup, as the native protocol tells it.
//!
//! IMPORTANT: the position of a variant and of a field is the wire format. Append only.

use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// The state of a backup that a server makes or made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupState {
    /// The name, which is that of its directory on the server.
    pub name: String,
    /// The step that it has reached.
    pub step: BackupStep,
}

/// A step of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupStep {
    /// Segments are linked or copied.
    Copying {
        /// The bytes of segments that are there.
        bytes_done: u64,
        /// The bytes of all segments; 0 before they are known.
        bytes_total: u64,
    },
    /// Every byte of the backup is read and checked.
    Verifying {
        /// The bytes that were checked.
        bytes_done: u64,
        /// The bytes of all segments.
        bytes_total: u64,
    },
    /// It is finished and verified.
    Finished {
        /// The segments.
        segments: u64,
        /// The keys of all keyspaces.
        keys: u64,
        /// The newest version that is in it.
        version: u64,
        /// The bytes of segments that were copied.
        bytes_copied: u64,
        /// The bytes of segments that are hard links.
        bytes_linked: u64,
        /// The bytes of segments that an interrupted attempt had brought there.
        bytes_kept: u64,
    },
    /// It failed, and what is there of it is no store.
    Failed(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::native::FailureKind;

    #[test]
    fn golden_bytes_of_every_step() {
        let golden = |step: BackupStep, bytes: &[u8]| {
            let state = BackupState { name: "a".to_owned(), step };
            assert_eq!(postcard::to_stdvec(&state).unwrap(), [b"\x01a", bytes].concat());
        };
        golden(BackupStep::Copying { bytes_done: 1, bytes_total: 300 }, b"\x00\x01\xAC\x02");
        golden(BackupStep::Verifying { bytes_done: 1, bytes_total: 2 }, b"\x01\x01\x02");
        let finished = BackupStep::Finished {
            segments: 1,
            keys: 2,
            version: 3,
            bytes_copied: 4,
            bytes_linked: 5,
            bytes_kept: 6,
        };
        golden(finished, b"\x02\x01\x02\x03\x04\x05\x06");
        let failure = Failure { kind: FailureKind::Full, message: "no".to_owned() };
        golden(BackupStep::Failed(failure), b"\x03\x07\x02no");
    }
}
