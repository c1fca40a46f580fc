//! Each rule finds what breaks it, and nothing else.

use super::imports::circles;
use super::rules::{long_files, long_lines, names_used_twice, types_defined_twice, vague_docs};
use super::source::TextFile;

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.to_owned(), text: text.to_owned() }
}

/// Checks that there is one finding, and that it begins with a place.
fn found(findings: &[String], place: &str) {
    assert!(
        matches!(findings, [finding] if finding.starts_with(&format!("{place}:"))),
        "{place} is not found in {findings:?}"
    );
}

#[test]
fn a_type_defined_twice_is_found() {
    let a =
        file("src/a.rs", "pub(crate) struct Node<T>(T);\nimpl X for Node {\n    type A = u8;\n}");
    let b = file("src/b.rs", "// enum Other\nenum Node {}\nimpl X for Y {\n    type A = u8;\n}");
    let c = file("src/c.rs", "enum Nodes {}\n#[cfg(test)]\nmod tests {\nstruct Node;\n}\n");
    found(&types_defined_twice(&[a, b, c]), "src/b.rs:2");
    let alias = file("src/a.rs", "pub type Node = u8;\ntrait Node {}");
    found(&types_defined_twice(&[alias]), "src/a.rs:2");
}

#[test]
fn a_vague_line_of_documentation_is_found() {
    let text = "//! The nouns.\n\n/// Returns what is there.\nfn a() {}\n// What follows is a \
                comment.\n\
                    /// Whether it is there.\nfn b() {}\n";
    let (findings, count) = vague_docs(&[file("src/a.rs", text)]);
    found(&findings, "src/a.rs:6");
    assert_eq!(count, 3);
}

#[test]
fn a_long_line_is_found() {
    let long = "x".repeat(101);
    found(
        &long_lines(&[file("src/a.rs", &format!("{}\n// {long}", "ä".repeat(100)))]),
        "src/a.rs:2",
    );
    found(&long_lines(&[file("a.md", &format!("a\n{long}"))]), "a.md:2");
    let fits = format!(
        "| {long} |\n```\n{long}\n```\n[a]: {long}\na [link](https://{long}) and [one](more/{long})"
    );
    assert_eq!(long_lines(&[file("a.md", &fits)]), Vec::<String>::new());
}

#[test]
fn a_file_name_used_twice_is_found() {
    let names = ["src/a/mod.rs", "src/a/b.rs", "src/a/b/mod.rs", "src/c/b.rs", "src/b.rs"];
    let mut files = names.map(|name| file(name, "")).to_vec();
    assert_eq!(names_used_twice(&files), Vec::<String>::new());
    files.push(file("src/a/d/b.rs", ""));
    found(&names_used_twice(&files), "src/a/d/b.rs");
}

#[test]
fn a_long_file_is_found() {
    let files = [file("src/a.rs", &"\n".repeat(500)), file("src/b.rs", &"\n".repeat(501))];
    found(&long_files(&files), "src/b.rs");
}

/// Returns the files that start a circle.
fn in_circles(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, text)| file(path, text)).collect();
    let circles = circles(&files);
    circles.iter().map(|circle| circle.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn two_files_that_use_each_other_are_found() {
    let a = ("src/a.rs", "use crate::{d::e, b::{c::C, B as Bee}};\npub struct A;");
    let b = ("src/b/mod.rs", "pub mod c;\npub struct B;\nfn f() -> crate::a::A { crate::a::A }");
    let c = ("src/b/c.rs", "pub struct C;");
    assert_eq!(in_circles(&[("src/lib.rs", ""), a, b, c]), ["src/a.rs", "src/b/mod.rs"]);
}

#[test]
fn a_circle_of_three_files_is_found_through_what_a_module_hands_on() {
    let root = ("src/lib.rs", "mod a;\npub use a::A;\npub use a::b::B;\n");
    let a = ("src/a/mod.rs", "mod b;\nmod c;\nmod d;\npub(crate) use b::B;\npub use self::c::*;");
    let b = ("src/a/b.rs", "use super::C;\npub struct B;");
    let c = ("src/a/c.rs", "use super::d;\npub struct C;\nfn f() { d::g::<u8>() }");
    let d = ("src/a/d.rs", "pub fn g<T>() { let _ = crate::a::B; }");
    let circles = in_circles(&[root, a, b, c, d]);
    assert_eq!(circles, ["src/a/b.rs", "src/a/c.rs", "src/a/d.rs"]);
}

#[test]
fn a_child_that_uses_its_parent_is_a_circle_only_if_the_parent_uses_it() {
    let root = ("src/lib.rs", "");
    let child = ("src/a/b.rs", "use super::A;\npub struct B;");
    let hands_on = ("src/a/mod.rs", "mod b;\npub use b::B;\npub struct A;");
    assert_eq!(in_circles(&[root, hands_on, child]), Vec::<String>::new());
    let uses = ("src/a/mod.rs", "mod b;\nuse b::B;\npub struct A(B);");
    assert_eq!(in_circles(&[root, uses, child]), ["src/a/mod.rs", "src/a/b.rs"]);
}

#[test]
fn comments_texts_tests_and_visibility_use_nothing() {
    let a = ("src/a.rs", "use crate::b::B;\npub struct A;");
    let b = (
        "src/b.rs",
        "// crate::a::A\npub(in crate::a) struct B<'a>(&'a str);\n/* crate::a::A */\n\
             const T: &str = \"\\\"crate::a::A\";\nconst R: &str = r#\"\"crate::a::A\"#;\n\
             const C: char = '\"'; // \" crate::a::A\n#[cfg(test)]\nmod tests {\nuse \
             crate::a::A;\n}\n",
    );
    assert_eq!(in_circles(&[("src/lib.rs", ""), a, b]), Vec::<String>::new());
}
