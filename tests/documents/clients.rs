//! The table of clients that are tried has their versions and programs.

use std::fs;

use serde_json::Value;

use super::{quoted, read, root, section};

/// Returns the packages that the lists of versions install for their own sake, with versions.
fn pinned() -> Vec<(String, String)> {
    let mut pinned = Vec::new();
    let mut pin = |name: &str, version: &str| pinned.push((name.to_owned(), version.to_owned()));
    let python = read("tests/clients/requirements.txt");
    let (direct, _) = python.split_once("# What these need.").unwrap();
    for (name, version) in direct.lines().filter_map(|line| line.split_once("==")) {
        pin(name, version);
    }
    let javascript: Value = serde_json::from_str(&read("tests/clients/package.json")).unwrap();
    for (name, version) in javascript["dependencies"].as_object().unwrap() {
        // A second version of a package has another name here.
        let version = version.as_str().unwrap();
        let other = version.strip_prefix("npm:").and_then(|other| other.rsplit_once('@'));
        let (name, version) = other.unwrap_or((name, version));
        pin(name, version);
    }
    let rust = read("tests/clients/rust/Cargo.toml");
    for line in rust.lines() {
        if let Some((name, rest)) = line.split_once(" = { version = \"=") {
            pin(name, rest.split('"').next().unwrap());
        }
    }
    pinned
}

/// Returns the table below its heading.
fn table() -> String {
    let page = read("docs/redis.md");
    let lines = section(&page, "## Clients that are tried").lines();
    lines.filter(|line| line.starts_with('|')).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_client_that_is_tried_is_listed_with_its_version() {
    let table = table();
    let cells: Vec<_> = table.lines().filter_map(|row| row.split('|').nth(2)).collect();
    let mut listed = Vec::new();
    for cell in cells {
        for name in quoted(cell) {
            let (_, behind) = cell.split_once(&format!("`{name}` ")).unwrap();
            let versions = behind.split([',', '`']).next().unwrap().split(" and ");
            listed.extend(versions.map(|version| (name.to_owned(), version.trim().to_owned())));
        }
    }
    listed.sort();
    listed.dedup();
    let mut pinned = pinned();
    pinned.sort();
    assert_eq!(listed, pinned);
}

#[test]
fn every_program_that_tries_a_client_is_listed() {
    let table = table();
    let mut count = 0;
    for folder in ["python", "javascript", "rust/src/bin", "php", "shell"] {
        let folder = format!("tests/clients/{folder}");
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.contains('.') && !name.starts_with("common.") {
                count += 1;
                assert!(table.contains(&format!("[{name}](../{folder}/{name})")), "{name}");
            }
        }
    }
    assert_eq!(table.lines().count(), count + 2);
}
