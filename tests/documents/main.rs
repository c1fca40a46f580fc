//! The documents are true where a program can tell: links, names of files and of code, bytes of the
//! protocol, tables of options, commands and planted mistakes.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod capabilities;
mod clients;
mod drill;
mod links;
mod protocol;
mod tool;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use kvs::option_table::OPTIONS;
use std::thread;
use std::time::Duration;

use kvs::{EngineKind, KvsServer, Options, ServerOptions, Store};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|e| panic!("{document}: {e}"))
}

/// Returns what is between back quotes in a text.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the part of a document below a heading.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// Serves an empty store from this process, and hands `talk` a connection to it.
fn serve(talk: impl FnOnce(&mut TcpStream)) {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).engine(EngineKind::Memory);
    let store = Store::open(options).unwrap();
    let server = KvsServer::bind("127.0.0.1:0", store, ServerOptions::default()).unwrap();
    let (address, stop) = (server.local_address().socket_address(), server.stop_handle());
    let running = thread::spawn(move || server.run());
    let mut stream = TcpStream::connect(address.unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    talk(&mut stream);
    drop(stream);
    stop.stop();
    running.join().unwrap().unwrap();
}

#[test]
fn every_redis_command_is_listed() {
    let page = read("docs/redis.md");
    let table = section(&page, "## Commands").lines().filter(|line| line.starts_with('|'));
    let mut listed: Vec<_> = table.flat_map(quoted).map(str::to_lowercase).collect();
    listed.sort();
    let mut commands = Vec::new();
    serve(|stream| {
        stream.write_all(b"COMMAND LIST\r\nQUIT\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        // A bar is between a container and its subcommand.
        let is_command = |line: &&str| !line.starts_with(['*', '$', '+']) && !line.contains('|');
        let lines = reply.lines().filter(is_command);
        commands.extend(lines.map(str::to_owned));
    });
    commands.sort();
    assert_eq!(listed, commands);
}

#[test]
fn the_tests_of_redis_that_pass_are_counted() {
    let list = read("tests/redis_suite/expected.txt");
    let (_, listed) = list.split_once("\n\nunit/").unwrap();
    let tests = listed.lines().filter(|line| line.contains(" | "));
    let passing = tests.clone().filter(|line| line.starts_with("passes | ")).count();
    let counts = format!("{passing} of {} pass", tests.count());
    assert!(read("docs/redis.md").contains(&counts), "docs/redis.md does not say that {counts}");
}

#[test]
fn every_planted_mistake_is_in_a_table() {
    let source = read("src/bugs.rs");
    let (_, list) = source.split_once("enum Bug {").unwrap();
    let (list, _) = list.split_once("\n}").unwrap();
    let mistakes: Vec<_> = list.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
    assert!(mistakes.len() > 50 && mistakes.iter().all(|name| !name.contains(' ')), "{mistakes:?}");
    let documents = read("docs/reliability.md") + &read("docs/models.md");
    let named = quoted(&documents);
    let missing: Vec<_> = mistakes.iter().filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "no document says what catches {missing:?}");
}

/// Returns the long options in a text, but for those that every program has.
fn flags(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_flag = |word: &&str| word.strip_prefix("--").is_some_and(|name| !name.starts_with('-'));
    let flags = words.filter(|word| is_flag(word) && word.len() > 2);
    let mut flags: Vec<_> = flags.filter(|flag| !["--help", "--version"].contains(flag)).collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}

#[test]
fn the_table_of_options_has_those_of_the_server() {
    let help = Command::new(env!("CARGO_BIN_EXE_kvs-server")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let readme = read("README.md");
    let rows = section(&readme, "## Options").lines().filter(|line| line.starts_with('|'));
    let names: Vec<_> = rows.map(|row| row.split(" | ").next().unwrap()).collect();
    assert_eq!(flags(&names.join("\n")), flags(&help));
}

#[test]
fn the_table_of_all_options_is_that_of_the_source() {
    let quoted = |name: &str| if name.is_empty() { String::new() } else { format!("`{name}`") };
    let document = read("docs/server.md");
    let documented: Vec<_> = section(&document, "## All options")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(str::to_owned)
        .collect();
    let rows = OPTIONS.iter().map(|row| {
        let config: Vec<_> = row.config.iter().map(|name| quoted(name)).collect();
        let flag = quoted(row.flag.unwrap_or_default());
        let (config, default) = (config.join(" "), row.default);
        format!("| `{}` | {flag} | {config} | {default} | {} |", row.name, row.change)
    });
    assert_eq!(documented, rows.collect::<Vec<_>>());
}

#[test]
fn the_table_of_all_options_has_the_flags_of_the_server() {
    let help = Command::new(env!("CARGO_BIN_EXE_kvs-server")).arg("--help").output().unwrap();
    let named: Vec<_> = OPTIONS.iter().filter_map(|row| row.flag).collect();
    assert_eq!(flags(&named.join(" ")), flags(&String::from_utf8(help.stdout).unwrap()));
}
