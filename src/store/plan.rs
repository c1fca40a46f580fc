//! The plan of a store that need not be there.

use super::handle::Store;
use crate::{EngineKind, Error, Options, PlannedData, Result, StoragePlan, engine};

impl Store {
    /// Returns the memory and the disk space that data will take in a store with these options, and
    /// the time of opening it. Opens nothing.
    ///
    /// Sizes follow from the format and are within some percent; of the memory those are counted
    /// that [`stats`](Self::stats) counts as well: what the allocator adds, some 10 to 20 %, is not.
    /// Times are those of the machine on which the project's benchmarks run, with two cores and the
    /// files in the page cache.
    ///
    /// ```
    /// use kvs::{Options, PlannedData, Store};
    ///
    /// let data = PlannedData { keys: 10_000_000, key_bytes: 16, value_bytes: 200 };
    /// let plan = Store::plan(&Options::new("data"), &data)?;
    /// assert!(plan.index_bytes > 500 << 20 && plan.index_bytes < 1 << 30);
    /// assert!(plan.disk_bytes_max() > 2 * 10_000_000 * 216);
    /// # Ok::<(), kvs::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) with the `sled` and `memory` engines.
    pub fn plan(options: &Options, data: &PlannedData) -> Result<StoragePlan> {
        match options.engine {
            None | Some(EngineKind::Kvs) => Ok(engine::plan(options, data)),
            Some(other) => {
                Err(Error::Unsupported { engine: other.name(), feature: "a plan of its sizes" })
            }
        }
    }
}
