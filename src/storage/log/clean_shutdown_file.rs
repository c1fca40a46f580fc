//! Reading and overwriting the clean-shutdown marker.

use std::io;

use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::{CLEAN_SHUTDOWN_BYTES, CleanShutdown, version};
use crate::storage::format::file_name;
use crate::storage::format::segment_header::FORMAT_VERSION;
use crate::storage::fs::read_small;
use crate::{Error, Result};

/// Reads the marker; `None` if the store was never closed cleanly, or if the file is damaged.
pub(crate) fn read(environment: &LogEnvironment) -> Result<Option<CleanShutdown>> {
    let path = environment.path_of(file_name::CLOSED);
    let bytes = match read_small(&*environment.directory, file_name::CLOSED, CLEAN_SHUTDOWN_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    if let Some(found) = version(&bytes).filter(|version| *version != FORMAT_VERSION) {
        return Err(Error::UnsupportedFormat { path, found, supported: FORMAT_VERSION });
    }
    let marker = CleanShutdown::decode(&bytes, environment.store);
    if marker.is_none() {
        // A power loss while it was written leaves this too, and the log is whole then.
        log::warn!(
            "{} is no clean-shutdown marker of this store; ignoring it, so a missing end of the \
             log would not be noticed",
            path.display()
        );
    }
    Ok(marker)
}

/// Overwrites the marker of an earlier close.
pub(crate) fn write(marker: &CleanShutdown, environment: &LogEnvironment) -> Result<()> {
    let directory = &*environment.directory;
    let write = || {
        let (file, is_new) = match directory.open(file_name::CLOSED) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (directory.create(file_name::CLOSED)?, true)
            }
            // A copy of the directory made of links has the same file.
            Ok(file) if file.links()? > 1 => {
                directory.remove(file_name::CLOSED)?;
                (directory.create(file_name::CLOSED)?, true)
            }
            opened => (opened?, false),
        };
        file.write_at(&marker.encode(environment.store), 0)?;
        file.sync()?;
        if is_new { directory.sync() } else { Ok(()) }
    };
    write().map_err(|error| Error::io("write", &environment.path_of(file_name::CLOSED), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::clean_shutdown::SegmentSet;
    use crate::storage::format::segment_id::SegmentId;
    use crate::storage::format::sequence::Sequence;
    use crate::storage::format::store_id::StoreId;
    use crate::storage::fs::simulated::{Call, Failure, Fault, SimulatedDisk, State};

    fn environment(disk: &SimulatedDisk) -> LogEnvironment {
        LogEnvironment::simulated(disk, StoreId(2), 4096)
    }

    #[test]
    fn a_failed_read_or_write_is_an_error_and_not_an_absent_key() {
        let disk = SimulatedDisk::new(State::default());
        let environment = environment(&disk);
        assert_eq!(read(&environment).unwrap(), None);
        let marker = CleanShutdown {
            sequence: Sequence(5),
            segments: SegmentSet::of([1, 3].map(SegmentId)),
            output: None,
        };
        write(&marker, &environment).unwrap();
        assert_eq!(read(&environment).unwrap(), Some(marker));
        let newer = CleanShutdown { sequence: Sequence(6), ..marker };
        write(&newer, &environment).unwrap();
        assert_eq!(read(&environment).unwrap(), Some(newer));
        for call in 0..2 {
            disk.fail(Fault { call, failure: Failure::Input, forever: false }, 0);
            assert!(read(&environment).is_err(), "call {call}");
        }
        for failed in [Call::Open, Call::Links, Call::Write, Call::Sync] {
            let calls = [Call::Open, Call::Links, Call::Write, Call::Sync];
            let call = calls.iter().position(|c| *c == failed);
            let call = call.unwrap() as u64;
            disk.fail(Fault { call, failure: Failure::Input, forever: false }, 0);
            assert!(write(&marker, &environment).is_err(), "{failed:?}");
            assert_eq!(disk.failed()[0].0, failed);
        }
    }
}
