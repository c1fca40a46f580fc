//! Each example runs and prints what its first lines say.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::process::Server;
use tempfile::TempDir;

/// Returns the names of the examples that there are.
fn names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> =
        paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs")
}

/// Returns the program of an example, which is built beside the tests.
fn program(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_kvs")).with_file_name("examples").join(name);
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    assert!(
        modified(&program) >= modified(&source(name)),
        "{} is not built from the newest source: `cargo build --profile test --examples` does, \
         and so does `cargo test`",
        program.display()
    );
    program
}

/// Returns the block of text in the first lines of an example.
fn promised(name: &str) -> String {
    let source = fs::read_to_string(source(name)).unwrap();
    let lines = source.lines().skip_while(|line| *line != "//! ```text").skip(1);
    let lines = lines.take_while(|line| *line != "//! ```");
    lines.map(|line| format!("{}\n", line.strip_prefix("//! ").unwrap())).collect()
}

/// Runs an example and returns what it printed.
fn run(name: &str, arguments: &[String]) -> String {
    let output = Command::new(program(name)).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} ended with {}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_prints_what_it_says() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let names = names();
    assert_eq!(names, ["batches", "client", "embed", "job_queue", "server"]);
    for name in names {
        let arguments = match &*name {
            "client" => vec![server.address.to_string()],
            _ => vec![],
        };
        let promised = promised(&name);
        assert!(!promised.is_empty(), "{name} does not say what it prints");
        assert_eq!(run(&name, &arguments), promised, "{name}");
    }
}

#[test]
fn an_example_without_a_server_fails_with_a_reason() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = Command::new(program("client")).arg(address.to_string()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&address.to_string()), "{said}");
}
