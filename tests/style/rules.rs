//! The rules of style that a program can count. Each returns a line for every place that breaks it.

use std::collections::BTreeMap;

use super::source::TextFile;

/// The longest line, in characters.
const COLUMNS_MAX: usize = 100;

/// The most lines of a file of production code.
const LINES_MAX: usize = 500;

/// First words of a doc line that paraphrases where it should name.
const VAGUE: &[&str] = &["What", "How", "Whether", "Where", "Which", "Who"];

/// Types that are defined several times on purpose, with the reason.
const SAME_TYPE: &[(&str, &str)] = &[
    ("Swap", "one type, made of three things by the three faces of `src/sync`"),
    ("CommandLine", "the command line of each of the three programs"),
];

/// Places that may have longer lines, with the reason.
const LONG_LINES: &[(&str, &str)] = &[
    ("src/server/command/table.rs", "a row for each command"),
    ("docs/benchmarks.md", "written by the benchmark itself"),
];

/// Returns the places after the first that define a type of the same name.
pub fn types_defined_twice(files: &[TextFile]) -> Vec<String> {
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in (1..).zip(file.without_tests().lines()) {
            let Some(name) = defined_type(line) else {
                continue;
            };
            if SAME_TYPE.iter().any(|(exempt, _)| *exempt == name) {
                continue;
            }
            let place = format!("{}:{number}", file.path);
            match first.get(name) {
                Some(other) => findings
                    .push(format!("{place}: {other} defines `{name}` as well: rename one of them")),
                None => drop(first.insert(name, place)),
            }
        }
    }
    findings
}

/// Returns the name of the type that a line defines. An indented `type` is an associated one.
fn defined_type(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let code = match code.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1.trim_start(),
        Some(rest) => rest.trim_start(),
        None => code,
    };
    let (keyword, rest) = code.split_once(' ')?;
    match keyword {
        "struct" | "enum" | "trait" | "union" => {}
        "type" if !line.starts_with(' ') => {}
        _ => return None,
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    (end > 0).then_some(&rest[..end])
}

/// Returns the lines of documentation that begin with a question word, and the number of all.
pub fn vague_docs(files: &[TextFile]) -> (Vec<String>, usize) {
    let mut findings = Vec::new();
    let mut count = 0;
    for file in files {
        for (number, line) in (1..).zip(file.text.lines()) {
            let line = line.trim_start();
            let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
                continue;
            };
            count += 1;
            let words: Vec<_> = doc.split_whitespace().take(8).collect();
            let first = words.first().copied().unwrap_or_default();
            if VAGUE.contains(&first.trim_end_matches(|c: char| !c.is_alphabetic())) {
                let start = words.join(" ");
                findings.push(format!(
                    "{}:{number}: \"{start}\": begin with a verb (\"Returns\") or with a noun",
                    file.path
                ));
            }
        }
    }
    (findings, count)
}

/// Returns the lines that are too long. Tables and fenced output of documents are not looked at.
pub fn long_lines(files: &[TextFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !LONG_LINES.iter().any(|(path, _)| file.path == *path)) {
        let is_document = file.path.ends_with(".md");
        let mut is_fenced = false;
        for (number, line) in (1..).zip(file.text.lines()) {
            let comment = line.trim_start().trim_start_matches(['/', '!']).trim_start();
            is_fenced ^= is_document && comment.starts_with("```");
            let is_table = (is_document || comment.len() < line.len()) && comment.starts_with('|');
            if is_fenced || is_table || is_link_target(comment) {
                continue;
            }
            let columns = without_targets(line).chars().count();
            if columns > COLUMNS_MAX {
                findings.push(format!(
                    "{}:{number}: {columns} columns: break it at {COLUMNS_MAX}",
                    file.path
                ));
            }
        }
    }
    findings
}

/// Returns true for the line `[name]: target`, which cannot be broken.
fn is_link_target(line: &str) -> bool {
    line.starts_with('[') && line.split_once("]: ").is_some_and(|(_, target)| !target.contains(' '))
}

/// Returns a line without the targets of its links, which are not shown.
fn without_targets(line: &str) -> String {
    let mut parts = line.split("](");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push(']');
        kept.push_str(part.split_once(')').map_or(part, |(_, behind)| behind));
    }
    kept
}

/// Returns the files of a layer, a folder of `src/`, that have the name of an earlier one.
pub fn names_used_twice(files: &[TextFile]) -> Vec<String> {
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for file in files {
        let Some((layer, path)) = file.source_path().and_then(|path| path.split_once('/')) else {
            continue;
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        // Each program has a `main.rs`.
        if name == "mod.rs" || name == "main.rs" {
            continue;
        }
        if let Some(other) = first.insert((layer, name), &file.path) {
            findings.push(format!("{}: {other} has the same name: rename one of them", file.path));
        }
    }
    findings
}

/// Returns the files that have too many lines.
pub fn long_files(files: &[TextFile]) -> Vec<String> {
    let lengths = files.iter().map(|file| (file, file.text.lines().count()));
    let long = lengths.filter(|(_, length)| *length > LINES_MAX);
    let finding = |(file, length): (&TextFile, usize)| {
        format!("{}: {length} lines, at most {LINES_MAX}: split it by noun", file.path)
    };
    long.map(finding).collect()
}
