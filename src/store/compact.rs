//! Compaction when a caller asks for it.

use super::handle::Store;
#[cfg(feature = "server")]
use crate::options::Cancellation;
use crate::{CompactProgress, CompactReport, Error, Result};

impl Store {
    /// Gives all space back that dead records take: compacts every segment that holds such records
    /// at the beginning, however few, and blocks until that is done.
    ///
    /// A store compacts itself once it holds as much garbage as live data, so this is only for
    /// moments at which less is wanted: after many keys were removed, or before the files are
    /// copied. It runs the same compactions one after the other in the background, while the store
    /// is read and written. What dies meanwhile is left to the next one, so it ends, although
    /// writes go on. It takes the time of reading and writing the segments in question, and the
    /// space of one segment. Calls that come while it runs share the next one.
    ///
    /// Some bytes are left beside live records: headers and marks of each segment; records that a
    /// [snapshot](Store::snapshot) sees, of which the report has the figures; keys that have
    /// expired and that the store has not removed yet; and dead records of batches, where a
    /// segment would become longer because each record gets a header of its own.
    ///
    /// Nothing is lost if the process is killed in the middle: at every moment either the old
    /// segments count or the new one. Afterwards call it again.
    ///
    /// ```
    /// use kvs::{Options, Store};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let store = Store::open(Options::new(directory.path()))?;
    /// for n in 0..1000 {
    ///     store.set("key", format!("value {n}"))?;
    /// }
    /// let report = store.compact()?;
    /// assert!(report.bytes_freed() > 30_000 && report.bytes_after < 1_000);
    /// assert_eq!(store.get("key")?.as_deref(), Some(&b"value 999"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) with the `sled` and `memory` engines;
    /// [`Error::ReadOnly`](crate::Error::ReadOnly); [`Error::Io`](crate::Error::Io), also if the
    /// disk is full ([`Error::is_disk_full`](crate::Error::is_disk_full)), and
    /// [`Error::Corrupt`](crate::Error::Corrupt): the compaction that met it changed nothing, and
    /// those before it count; [`Error::Poisoned`](crate::Error::Poisoned) if the store takes no
    /// more writes.
    pub fn compact(&self) -> Result<CompactReport> {
        self.compact_with_progress(|_| ())
    }

    /// Does as [`compact`](Self::compact), and calls the function on this thread with the progress,
    /// some times a second.
    ///
    /// # Errors
    /// Those of [`compact`](Self::compact).
    pub fn compact_with_progress(
        &self,
        mut on_progress: impl FnMut(CompactProgress),
    ) -> Result<CompactReport> {
        self.compact_with_looks(|progress| {
            progress.into_iter().for_each(&mut on_progress);
            Ok(())
        })
    }

    /// Does as [`compact`](Self::compact), but does not wait for the end of it any longer once it
    /// is cancelled: then the result is [`Error::Closed`], and the compaction goes on for as long
    /// as the store is open.
    #[cfg(feature = "server")]
    pub(crate) fn compact_until(&self, cancellation: &Cancellation) -> Result<CompactReport> {
        self.compact_with_looks(|_| cancellation.check())
    }

    fn compact_with_looks(
        &self,
        mut on_look: impl FnMut(Option<CompactProgress>) -> Result<()>,
    ) -> Result<CompactReport> {
        let answer = self.shared.writes.compact(&mut on_look);
        let report = answer.map_err(|_| self.shared.gone())??;
        let engine = self.shared.kind.name();
        report.ok_or(Error::Unsupported { engine, feature: "compaction on request" })
    }
}
