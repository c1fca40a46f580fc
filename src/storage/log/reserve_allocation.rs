//! ReserveAllocation the reserve: the file `RESERVE` and its length.
//!
//! Nothing is synced here. A reserve that a power loss takes has given its space back, and one that
//! it brings back is taken into use again.

use std::io;

use crate::Error;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::fs::File;

/// The work of making the reserve, done beside the writer.
pub(crate) struct ReserveAllocation {
    pub(super) environment: LogEnvironment,
    pub(super) target: u64,
    /// The bytes that must be free beside the reserve for writes to be taken again.
    pub(super) needed: Option<u64>,
}

/// The outcome of making the reserve.
pub(crate) struct ReserveOutcome {
    pub(super) held: u64,
    pub(super) target: u64,
    /// There is space beside the reserve.
    pub(super) has_space: bool,
    /// The error of making it, if there was no space for any of it.
    pub(super) full: Option<Error>,
}

impl ReserveAllocation {
    /// Makes the reserve as large as can be, and finds out if there is space beside it.
    pub(crate) fn run(&self) -> ReserveOutcome {
        let target = self.target;
        let (held, has_space, full) = match self.make() {
            Ok((held, has_space)) => (held, has_space, None),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                (0, self.is_said_to_have_space(), None)
            }
            Err(error) => (0, false, Some(error)),
        };
        if held == 0 {
            let _ = self.environment.directory.remove(file_name::RESERVE);
        }
        let path = self.environment.path_of(file_name::RESERVE);
        let full = full.map(|error| Error::io("reserve space in", &path, error));
        ReserveOutcome { held, target, has_space, full }
    }

    fn make(&self) -> io::Result<(u64, bool)> {
        let directory = &self.environment.directory;
        let file = match directory.open(file_name::RESERVE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                directory.create(file_name::RESERVE)?
            }
            opened => opened?,
        };
        // The reserve is not given up for a write, or it would be used up bit by bit.
        let least = file.length()?.min(self.target);
        if let Some(needed) = self.needed {
            // With less than half of it a compaction could not rewrite much the next time.
            for bytes in [self.target, self.target / 2] {
                if bytes >= least && self.take_with(&*file, bytes, needed)? {
                    return Ok((bytes, true));
                }
            }
        }
        for part in [1, 2, 4, 8] {
            let bytes = (self.target / part).max(least);
            if bytes > 0 && self.take_with(&*file, bytes, 0)? {
                return Ok((bytes, self.needed.is_none()));
            }
        }
        match self.target {
            0 => Ok((0, self.needed.is_none())),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    /// Gives the file so many bytes if there are as many as `needed` beside them.
    fn take_with(&self, file: &dyn File, bytes: u64, needed: u64) -> io::Result<bool> {
        let before = file.length()?;
        match file.allocate(bytes + needed) {
            Ok(()) => file.set_length(bytes).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Err(error),
            Err(_) => {
                // A part of it may have been given.
                file.set_length(before)?;
                Ok(false)
            }
        }
    }

    /// Returns true unless the file system says otherwise: where nothing can be reserved, that has
    /// to do.
    fn is_said_to_have_space(&self) -> bool {
        let space = self.environment.directory.space();
        space.map_or(true, |space| self.needed.is_none_or(|needed| space.available >= needed))
    }
}
