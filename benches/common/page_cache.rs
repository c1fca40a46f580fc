//! Makes the next reads of files wait for the disk.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::{Advice, fadvise};

/// Drops the files of a directory from the page cache; what is not synced stays.
///
/// A directory that is in memory keeps its pages.
pub fn drop_files(directory: &Path) {
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("the directory can be read").path();
        // A file may be removed meanwhile, and then there is nothing to drop.
        if let Ok(file) = File::open(path) {
            fadvise(&file, 0, None, Advice::DontNeed).expect("a hint to the system is taken");
        }
    }
}
