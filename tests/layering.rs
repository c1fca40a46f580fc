//! The lines between the layers: which folder may use what, and where the doors to the outside are.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// What a place must not mention: `(paths, words, why)`; a path stands for a file or a folder.
const FORBIDDEN: &[(&[&str], &[&str], &str)] = &[
    (
        &["protocol"],
        &[
            "std::net",
            "std::fs",
            "std::io",
            "std::time",
            "mio::",
            "crate::store",
            "crate::engine",
            "crate::storage",
            "crate::server",
            "crate::client",
            "crate::sync",
            "crate::actor",
        ],
        "protocols are functions of bytes",
    ),
    (
        &["storage"],
        &[
            "std::net",
            "mio::",
            "Instant",
            "SystemTime",
            "crate::actor",
            "crate::engine",
            "crate::store",
            "crate::server",
            "crate::client",
            "crate::protocol",
            "ThreadBuilder",
        ],
        "storage knows no thread, socket or clock",
    ),
    (
        &["engine"],
        &[
            "std::net",
            "mio::",
            "crate::actor",
            "crate::store::",
            "crate::server",
            "crate::client",
            "crate::protocol",
        ],
        "engines are below the store",
    ),
    (
        &["store"],
        &["std::net", "mio::", "crate::server", "crate::client", "crate::protocol"],
        "the store is below server and client",
    ),
    (
        &["actor"],
        &[
            "std::net",
            "std::fs",
            "crate::store",
            "crate::engine",
            "crate::storage",
            "crate::server",
            "crate::client",
            "crate::protocol",
        ],
        "the actor base knows nothing of what runs on it",
    ),
    (
        &["thread_pool"],
        &[
            "std::net",
            "std::fs",
            "crate::store",
            "crate::engine",
            "crate::storage",
            "crate::server",
            "crate::client",
            "crate::protocol",
        ],
        "a thread pool knows nothing of what runs on it",
    ),
    (
        &["client.rs", "client"],
        &["crate::server", "crate::store", "crate::engine", "crate::storage"],
        "a client knows a server by its protocol alone",
    ),
    (
        &["server"],
        &["crate::client", "crate::storage"],
        "a server knows the store and not its files",
    ),
];

/// Doors: `(words, the only places that may mention them)`.
const DOORS: &[(&[&str], &[&str])] = &[
    (&["std::sync", "std::thread", "crossbeam_channel", "arc_swap"], &["sync"]),
    (&["std::fs", "rustix::"], &["storage/fs"]),
    (&["use sled::", "sled::Config", "sled::Error"], &["engine/sled.rs", "error.rs"]),
    (&["rayon::ThreadPool"], &["thread_pool/rayon.rs"]),
    (&["unsafe "], &[]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file below `src/` by its path there, with its code: no comments, no unit tests.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(source()).unwrap().to_str().unwrap().to_owned();
            if !name.ends_with(".rs") || name.ends_with("tests.rs") || name.contains("/tests/") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            files.push((name, lines.collect::<Vec<_>>().join("\n")));
        }
    }
    assert!(files.len() > 20, "the source was not found");
    files
}

fn is_in(name: &str, place: &str) -> bool {
    name == place || name.starts_with(&format!("{place}/"))
}

fn mentions(code: &str, word: &str) -> bool {
    code.lines().any(|line| line.contains(word))
}

#[test]
fn each_layer_uses_only_what_is_below_it() {
    let mut broken = Vec::new();
    for (name, code) in files() {
        for (places, words, why) in FORBIDDEN {
            if places.iter().any(|place| is_in(&name, place)) {
                let found = words.iter().filter(|word| mentions(&code, word));
                broken.extend(found.map(|word| format!("src/{name} mentions {word}: {why}")));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_outside_is_reached_through_one_door_each() {
    let mut broken = Vec::new();
    for (name, code) in files() {
        // A binary parses, builds and runs: it is above all layers.
        for (words, doors) in DOORS.iter().filter(|_| !is_in(&name, "bin")) {
            if doors.iter().all(|door| !is_in(&name, door)) {
                let found = words.iter().filter(|word| mentions(&code, word));
                broken.extend(found.map(|word| format!("src/{name} mentions {word}")));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
