//! The data directory: whose it is, which engine it belongs to, and its lock.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::EngineKind;
use crate::storage::fs::{self, FileSystem, Lock, read_small};
use crate::storage::names::{self, FileName};
use crate::sync::{Arc, random, sleep};
use crate::{Error, Options, Result};

/// How often a taken lock is tried again.
pub(super) const LOCK_RETRY: Duration = Duration::from_millis(5);

/// The longest contents of a small file that are looked at.
const SMALL_FILE_BYTES: usize = 256;

/// The data directory is this process's own while it exists.
pub(crate) struct DirectoryLock {
    _lock: Box<dyn Lock>,
}

/// An open data directory.
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) handle: Arc<dyn fs::Directory>,
    pub(crate) kind: EngineKind,
    /// Drawn when the directory was made.
    pub(crate) store: u128,
    pub(crate) lock: DirectoryLock,
}

impl Directory {
    /// Makes the directory if it is missing, locks it, and finds out or notes its engine.
    ///
    /// `None` for the in-memory engine, which has no directory; one that holds another engine's data is
    /// still an error, because whoever asked for it would miss that data.
    pub(crate) fn open(
        options: &Options,
        file_system: Arc<dyn FileSystem>,
    ) -> Result<Option<Self>> {
        let path = options.directory.clone();
        let opened = file_system.open_directory(&path);
        let is_missing = matches!(&opened, Err(error) if error.kind() == ErrorKind::NotFound);
        if options.engine == Some(EngineKind::Memory) {
            if !is_missing {
                let handle = opened.map_err(|e| Error::io("open the directory", &path, e))?;
                let marker = read_marker(&*handle, &path)?;
                check_engine(&path, marker.map(|(kind, _)| kind), options.engine)?;
            }
            return Ok(None);
        }
        let opened = if is_missing {
            let created = file_system.create_directory(&path);
            created.map_err(|e| Error::io("create the directory", &path, e))?;
            file_system.open_directory(&path)
        } else {
            opened
        };
        let handle = opened.map_err(|e| Error::io("open the directory", &path, e))?;
        let lock = lock(&*handle, &path, options.lock_wait)?;
        let marker = read_marker(&*handle, &path)?;
        check_engine(&path, marker.map(|(kind, _)| kind), options.engine)?;
        let (kind, store) = match marker {
            Some(marker) => marker,
            None => {
                refuse_lost_marker(&*handle, &path)?;
                let marker = (options.engine.unwrap_or(EngineKind::Kvs), random());
                write_marker(&*handle, &path, marker)?;
                marker
            }
        };
        Ok(Some(Self { path, handle, kind, store, lock }))
    }
}

fn check_engine(path: &Path, found: Option<EngineKind>, wanted: Option<EngineKind>) -> Result<()> {
    match (found, wanted) {
        (Some(found), Some(wanted)) if found != wanted => Err(Error::WrongEngine {
            path: path.to_path_buf(),
            found: found.to_string(),
            wanted: wanted.to_string(),
        }),
        _ => Ok(()),
    }
}

fn lock(handle: &dyn fs::Directory, path: &Path, wait: Duration) -> Result<DirectoryLock> {
    let lock_path = path.join(names::LOCK);
    let start = Instant::now();
    loop {
        let taken = handle.lock(names::LOCK).map_err(|e| Error::io("lock", &lock_path, e))?;
        if let Some(lock) = taken {
            // Only a help for whoever finds the directory taken.
            let _ = lock.describe(&format!("process {}", std::process::id()));
            return Ok(DirectoryLock { _lock: lock });
        }
        let left = wait.saturating_sub(start.elapsed());
        if left.is_zero() {
            let note = read_small(handle, names::LOCK, SMALL_FILE_BYTES).unwrap_or_default();
            let holder = String::from_utf8(note).ok().filter(|holder| !holder.is_empty());
            return Err(Error::Locked { path: path.to_path_buf(), holder });
        }
        sleep(left.min(LOCK_RETRY));
    }
}

/// The marker holds the engine's name and the store's id in hexadecimal, a line each.
fn read_marker(handle: &dyn fs::Directory, path: &Path) -> Result<Option<(EngineKind, u128)>> {
    let marker = path.join(names::ENGINE);
    let contents = match read_small(handle, names::ENGINE, SMALL_FILE_BYTES) {
        Ok(contents) => contents,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &marker, error)),
    };
    let parsed = std::str::from_utf8(&contents).ok().and_then(|text| {
        let (name, rest) = text.split_once('\n')?;
        let id = u128::from_str_radix(rest.strip_suffix('\n')?, 16).ok()?;
        Some((name.parse().ok()?, id))
    });
    let damaged = || Error::corrupt(&marker, 0, "it does not name an engine and a store id");
    parsed.map(Some).ok_or_else(damaged)
}

/// The marker is made before anything else, so where there is data it was lost.
fn refuse_lost_marker(handle: &dyn fs::Directory, path: &Path) -> Result<()> {
    let found = handle.list().map_err(|e| Error::io("list", path, e))?;
    let is_data = |name: &String| FileName::parse(name).is_some() || name == names::SLED;
    match found.iter().find(|name| is_data(name)) {
        Some(name) => {
            let reason = format!("it is missing, and there is {name}");
            Err(Error::corrupt(&path.join(names::ENGINE), 0, reason))
        }
        None => Ok(()),
    }
}

fn write_marker(
    handle: &dyn fs::Directory,
    path: &Path,
    (kind, store): (EngineKind, u128),
) -> Result<()> {
    // A crash may have left a part of it; nobody else writes here while the lock is held.
    let _ = handle.remove(names::ENGINE_UNFINISHED);
    let written = handle.create(names::ENGINE_UNFINISHED).and_then(|file| {
        file.write_at(format!("{kind}\n{store:032x}\n").as_bytes(), 0)?;
        file.sync()?;
        handle.rename(names::ENGINE_UNFINISHED, names::ENGINE)?;
        handle.sync()
    });
    written.map_err(|error| Error::io("write", &path.join(names::ENGINE), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::fs::simulated::{SimulatedDisk, State};

    #[test]
    fn data_without_a_marker_is_refused_and_left_alone() {
        let open = |name: &str| {
            let disk = SimulatedDisk::new(State::with_files([(name.to_owned(), vec![1])]));
            let opened = Directory::open(&Options::new("/simulated"), Arc::new(disk.clone()));
            let names: Vec<_> = disk.state().files().map(|(name, _)| name.to_owned()).collect();
            (opened.map(|_| ()), names)
        };
        for name in ["00000000000000000001.log", "00000000000000000001.tmp", "sled"] {
            let (opened, names) = open(name);
            assert!(matches!(opened, Err(Error::Corrupt { .. })), "{name}: {opened:?}");
            assert_eq!(names, [name]);
        }
        let (opened, names) = open("notes.txt");
        opened.unwrap();
        assert_eq!(names, ["ENGINE", "notes.txt"]);
    }
}
