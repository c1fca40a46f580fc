//! The documents are true where a program can tell: links, names of files and of code, bytes of the
//! protocol.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Bound;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use kvs::protocol::native::{
    Answer, BatchItem, Bytes, Condition, Entry, Failure, FailureKind, Operation, Request,
    VersionedValue,
};
use kvs::{EngineKind, KvsServer, Options, ServerOptions, Store};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|e| panic!("{document}: {e}"))
}

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

const PROTOCOL: &str = "docs/protocol.md";

fn hexadecimal(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let parse = |byte| u8::from_str_radix(byte, 16).unwrap_or_else(|e| panic!("{byte}: {e}"));
    hexadecimal.split_whitespace().map(parse).collect()
}

/// A server in this process over an empty store.
fn serve(talk: impl FnOnce(&mut TcpStream)) {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).engine(EngineKind::Memory);
    let store = Store::open(options).unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let server = KvsServer::bind(address, store, ServerOptions::default()).unwrap();
    let (address, stop) = (server.local_address(), server.stop_handle());
    let running = thread::spawn(move || server.run());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    talk(&mut stream);
    drop(stream);
    stop.stop();
    running.join().unwrap().unwrap();
}

#[test]
fn a_server_answers_as_the_conversation_says() {
    let page = read(PROTOCOL);
    let block = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let lines: Vec<_> = block.lines().map(|line| line.split_at(2)).collect();
    assert!(lines.len() >= 8, "{block}");
    serve(|stream| {
        for (speaker, said) in lines {
            let expected = bytes(said);
            match speaker {
                "C " => stream.write_all(&expected).unwrap(),
                "S " => {
                    let mut answer = vec![0; expected.len()];
                    stream.read_exact(&mut answer).unwrap();
                    assert_eq!(hexadecimal(&answer), said);
                }
                _ => panic!("{speaker:?} is neither C nor S"),
            }
        }
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(hexadecimal(&rest), "", "the server said more than the page");
    });
}

/// A row of a table: `| number | name … | … | bytes |`.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    number: u8,
    name: String,
    bytes: String,
}

/// Returns the row of a value, whose name is the first word that it is printed with.
fn row<T>(value: &T) -> Row
where
    T: std::fmt::Debug + PartialEq + Serialize + Deserialize<'static>,
{
    // Decoding borrows from the bytes.
    let encoded: &'static [u8] = postcard::to_stdvec(value).unwrap().leak();
    assert_eq!(&postcard::from_bytes::<T>(encoded).unwrap(), value);
    let printed = format!("{value:?}");
    let name = printed.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned();
    Row { number: encoded[0], name, bytes: hexadecimal(encoded) }
}

/// Returns the rows of a page that end with bytes, in their order.
fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in page.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", number, name, .., bytes, ""] = &*cells else {
            continue;
        };
        let quoted = |cell: &str| Some(cell.strip_prefix('`')?.split_once('`')?.0.to_owned());
        if let (Ok(number), Some(name), Some(bytes)) = (number.parse(), quoted(name), quoted(bytes))
        {
            rows.push(Row { number, name, bytes });
        }
    }
    rows
}

fn key() -> Bytes<'static> {
    Bytes::from(b"k")
}

fn value() -> Bytes<'static> {
    Bytes::from(b"v")
}

fn operations() -> Vec<Operation<'static>> {
    vec![
        Operation::Ping,
        Operation::Get { key: key() },
        Operation::GetMany { keys: vec![key(), Bytes::from(b"")] },
        Operation::Set { key: key(), value: Bytes::from(b"vv"), expires_at: Some(300) },
        Operation::Remove { key: key() },
        Operation::Contains { key: key() },
        Operation::Batch { items: Vec::new() },
        Operation::GetVersioned { key: key() },
        Operation::Scan {
            start: Bound::Included(key()),
            end: Bound::Unbounded,
            reverse: true,
            limit: 128,
            keys_only: false,
        },
        Operation::Count,
        Operation::Sync,
        Operation::Clear,
        Operation::Info,
    ]
}

fn answers() -> Vec<Answer<'static>> {
    let versioned = VersionedValue { value: value(), version: 7, expires_at: Some(300) };
    let entries = vec![
        Entry { key: Bytes::from(b"a"), value: Some(value()) },
        Entry { key: Bytes::from(b"b"), value: None },
    ];
    vec![
        Answer::Done,
        Answer::Value(Some(value())),
        Answer::Values(vec![None, Some(value())]),
        Answer::Removed(true),
        Answer::Flag(false),
        Answer::Versioned(Some(versioned)),
        Answer::Applied { version: 300 },
        Answer::Entries { entries, more: true },
        Answer::Number(3),
        Answer::Text("hi".to_owned()),
    ]
}

#[test]
fn the_tables_of_the_protocol_hold_the_bytes_of_every_message() {
    let items = [
        BatchItem::Set { key: key(), value: value(), expires_at: None },
        BatchItem::Remove { key: key() },
        BatchItem::Require { key: key(), condition: Condition::Present },
    ];
    let conditions =
        [Condition::Absent, Condition::Present, Condition::Value(value()), Condition::Version(5)];
    let bounds = [Bound::Unbounded, Bound::Included(key()), Bound::Excluded(key())];
    let mut expected: Vec<Row> = operations().iter().map(row).collect();
    expected.extend(items.iter().map(row));
    expected.extend(conditions.iter().map(row));
    expected.extend(bounds.iter().map(row));
    expected.extend(answers().iter().map(row));
    let found = rows(&read(PROTOCOL));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn the_tables_of_the_protocol_leave_no_message_out() {
    // A variant that there is decodes from zeros, which are more than it takes.
    let zeros = [0; 64];
    let is_known = |prefix: &[u8]| {
        let body = [prefix, &zeros].concat();
        let decoded = Request::decode(&body);
        matches!(decoded, Err(kvs::protocol::ProtocolError::MessageTrailed { .. }))
    };
    let count = |prefix: &[u8]| {
        let number = |number: u8| is_known(&[prefix, &[number]].concat());
        (0..u8::MAX).take_while(|n| number(*n)).count()
    };
    assert_eq!(count(&[1]), operations().len());
    // Inside of a batch of one item, and of the condition of an item about the empty key.
    assert_eq!(count(&[1, 6, 1]), 3, "batch items");
    assert_eq!(count(&[1, 6, 1, 2, 0]), 4, "conditions");
    assert_eq!(count(&[1, 8]), 3, "bounds");
    let mut answer = 0;
    while postcard::take_from_bytes::<Answer<'_>>(&[&[answer], &zeros[..]].concat()).is_ok() {
        answer += 1;
    }
    assert_eq!(usize::from(answer), answers().len());
}

#[test]
fn the_protocol_names_every_kind_of_failure() {
    let page = read(PROTOCOL);
    let mut code = 1;
    while !matches!(FailureKind::from(code), FailureKind::Unknown(_)) {
        let row = format!("| {code} | `{:?}` | ", FailureKind::from(code));
        assert_eq!(page.matches(&row).count(), 1, "{row}");
        code += 1;
    }
    assert!(code > 10 && !page.contains(&format!("\n| {code} |")), "{code} is no failure");
    let failure = Failure { kind: FailureKind::ConditionFailed, message: "no".to_owned() };
    let example = format!(
        "Kind 3 with the text `no` is `{}`.",
        hexadecimal(&postcard::to_stdvec(&failure).unwrap())
    );
    assert!(page.contains(&example), "{example}");
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

#[test]
fn every_redis_command_is_listed() {
    let page = read("docs/server.md");
    let table = section(&page, "## Redis commands").lines().filter(|line| line.starts_with('|'));
    let mut listed: Vec<_> = table.flat_map(quoted).map(str::to_lowercase).collect();
    listed.sort();
    let mut commands = Vec::new();
    serve(|stream| {
        stream.write_all(b"COMMAND LIST\r\nQUIT\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let lines = reply.lines().filter(|line| !line.starts_with(['*', '$', '+']));
        commands.extend(lines.map(str::to_owned));
    });
    commands.sort();
    assert_eq!(listed, commands);
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
