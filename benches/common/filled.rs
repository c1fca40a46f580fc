//! A store that holds all keys.

use kvs::{Options, Store, WriteBatch};
use tempfile::TempDir;

use super::keys::key;

/// The number of keys that are set at once, so that filling is not what takes the time.
const BATCH: u64 = 1000;

/// An open store, and the directory it is in, which goes after it.
pub struct Filled {
    pub store: Store,
    pub directory: TempDir,
}

impl Filled {
    /// Opens a store with the options that `choose` makes of those for its directory, and sets the
    /// keys with the first `keys` numbers.
    pub fn new(keys: u64, value_bytes: usize, choose: impl FnOnce(Options) -> Options) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let options = choose(Options::new(directory.path()));
        let store = Store::open(options).expect("the temporary directory is empty");
        for batch in 0..keys.div_ceil(BATCH) {
            let mut entries = WriteBatch::new();
            for number in batch * BATCH..keys.min((batch + 1) * BATCH) {
                entries.set(key(number), vec![7; value_bytes]);
            }
            store.write(entries).expect("there is room");
        }
        Self { store, directory }
    }
}
