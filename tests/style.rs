//! The style of the source, as far as a program can count it: names, lines, sizes and circles.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "style/imports.rs"]
mod imports;
#[path = "style/planted.rs"]
mod planted;
#[path = "style/rules.rs"]
mod rules;
#[path = "common/source.rs"]
mod source;
#[path = "style/tokens.rs"]
mod tokens;

use source::{TextFile, files};

/// Folders with Rust code. `fuzz/` and `benches/peers/` are crates of their own.
const CODE: &[&str] = &["src", "tests", "benches", "loom-tests", "examples", "fuzz"];

/// Fails if places break a rule.
fn check(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}: {} places:\n{}", findings.len(), findings.join("\n"));
}

fn production() -> Vec<TextFile> {
    let files: Vec<_> = files(&["src"], "rs").into_iter().filter(TextFile::is_production).collect();
    assert!(files.len() > 100, "the source was not found");
    files
}

#[test]
fn every_type_has_a_name_of_its_own() {
    check("types defined twice", &rules::types_defined_twice(&production()));
}

#[test]
fn documentation_names_what_it_is_about() {
    for folder in CODE {
        let (findings, count) = rules::vague_docs(&files(&[folder], "rs"));
        // A sentence may go on with such a word at the beginning of a line.
        if findings.len() * 100 > count {
            check(&format!("vague documentation in {folder}/"), &findings);
        }
    }
}

#[test]
fn lines_end_at_100_columns() {
    let code = files(CODE, "rs");
    check("long lines of code", &rules::long_lines(&code));
    let documents = files(&["docs", "fuzz", "benches"], "md").into_iter();
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    let documents: Vec<_> = documents.chain(top.map(source::file)).collect();
    check("long lines of documents", &rules::long_lines(&documents));
}

#[test]
fn every_file_of_a_layer_has_a_name_of_its_own() {
    check("file names used twice", &rules::names_used_twice(&production()));
}

#[test]
fn files_are_short() {
    check("long files", &rules::long_files(&production()));
}

#[test]
fn no_file_uses_itself_through_others() {
    // The parts for tests, fuzzing and model checkers belong to the structure too.
    let source = files(&["src"], "rs").into_iter().filter(|file| !file.is_tests());
    check("circles of files", &imports::circles(&source.collect::<Vec<_>>()));
}
