//! Verifying the files of a store that is not open.

use super::handle::Store;
use crate::{Options, Result, VerifyReport, engine};

impl Store {
    /// Reads every byte of a store that is not open for writing, checks each record, and returns
    /// all damage there is, not only the first. Nothing is changed.
    ///
    /// It finds everything that an open would refuse, and what an open does not look at because it
    /// reads a hint in place of a segment. An end that a crash cut is no damage.
    ///
    /// The directory is locked as an [open for reading](Options::read_only) does it: readers may
    /// have the store open meanwhile. Of the options, the directory, the engine,
    /// [`Options::lock_wait`] and [`Options::on_open_progress`] count. It reads on several threads,
    /// and takes the memory of an open.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// kvs::Store::open(kvs::Options::new(directory.path()))?.set("key", "value")?;
    /// let report = kvs::Store::verify(kvs::Options::new(directory.path()))?;
    /// assert!(report.is_whole(), "{report}");
    /// assert_eq!((report.records, report.keys), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoStore`](crate::Error::NoStore) if there is none;
    /// [`Error::Locked`](crate::Error::Locked) while a writer has it open;
    /// [`Error::Unsupported`](crate::Error::Unsupported) with another engine than `kvs`;
    /// [`Error::Io`](crate::Error::Io). Damage is no error: it is in the report.
    pub fn verify(mut options: Options) -> Result<VerifyReport> {
        if let Ok(absolute) = std::path::absolute(&options.directory) {
            options.directory = absolute;
        }
        engine::verify(&options)
    }
}
