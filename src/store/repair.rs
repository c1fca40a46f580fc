//! Repairing the files of a store that is not open.

use super::handle::Store;
use crate::{Options, RepairReport, Result, engine};

impl Store {
    /// Repairs a damaged store that nobody has open, so that it opens again with everything that is
    /// provably whole, and reports what is lost. Without damage nothing is changed.
    ///
    /// A batch is taken over if all of it is whole, and nothing is guessed. So what is lost may
    /// have been newer than what is left: a key may have an older value, a removed key may be back,
    /// and a key may be missing. A backup may be the better choice; [`verify`](Self::verify) and
    /// [`plan_repair`](Self::plan_repair) tell without changing anything.
    ///
    /// Each damaged file is kept as it was in the directory `damaged` in that of the store, before
    /// anything of it is replaced; nothing that is there is ever overwritten, and it can be removed
    /// at any time. Whole batches of a damaged segment go to a new one. Versions of new writes are
    /// above all that anything in the directory knew of, lost ones included.
    ///
    /// A power loss, a kill or an error at any moment leaves a store that is refused as it was, or
    /// repaired; call it again to finish. A damage that no open notices, because the segment has a
    /// hint, may be left then in a store that opens. Of the options, the directory, the engine,
    /// [`Options::lock_wait`], [`Options::trust_directory`] and [`Options::on_open_progress`]
    /// count. It needs disk space for what is taken over, and where files cannot be linked also for
    /// copies of the damaged ones.
    ///
    /// ```
    /// use kvs::{Options, Store};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let options = || Options::new(directory.path());
    /// let store = Store::open(options())?;
    /// store.set("first", "value")?;
    /// store.set("second", "value")?;
    /// drop(store);
    /// let segment = directory.path().join(Store::segment_file_name(1));
    /// let mut bytes = std::fs::read(&segment)?;
    /// bytes[80] ^= 1; // in the first batch
    /// std::fs::write(&segment, bytes)?;
    /// assert!(Store::open(options()).is_err());
    ///
    /// let report = Store::repair(options())?;
    /// assert_eq!(report.missing_versions, [1..=1], "{report}");
    /// let store = Store::open(options())?;
    /// assert_eq!(store.get("second")?.as_deref(), Some(&b"value"[..]));
    /// assert!(directory.path().join("damaged").join(Store::segment_file_name(1)).exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoStore`](crate::Error::NoStore) if there is none;
    /// [`Error::Locked`](crate::Error::Locked) while anybody has it open;
    /// [`Error::Unsupported`](crate::Error::Unsupported) with another engine than `kvs`;
    /// [`Error::UnsupportedFormat`](crate::Error::UnsupportedFormat) of a store that another build
    /// wrote; [`Error::ReadOnly`](crate::Error::ReadOnly);
    /// [`Error::Corrupt`](crate::Error::Corrupt) if it cannot be told to which store the files
    /// belong; [`Error::Io`](crate::Error::Io).
    pub fn repair(options: Options) -> Result<RepairReport> {
        engine::repair(&with_absolute_path(options))
    }

    /// Returns the report of what [`repair`](Self::repair) would do, and changes nothing.
    ///
    /// Readers may have the store open meanwhile, as during [`verify`](Self::verify).
    ///
    /// # Errors
    /// Those of [`repair`](Self::repair).
    pub fn plan_repair(options: Options) -> Result<RepairReport> {
        engine::plan_repair(&with_absolute_path(options))
    }
}

/// Returns the options with a path that says where files are, for the report.
fn with_absolute_path(mut options: Options) -> Options {
    if let Ok(absolute) = std::path::absolute(&options.directory) {
        options.directory = absolute;
    }
    options
}
