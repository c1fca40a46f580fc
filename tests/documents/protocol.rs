//! docs/protocol.md holds the bytes of every message, and a server answers as it says.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::ops::Bound;

use kvs::protocol::ProtocolError;
use kvs::protocol::native::{
    BackupState, BackupStep, BatchCondition, BatchItem, BatchReads, ByteString, Failure,
    FailureKind, KeyRead, Place, RequestMessage, RequestOperation, ScanEntry, Success,
    VersionedValue, WatchPosition, WatchedChange,
};
use serde::{Deserialize, Serialize};

use super::{read, serve};

const PROTOCOL: &str = "docs/protocol.md";

fn hexadecimal(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let parse = |byte| u8::from_str_radix(byte, 16).unwrap_or_else(|e| panic!("{byte}: {e}"));
    hexadecimal.split_whitespace().map(parse).collect()
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
        stream.shutdown(Shutdown::Write).unwrap();
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

fn key() -> ByteString<'static> {
    ByteString::from(b"k")
}

fn value() -> ByteString<'static> {
    ByteString::from(b"v")
}

fn name() -> String {
    "ks".to_owned()
}

fn operations() -> Vec<RequestOperation<'static>> {
    vec![
        RequestOperation::Ping,
        RequestOperation::Get { key: key() },
        RequestOperation::GetMany { keys: vec![key(), ByteString::from(b"")] },
        RequestOperation::Set {
            key: key(),
            value: ByteString::from(b"vv"),
            expires_at: Some(300),
            sync: Some(true),
        },
        RequestOperation::Remove { key: key(), sync: None },
        RequestOperation::Contains { key: key() },
        RequestOperation::batch(Vec::new()),
        RequestOperation::GetVersioned { key: key() },
        RequestOperation::Scan {
            start: Bound::Included(key()),
            end: Bound::Unbounded,
            reverse: true,
            limit: 128,
            keys_only: false,
        },
        RequestOperation::Count,
        RequestOperation::Sync,
        RequestOperation::Clear,
        RequestOperation::Info,
        RequestOperation::Authenticate { password: ByteString::from(b"pw") },
        RequestOperation::OpenKeyspace { name: name(), create: true },
        RequestOperation::ListKeyspaces,
        RequestOperation::RenameKeyspace { from: name(), to: "b".to_owned() },
        RequestOperation::SwapKeyspaces { first: name(), second: "b".to_owned() },
        RequestOperation::DropKeyspace { name: name() },
        RequestOperation::Increment { key: key(), amount: -2, sync: None },
        RequestOperation::Append { key: key(), suffix: value(), sync: None },
        RequestOperation::Swap { key: key(), value: value(), sync: None },
        RequestOperation::Take { key: key(), sync: None },
        RequestOperation::Expire { key: key(), expires_at: 300, sync: None },
        RequestOperation::Persist { key: key(), sync: None },
        RequestOperation::RemoveRange {
            start: Bound::Included(key()),
            end: Bound::Unbounded,
            sync: None,
        },
        RequestOperation::CountRange { start: Bound::Included(key()), end: Bound::Unbounded },
        RequestOperation::Watch {
            start: Bound::Included(key()),
            end: Bound::Unbounded,
            after: Some(WatchPosition { run: 300, version: 7 }),
        },
        RequestOperation::OpenSnapshot,
        RequestOperation::CloseSnapshot,
        RequestOperation::BeginBackup { name: Some(name()) },
        RequestOperation::BackupState,
    ]
}

fn answers() -> Vec<Success<'static>> {
    let versioned = VersionedValue { value: value(), version: 7, expires_at: Some(300) };
    let entries = vec![
        ScanEntry { key: ByteString::from(b"a"), value: Some(value()) },
        ScanEntry { key: ByteString::from(b"b"), value: None },
    ];
    vec![
        Success::Done,
        Success::Value(Some(value())),
        Success::Values(vec![None, Some(value())]),
        Success::Removed(true),
        Success::Flag(false),
        Success::Versioned(Some(versioned)),
        Success::Applied { version: 300 },
        Success::Entries { entries, more: true },
        Success::Number(3),
        Success::Text("hi".to_owned()),
        Success::Names(vec!["a".to_owned(), "bc".to_owned()]),
        Success::Integer(-2),
        Success::Watching(WatchPosition { run: 300, version: 7 }),
        Success::Changes { version: 300, changes: vec![WatchedChange::Removed { key: key() }] },
        Success::Missed { first: 3, last: 300 },
        Success::Backup(Some(BackupState {
            name: name(),
            step: BackupStep::Copying { bytes_done: 1, bytes_total: 300 },
        })),
    ]
}

fn steps() -> Vec<BackupStep> {
    let (bytes_done, bytes_total) = (1, 300);
    vec![
        BackupStep::Copying { bytes_done, bytes_total },
        BackupStep::Verifying { bytes_done, bytes_total },
        BackupStep::Finished {
            segments: 1,
            keys: 2,
            version: 3,
            bytes_copied: 4,
            bytes_linked: 5,
            bytes_kept: 6,
        },
        BackupStep::Failed(Failure { kind: FailureKind::Full, message: "no".to_owned() }),
    ]
}

fn changes() -> Vec<WatchedChange<'static>> {
    vec![
        WatchedChange::Set { key: key(), value: value(), expires_at: None },
        WatchedChange::Removed { key: key() },
        WatchedChange::Expired { key: key() },
        WatchedChange::RangeRemoved { start: key(), end: Some(ByteString::from(b"l")) },
        WatchedChange::Cleared,
        WatchedChange::Dropped,
    ]
}

#[test]
fn the_tables_of_the_protocol_hold_the_bytes_of_every_message() {
    let places = [
        Place::Default,
        Place::Keyspace(name().into()),
        Place::Snapshot,
        Place::KeyspaceSnapshot(name().into()),
    ];
    let items = [
        BatchItem::Set { key: key(), value: value(), expires_at: None },
        BatchItem::Remove { key: key() },
        BatchItem::Require { key: key(), condition: BatchCondition::Present },
        BatchItem::On { name: Some(name()) },
        BatchItem::Increment { key: key(), amount: -2 },
        BatchItem::Append { key: key(), suffix: value() },
        BatchItem::Expire { key: key(), expires_at: 300 },
        BatchItem::Persist { key: key() },
        BatchItem::RemoveRange { start: Bound::Included(key()), end: Bound::Unbounded },
    ];
    let conditions = [
        BatchCondition::Absent,
        BatchCondition::Present,
        BatchCondition::Value(value()),
        BatchCondition::Version(5),
    ];
    let bounds = [Bound::Unbounded, Bound::Included(key()), Bound::Excluded(key())];
    let mut expected: Vec<Row> = places.iter().map(row).collect();
    expected.extend(operations().iter().map(row));
    expected.extend(items.iter().map(row));
    expected.extend(conditions.iter().map(row));
    expected.extend(bounds.iter().map(row));
    expected.extend(answers().iter().map(row));
    expected.extend(steps().iter().map(row));
    expected.extend(changes().iter().map(row));
    let found = rows(&read(PROTOCOL));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn the_example_of_a_commit_is_one() {
    let reads = BatchReads {
        version: 7,
        keys: vec![KeyRead { keyspace: 0, key: key(), was_there: true }],
        ..BatchReads::default()
    };
    let commit = RequestOperation::Batch { items: Vec::new(), reads: Some(reads), sync: None };
    let example = format!("`{}`.", hexadecimal(&postcard::to_stdvec(&commit).unwrap()));
    assert!(read(PROTOCOL).contains(&example), "{example}");
}

#[test]
fn the_tables_of_the_protocol_leave_no_message_out() {
    // A variant that there is decodes from zeros, which are more than it takes.
    let zeros = [0; 64];
    let is_known = |prefix: &[u8]| {
        let body = [prefix, &zeros].concat();
        let decoded = RequestMessage::decode(&body);
        matches!(decoded, Err(ProtocolError::MessageTrailed { .. }))
    };
    let count = |prefix: &[u8]| {
        let number = |number: u8| is_known(&[prefix, &[number]].concat());
        (0..u8::MAX).take_while(|n| number(*n)).count()
    };
    assert_eq!(count(&[1]), 4, "places");
    assert_eq!(count(&[1, 0]), operations().len());
    // Inside of a batch of one item, and of the condition of an item about the empty key.
    assert_eq!(count(&[1, 0, 6, 1]), 9, "batch items");
    assert_eq!(count(&[1, 0, 6, 1, 2, 0]), 4, "conditions");
    assert_eq!(count(&[1, 0, 8]), 3, "bounds");
    let mut answer = 0;
    while postcard::take_from_bytes::<Success<'_>>(&[&[answer], &zeros[..]].concat()).is_ok() {
        answer += 1;
    }
    assert_eq!(usize::from(answer), answers().len());
    let mut change = 0;
    while postcard::take_from_bytes::<WatchedChange<'_>>(&[&[change], &zeros[..]].concat()).is_ok()
    {
        change += 1;
    }
    assert_eq!(usize::from(change), changes().len());
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
    // A failure has three cells, as no other row has.
    let is_failure =
        |line: &str| line.starts_with(&format!("| {code} |")) && line.matches('|').count() == 4;
    assert!(code > 10 && !page.lines().any(is_failure), "{code} is no failure");
    let failure = Failure { kind: FailureKind::ConditionFailed, message: "no".to_owned() };
    let example = format!(
        "Kind 3 with the text `no` is `{}`.",
        hexadecimal(&postcard::to_stdvec(&failure).unwrap())
    );
    assert!(page.contains(&example), "{example}");
}
