//! Opening a database of sled once nobody else has it.

use std::time::{Duration, Instant};

use crate::engine::data_directory::LOCK_RETRY;
use crate::sync::sleep;

/// The words of sled where its lock is taken; its error has no kind of its own for that.
const LOCKED: &str = "could not acquire lock";

/// Opens a database, waiting so long for its lock.
///
/// sled lets go of its lock some time after it was dropped, and a process that is just being
/// started has it until its program begins: whoever opens a database behind another may have to
/// wait for it.
pub(crate) fn open_unlocked(config: &sled::Config, wait: Duration) -> sled::Result<sled::Db> {
    let start = Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains(LOCKED) && start.elapsed() < wait =>
            {
                sleep(LOCK_RETRY);
            }
            opened => return opened,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_database_is_waited_for_but_not_for_ever() {
        let directory = tempfile::TempDir::new().unwrap();
        let config = sled::Config::new().path(directory.path());
        let first = config.open().unwrap();
        let refused = open_unlocked(&config, Duration::from_millis(20)).unwrap_err();
        assert!(refused.to_string().contains(LOCKED), "{refused}");
        let second = thread::spawn(move || open_unlocked(&config, Duration::from_secs(60)));
        drop(first);
        second.join().unwrap().unwrap();
    }
}
