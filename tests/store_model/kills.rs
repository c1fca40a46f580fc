//! Kills: the store goes on with the files as they lie in the directory at one moment, nothing of
//! it closed or synced, as those of a process that was killed.
//!
//! That is done to `kvs` alone. The `memory` engine keeps nothing. `sled` promises less: a drop of
//! a keyspace or a clear that is cut short may be applied in part, and its own threads write over
//! what they wrote, so that a copy of its files is of no moment; `tests/kills.rs` kills processes
//! with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kvs::EngineKind;

use super::Run;

/// The longest wait for the background to leave the files alone for a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// The files of a directory.
type Files = BTreeMap<OsString, Vec<u8>>;

fn read(directory: &Path) -> io::Result<Files> {
    let read = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name(), fs::read(entry.path())?))
    };
    fs::read_dir(directory)?.map(read).collect()
}

/// Returns the files as they are at one moment, while the store may compact.
///
/// Every file grows, gets its name or loses it, and is never again what it was before. So if two
/// reads of all of them find the same, nothing changed from the end of the first one to the
/// beginning of the second.
fn at_one_moment(directory: &Path) -> Files {
    let start = Instant::now();
    let mut before = None;
    loop {
        let now = match read(directory) {
            Ok(files) => Some(files),
            // A compaction took it away meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("{error}"),
        };
        match now {
            Some(files) if before.as_ref() == Some(&files) => return files,
            now => before = now,
        }
        assert!(start.elapsed() < PATIENCE, "its files change without an end");
        thread::yield_now();
    }
}

impl Run {
    /// Kills the store between two operations, and opens what lies there: everything that was
    /// acknowledged.
    pub fn kill(&mut self) {
        if self.engine != EngineKind::Kvs {
            return;
        }
        let files = at_one_moment(self.directory.path());
        let image = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(image.path().join(name), bytes).unwrap();
        }
        self.close();
        self.directory = image;
        self.open_again();
        self.tally.kills += 1;
    }
}
