//! File systems of a test's own: one in memory that is soon full, and one in a file that can be
//! copied.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::tool::{has, is_able, output, skip, succeeds};

/// A mounted file system; unmounted when dropped.
pub struct Mount {
    directory: TempDir,
}

impl Mount {
    /// Returns a file system in memory of this size.
    pub fn memory(bytes: u64) -> Self {
        let size = format!("size={bytes}");
        Self::new(&["-t", "tmpfs", "-o", &size, "none"])
    }

    /// Returns the file system in this file. Its journal is written when something is synced, and
    /// not by itself.
    pub fn image(path: &Path) -> Self {
        Self::new(&["-o", "loop,commit=600", path.to_str().unwrap()])
    }

    fn new(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        output(Command::new("mount").args(arguments).arg(directory.path()));
        Self { directory }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().to_path_buf()
    }

    /// Returns the bytes that are free.
    pub fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(self.directory.path()).unwrap();
        found.f_bavail * found.f_frsize
    }
}

impl Drop for Mount {
    /// A program that another test is just starting has every file of this process open for a
    /// moment.
    fn drop(&mut self) {
        let path = self.directory.path().to_str().unwrap();
        let start = Instant::now();
        while !succeeds("umount", &[path]) {
            if start.elapsed() > Duration::from_secs(30) {
                // It goes when the last file in it is closed.
                let _ = succeeds("umount", &["--lazy", path]);
                assert!(thread::panicking(), "{path} is still in use");
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Makes a file with an empty ext4 in it.
pub fn make_image(path: &Path, bytes: u64) {
    std::fs::File::create(path).unwrap().set_len(bytes).unwrap();
    let options = "lazy_itable_init=0,lazy_journal_init=0";
    output(Command::new("mkfs.ext4").args(["-q", "-F", "-E", options]).arg(path));
}

/// Returns true if a file system in memory can be mounted, which takes root.
pub fn can_mount_memory() -> bool {
    is_able("file systems cannot be mounted", || {
        let directory = TempDir::new().unwrap();
        let path = directory.path().to_str().unwrap();
        succeeds("mount", &["-t", "tmpfs", "-o", "size=64k", "none", path])
            && succeeds("umount", &[path])
    })
}

/// Returns true if a file can be mounted.
///
/// Containers often have no loop devices, which no package brings: that fails a test only where
/// `KVS_TEST_LOOP=required` says that they are there.
pub fn can_mount_image() -> bool {
    if !has("mkfs.ext4", &["-V"]) {
        return false;
    }
    let directory = TempDir::new().unwrap();
    let (image, mounted) = (directory.path().join("image"), directory.path().join("mounted"));
    make_image(&image, 4 << 20);
    std::fs::create_dir(&mounted).unwrap();
    let (image, mounted) = (image.to_str().unwrap(), mounted.to_str().unwrap());
    let is_mounted = succeeds("mount", &["-o", "loop", image, mounted]);
    if is_mounted {
        return succeeds("umount", &[mounted]);
    }
    let is_required = std::env::var("KVS_TEST_LOOP").is_ok_and(|value| value == "required");
    assert!(!is_required, "a file cannot be mounted, and KVS_TEST_LOOP says that it can");
    skip("a file cannot be mounted: there is no loop device, or no right to it");
    false
}
