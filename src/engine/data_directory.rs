//! The data directory: whose it is, which engine it belongs to, and its lock.
//!
//! The lock is on the directory itself, which nobody can remove and make again behind the holder's
//! back. The file `LOCK` beside it names the holder for messages; it is locked too, for programs
//! that know nothing but that file.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::marker::{Marker, SMALL_FILE_BYTES};
use crate::storage::format::file_name;
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::{self, FileAccess, FileSystem, Lock, Sharing, read_small};
use crate::storage::recovery::find_store_id;
use crate::sync::{Arc, sleep};
use crate::{EngineKind, Error, Options, Result};

/// The time from one attempt at a taken lock to the next.
pub(super) const LOCK_RETRY: Duration = Duration::from_millis(5);

/// The note in the file `LOCK`, before the number of the process.
const HOLDER: &str = "process ";

/// The data directory is this process's own while it exists; or nobody changes it, if it is shared.
pub(crate) struct DirectoryLock {
    _directory: Box<dyn Lock>,
    _file: Option<Box<dyn Lock>>,
}

impl DirectoryLock {
    /// Returns the lock of a directory without a `LOCK` file.
    pub(super) fn of_directory(lock: Box<dyn Lock>) -> Self {
        Self { _directory: lock, _file: None }
    }
}

/// An open data directory.
pub(crate) struct DataDirectory {
    /// The path it was opened by, for messages, and for `sled`, which opens by path.
    pub(crate) path: PathBuf,
    pub(crate) handle: Arc<dyn fs::Directory>,
    pub(crate) kind: EngineKind,
    pub(crate) store: StoreId,
    pub(crate) lock: DirectoryLock,
}

impl DataDirectory {
    /// Opens the directory and locks it, finds out its engine, and makes what the options let it
    /// make.
    ///
    /// `None` for the in-memory engine, which has no directory; one that holds another engine's
    /// data is still an error, because whoever asked for it would miss that data.
    pub(crate) fn open(
        options: &Options,
        file_system: Arc<dyn FileSystem>,
    ) -> Result<Option<Self>> {
        let path = options.directory.clone();
        if options.engine == Some(EngineKind::Memory) {
            match file_system.open_directory(&path, FileAccess::ReadOnly) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => {
                    let handle = opened.map_err(|e| Error::io("open the directory", &path, e))?;
                    check_engine(&path, Marker::read(&*handle, &path)?, options.engine)?;
                }
            }
            return Ok(None);
        }
        let locked = LockedDirectory::open(options, &*file_system)?;
        let LockedDirectory { handle, directory_lock, start } = locked;
        let marker = Marker::read(&*handle, &path)?;
        check_engine(&path, marker, options.engine)?;
        let Marker { kind, store } = match marker {
            Some(marker) => marker,
            None => {
                Marker::refuse_lost(&*handle, &path)?;
                if options.read_only || !options.create {
                    return Err(Error::NoStore { path });
                }
                refuse_foreign_lock(&*handle, &path)?;
                Marker::create(&*handle, &path, options.engine.unwrap_or(EngineKind::Kvs))?
            }
        };
        let file_lock = lock_file(options, start, &*handle)?;
        let lock = DirectoryLock { _directory: directory_lock, _file: file_lock };
        Ok(Some(Self { path, handle, kind, store, lock }))
    }

    /// Opens the directory of a store and locks it, even if the file `ENGINE` is damaged or
    /// missing: then it returns that error too. The store's id is then that of its segments, and
    /// there is no directory without one.
    pub(crate) fn open_damaged(
        options: &Options,
        file_system: &dyn FileSystem,
    ) -> Result<(Option<Self>, Option<Error>)> {
        let path = options.directory.clone();
        let LockedDirectory { handle, directory_lock, start } =
            LockedDirectory::open(options, file_system)?;
        let marker = Marker::read(&*handle, &path).and_then(|marker| match marker {
            Some(marker) => Ok(marker),
            None => {
                Marker::refuse_lost(&*handle, &path)?;
                Err(Error::NoStore { path: path.clone() })
            }
        });
        let (marker, damage) = match marker {
            Ok(marker) => (Some(marker), None),
            Err(error @ Error::Corrupt { .. }) => {
                let store = find_store_id(&*handle, &path)?;
                (store.map(|store| Marker { kind: EngineKind::Kvs, store }), Some(error))
            }
            Err(error) => return Err(error),
        };
        check_engine(&path, marker, options.engine)?;
        let file_lock = lock_file(options, start, &*handle)?;
        let lock = DirectoryLock { _directory: directory_lock, _file: file_lock };
        let opened = marker.map(|Marker { kind, store }| Self { path, handle, kind, store, lock });
        Ok((opened, damage))
    }
}

/// An open directory that is locked, whatever is in it.
struct LockedDirectory {
    handle: Arc<dyn fs::Directory>,
    directory_lock: Box<dyn Lock>,
    /// The time at which the wait for locks began.
    start: Instant,
}

impl LockedDirectory {
    fn open(options: &Options, file_system: &dyn FileSystem) -> Result<Self> {
        let path = &options.directory;
        let handle = open_or_create(options, file_system)?;
        if !options.read_only && !options.trust_directory {
            check_ownership(&*handle, path)?;
        }
        let start = Instant::now();
        let sharing = if options.read_only { Sharing::Shared } else { Sharing::Exclusive };
        let take = || handle.lock(sharing).map_err(|e| Error::io("lock", path, e));
        let directory_lock = wait_for(options, start, &*handle, take)?;
        Ok(Self { handle, directory_lock, start })
    }
}

/// Opens the directory; makes its last component if it is missing and may be made.
pub(super) fn open_or_create(
    options: &Options,
    file_system: &dyn FileSystem,
) -> Result<Arc<dyn fs::Directory>> {
    let path = &options.directory;
    let access = if options.read_only { FileAccess::ReadOnly } else { FileAccess::ReadWrite };
    let opened = match file_system.open_directory(path, access) {
        Err(error)
            if error.kind() == ErrorKind::NotFound && !options.read_only && options.create =>
        {
            let created = file_system.create_directory(path);
            let is_there = matches!(&created, Err(e) if e.kind() == ErrorKind::AlreadyExists);
            if !is_there {
                created.map_err(|error| explain_missing_parent(path, error))?;
            }
            match file_system.open_directory(path, access) {
                // Its name is taken, and not by a directory.
                Err(error) if is_there && error.kind() == ErrorKind::NotFound => {
                    let text = "it is a symbolic link to a directory that does not exist";
                    Err(io::Error::new(ErrorKind::NotFound, text))
                }
                opened => opened,
            }
        }
        opened => opened,
    };
    opened.map_err(|error| Error::io("open the directory", path, error))
}

fn explain_missing_parent(path: &Path, error: io::Error) -> Error {
    let error = match error.kind() {
        ErrorKind::NotFound => {
            let text = "its parent directory does not exist; create that first";
            io::Error::new(ErrorKind::NotFound, text)
        }
        _ => error,
    };
    Error::io("create the directory", path, error)
}

/// Returns an error if other users may change the directory, or own it.
pub(super) fn check_ownership(handle: &dyn fs::Directory, path: &Path) -> Result<()> {
    let ownership =
        handle.ownership().map_err(|e| Error::io("read the owner and mode of", path, e))?;
    let fs::Ownership { owner, user, is_open_to_all } = ownership;
    let reason = if owner != user {
        format!("it belongs to user {owner}, and this program runs as user {user}")
    } else if is_open_to_all {
        "every user may change it".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::UntrustedDirectory { path: path.to_path_buf(), reason })
}

fn check_engine(path: &Path, found: Option<Marker>, wanted: Option<EngineKind>) -> Result<()> {
    match (found.map(|marker| marker.kind), wanted) {
        (Some(found), Some(wanted)) if found != wanted => Err(Error::WrongEngine {
            path: path.to_path_buf(),
            found: found.to_string(),
            wanted: wanted.to_string(),
        }),
        _ => Ok(()),
    }
}

/// Takes a lock, trying again until the wait that the options allow is over.
fn wait_for<T>(
    options: &Options,
    start: Instant,
    handle: &dyn fs::Directory,
    take: impl Fn() -> Result<Option<T>>,
) -> Result<T> {
    loop {
        if let Some(taken) = take()? {
            return Ok(taken);
        }
        let left = options.lock_wait.saturating_sub(start.elapsed());
        if left.is_zero() {
            let path = options.directory.clone();
            return Err(Error::Locked { path, holder: read_holder(handle).ok().flatten() });
        }
        sleep(left.min(LOCK_RETRY));
    }
}

/// Takes the lock of the file `LOCK` and leaves a note in it; a reader does so only where there is
/// one.
fn lock_file(
    options: &Options,
    start: Instant,
    handle: &dyn fs::Directory,
) -> Result<Option<Box<dyn Lock>>> {
    let failed = |error| Error::io("lock", &options.directory.join(file_name::LOCK), error);
    if !options.read_only {
        let take = || handle.lock_file(file_name::LOCK, Sharing::Exclusive).map_err(failed);
        let lock = wait_for(options, start, handle, take)?;
        // Only a help for whoever finds the directory taken.
        let _ = lock.describe(&format!("{HOLDER}{}", std::process::id()));
        return Ok(Some(lock));
    }
    wait_for(options, start, handle, || match handle.lock_file(file_name::LOCK, Sharing::Shared) {
        Ok(lock) => Ok(lock.map(Some)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(None)),
        Err(error) => Err(failed(error)),
    })
}

/// Returns the note in the file `LOCK`, `None` if the file holds anything else.
fn read_holder(handle: &dyn fs::Directory) -> io::Result<Option<String>> {
    let note = read_small(handle, file_name::LOCK, SMALL_FILE_BYTES)?;
    let is_note = |text: &String| {
        let number = text.strip_prefix(HOLDER);
        number.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    Ok(String::from_utf8(note).ok().filter(is_note))
}

/// Returns an error if a directory that is no store yet has a `LOCK` that no store made.
fn refuse_foreign_lock(handle: &dyn fs::Directory, path: &Path) -> Result<()> {
    let lock = path.join(file_name::LOCK);
    match read_holder(handle) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let text = "it may belong to another program; choose another directory, or remove it \
                        if nothing uses it";
            let error = io::Error::new(ErrorKind::AlreadyExists, text);
            Err(Error::io("use", &lock, error))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("read", &lock, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::fs::simulated::{SimulatedDisk, State};

    fn open(name: &str, contents: &str, options: Options) -> (Result<()>, Vec<String>) {
        let files = [(name.to_owned(), contents.as_bytes().to_vec())];
        let disk = SimulatedDisk::new(State::with_files(files));
        let opened = DataDirectory::open(&options, Arc::new(disk.clone()));
        let names = disk.state().files().map(|(name, _)| name.to_owned()).collect();
        (opened.map(|_| ()), names)
    }

    #[test]
    fn data_without_a_marker_is_refused_and_left_alone() {
        let options = || Options::new("/simulated");
        for name in ["00000000000000000001.log", "00000000000000000001.tmp", "sled", "CLOSED"] {
            let (opened, names) = open(name, "x", options());
            assert!(matches!(opened, Err(Error::Corrupt { .. })), "{name}: {opened:?}");
            assert_eq!(names, [name]);
        }
        let (opened, names) = open("notes.txt", "x", options());
        opened.unwrap();
        assert_eq!(names, ["ENGINE", "notes.txt"]);
    }

    #[test]
    fn a_lock_file_of_another_program_is_refused_and_left_alone() {
        for contents in ["", "x", "process", "process 12\n", "process 1a"] {
            let (opened, names) = open("LOCK", contents, Options::new("/simulated"));
            assert!(matches!(opened, Err(Error::Io { .. })), "{contents:?}: {opened:?}");
            assert_eq!(names, ["LOCK"]);
        }
        open("LOCK", "process 12", Options::new("/simulated")).0.unwrap();
    }

    #[test]
    fn a_directory_without_a_store_stays_as_it_is_unless_one_may_be_made() {
        for options in
            [Options::new("/simulated").create(false), Options::new("/simulated").read_only(true)]
        {
            let (opened, names) = open("notes.txt", "x", options);
            assert!(matches!(opened, Err(Error::NoStore { .. })), "{opened:?}");
            assert_eq!(names, ["notes.txt"]);
        }
    }
}
