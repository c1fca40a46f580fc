//! Links lead somewhere, and paths and names are those of the source.

use std::fs;

use super::{read, root};

/// Returns the documents of the repository by their paths.
fn documents() -> Vec<String> {
    let mut documents = Vec::new();
    for folder in [".", "docs", "fuzz"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                documents.push(format!("{folder}/{name}"));
            }
        }
    }
    assert!(documents.len() > 5, "the documents were not found: {documents:?}");
    documents.sort();
    documents
}

/// Returns the targets of the links and pictures in a text, but for those on the web.
fn relative_links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in text.lines() {
        // `](target)`, and `[name]: target` at the start of a line.
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.extend(inline.map(|(target, _)| target.to_owned()));
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            links.push(target.trim().to_owned());
        }
    }
    links.retain(|link| !link.contains("://") && !link.starts_with("mailto:"));
    links
}

/// Returns the anchor that a heading gets where the documents are shown.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for document in documents() {
        let folder = root().join(&document).parent().unwrap().to_owned();
        for link in relative_links(&read(&document)) {
            count += 1;
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => root().join(&document),
                path => folder.join(path),
            };
            if !target.exists() {
                broken.push(format!("{document}: {link}"));
            } else if !fragment.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                if !headings.map(anchor).any(|anchor| anchor == fragment) {
                    broken.push(format!("{document}: {link} has no such heading"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count > 20, "only {count} links were found");
}

/// Returns the words of a text that look like paths of the repository's source.
fn source_paths(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    let words = text.split(|c| !is_part(c)).map(|word| word.trim_end_matches(['.', '/']));
    let folders = ["src/", "tests/", "loom-tests/", "benches/", "examples/", "docs/"];
    words.filter(|word| folders.iter().any(|folder| word.starts_with(folder))).collect()
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut missing = Vec::new();
    let mut count = 0;
    for document in documents() {
        for path in source_paths(&read(&document)) {
            count += 1;
            if !root().join(path).exists() {
                missing.push(format!("{document} names {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(count > 50, "only {count} paths were found");
}

/// Tells if a source file defines a name: as an item, or as a variant of an enum.
fn defines(source: &str, name: &str) -> bool {
    let items = ["fn", "struct", "enum", "trait", "type", "const", "static"];
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let is_item = |line: &str| {
        let item = |item| line.split_once(&format!("{item} {name}"));
        items.iter().any(|keyword| item(*keyword).is_some_and(|(_, rest)| is_end(rest)))
    };
    let is_variant = |line: &str| {
        line.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty()
                || rest.starts_with([',', '(', '='])
                || rest.starts_with(" {")
                || rest.starts_with(" =")
        })
    };
    source.lines().map(str::trim_start).any(|line| is_item(line) || is_variant(line))
}

#[test]
fn the_architecture_links_names_to_the_files_that_define_them() {
    let page = read("docs/architecture.md");
    let mut wrong = Vec::new();
    let mut count = 0;
    for link in page.split("[`").skip(1) {
        let Some((name, rest)) = link.split_once("`](../") else {
            continue;
        };
        let (path, _) = rest.split_once(')').unwrap();
        if name.contains(['/', '.']) || !path.starts_with("src/") || path.ends_with("tests.rs") {
            continue;
        }
        let source = read(path);
        count += 1;
        if !name.split("::").all(|part| source.contains(part)) {
            wrong.push(format!("{path} does not know {name}"));
        } else if !defines(&source, name.rsplit("::").next().unwrap()) {
            wrong.push(format!("{path} does not define {name}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 80, "only {count} names were found");
}
