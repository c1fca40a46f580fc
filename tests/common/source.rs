//! The text of the repository, for the tests that read it.

#![allow(clippy::unwrap_used, dead_code, reason = "each test uses a part, and fails by panicking")]

use std::fs;
use std::path::Path;

/// Places below `src/` that only tests, fuzzing and model checkers build.
const TEST_SUPPORT: &[&str] =
    &["fuzzing", "storage/fs/simulated", "server/testing.rs", "sync/conformance.rs", "sync/twins"];

/// A file of the repository, by its path from the root.
#[derive(Clone)]
pub struct TextFile {
    pub path: String,
    pub text: String,
}

impl TextFile {
    /// Returns the path below `src/`, or `None` for a file elsewhere.
    pub fn source_path(&self) -> Option<&str> {
        self.path.strip_prefix("src/")
    }

    /// Returns true for a file of `src/` that holds nothing but unit tests.
    pub fn is_tests(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// Returns true for a file of `src/` that a release build contains.
    pub fn is_production(&self) -> bool {
        let path = self.source_path().unwrap_or_default();
        !path.is_empty() && !self.is_tests() && !TEST_SUPPORT.iter().any(|p| is_in(path, p))
    }

    /// Returns the text without the unit tests at its end.
    pub fn without_tests(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }
}

/// Returns true if a path is that of a place, or below it.
pub fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the files with an extension in some folders of the repository, and below these.
pub fn files(folders: &[&str], extension: &str) -> Vec<TextFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // `fuzz/` and `benches/peers/` may have been built by themselves.
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == extension) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push(TextFile { path, text });
            }
        }
    }
    assert!(!files.is_empty(), "no files were found");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Returns a file at the top of the repository.
pub fn file(path: &str) -> TextFile {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    TextFile { path: path.to_owned(), text }
}
