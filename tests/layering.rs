//! The lines between the layers: which folder may use what, and where the doors to the outside are.

#![allow(clippy::unwrap_used)]

#[path = "common/source.rs"]
mod source;

use source::is_in;

/// Words that a place must not mention: `(paths, words, why)`; a path stands for a file or a
/// folder.
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
        &["storage/format"],
        &[
            "crate::storage::compaction",
            "crate::storage::environment",
            "crate::storage::fs",
            "crate::storage::index",
            "crate::storage::log",
            "crate::storage::recovery",
            "crate::storage::segment",
        ],
        "the format is bytes alone",
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
        &["transaction"],
        &["std::net", "crate::store", "crate::server", "crate::client", "crate::protocol"],
        "what a transaction does is the same in a store and at a server",
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
        &["crate::client", "crate::storage", "crate::engine"],
        "a server knows the store, not its engine or files",
    ),
    (
        &["transfer"],
        &["crate::server", "crate::storage", "crate::engine", "std::net", "mio::"],
        "exports and imports know stores and clients, not what these are made of",
    ),
    (
        &["protocol", "storage", "engine", "transaction", "store", "client", "server"],
        &["crate::transfer"],
        "exports and imports are above stores and clients",
    ),
];

/// Doors: `(words, the only places that may mention them)`.
const DOORS: &[(&[&str], &[&str])] = &[
    (&["std::sync", "std::thread", "crossbeam_channel", "arc_swap"], &["sync"]),
    (
        &["std::fs"],
        &[
            "storage/fs",
            "server/net/socket_file.rs",
            "server/machine_memory.rs",
            "server/process_memory.rs",
            "server/process_times.rs",
            "transfer/export_file.rs",
        ],
    ),
    (
        &["rustix::"],
        &[
            "storage/fs",
            "server/net/socket_file.rs",
            "server/net/listening_socket.rs",
            "server/system_random.rs",
            "client/stream.rs",
            "transfer/export_file.rs",
        ],
    ),
    (&["SocketAddr"], &["endpoint.rs", "server/net", "client/stream.rs"]),
    (
        &["TcpListener", "TcpStream", "UnixListener", "UnixStream"],
        &["server/net", "client/stream.rs"],
    ),
    (
        &["use sled::", "sled::Config", "sled::Error"],
        &["engine/sled", "error.rs", "transfer/sled_source.rs"],
    ),
    (&["rayon::ThreadPool"], &["thread_pool/rayon.rs"]),
    (&["unsafe "], &["bin/common/allocator.rs"]),
];

/// Returns the code of `src/` by its paths there: no comments, no unit tests.
fn files() -> Vec<(String, String)> {
    let files = source::files(&["src"], "rs").into_iter().filter(|file| !file.is_tests());
    let code = files.map(|file| {
        let lines = file.without_tests().lines();
        let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
        (file.source_path().unwrap().to_owned(), lines.collect::<Vec<_>>().join("\n"))
    });
    code.collect()
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
