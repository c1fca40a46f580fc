//! Exports in any pieces, in both formats, and the replies of a Redis server.

use std::io::{BufReader, Read, Result};

use super::input::Input;
use super::native::pieces;
use crate::protocol::resp::{ReplyPart, Value, Version};
use crate::transfer::{
    EntrySource, ExportedEntry, ImportedEntry, JsonLinesReader, RespStreamReader, SourceItem,
    TransferFormat,
};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.choose(5);
    if choice == 0 {
        return check_replies(input.rest());
    }
    let format = if choice < 4 { TransferFormat::JsonLines } else { TransferFormat::Resp };
    let limit = if input.flag() { 1 << 20 } else { input.choose(100) };
    let pieces = pieces(&mut input);
    check_export(input.rest(), format, limit, &pieces);
}

/// A reader that returns bytes in pieces.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let size = self.sizes.next().copied().unwrap_or(1).min(buffer.len()).min(self.rest.len());
        let (piece, rest) = self.rest.split_at(size);
        buffer[..size].copy_from_slice(piece);
        self.rest = rest;
        Ok(size)
    }
}

/// The items of an export, and the error that ended it.
type Told = (Vec<SourceItem>, Option<String>);

fn read(bytes: &[u8], format: TransferFormat, limit: usize, pieces: &[usize]) -> Told {
    let input = Pieces { rest: bytes, sizes: pieces.iter().cycle() };
    let mut source: Box<dyn EntrySource> = match format {
        TransferFormat::JsonLines => {
            Box::new(JsonLinesReader::new(BufReader::with_capacity(16, input), limit))
        }
        TransferFormat::Resp => Box::new(RespStreamReader::new(input)),
    };
    let mut items = Vec::new();
    loop {
        match source.next() {
            Ok(Some(item)) => items.push(item),
            Ok(None) => return (items, None),
            Err(error) => {
                let error = error.to_string();
                assert!(error.len() < 2000, "a long message about {} bytes", bytes.len());
                return (items, Some(error));
            }
        }
    }
}

/// Checks that an export says the same in any pieces, and again when it is written as it was read.
fn check_export(bytes: &[u8], format: TransferFormat, limit: usize, pieces: &[usize]) {
    let whole = read(bytes, format, limit, &[bytes.len().max(1)]);
    assert_eq!(read(bytes, format, limit, pieces), whole);
    let (items, _) = whole;
    let (mut names, mut out, mut keys) = (Vec::new(), Vec::new(), 0);
    for item in &items {
        match item {
            SourceItem::Keyspace(name) => names.push(name.clone()),
            SourceItem::Entry(_) => keys += 1,
            SourceItem::OtherType(name) => panic!("an export has type {name}"),
        }
    }
    format.encode_start(&names, &mut out).unwrap();
    for item in &items {
        if let SourceItem::Entry(entry) = item {
            let ImportedEntry { keyspace, key, value, expires_at } = entry;
            let (keyspace, expires_at) = (keyspace.as_deref(), *expires_at);
            let entry = ExportedEntry { keyspace, key, value, expires_at };
            format.encode_entry(entry, &mut out).unwrap();
        }
    }
    format.encode_end(keys, &mut out).unwrap();
    assert_eq!(read(&out, format, 1 << 20, pieces), (items, None), "written again");
}

/// Checks that a part of a reply is there at its last byte and not before, and is what it is
/// encoded from.
fn check_replies(mut bytes: &[u8]) {
    const LIMIT: usize = 1000;
    while let Ok(Some((part, length))) = ReplyPart::parse(bytes, LIMIT) {
        assert!(length > 0 && length <= bytes.len());
        for cut in 0..length {
            assert_eq!(ReplyPart::parse(&bytes[..cut], LIMIT), Ok(None), "{cut} of {length} bytes");
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let value = match part {
            ReplyPart::Simple(line) => text(line).map(|line| Value::Simple(line.into())),
            ReplyPart::Error(line) => text(line).map(|line| Value::Error(line.into())),
            ReplyPart::Integer(number) => Some(Value::Integer(number)),
            ReplyPart::Bulk(bytes) => Some(Value::Bulk(bytes.to_vec())),
            ReplyPart::Null | ReplyPart::Array(_) => None,
        };
        if let Some(value) = value {
            let mut encoded = Vec::new();
            value.encode(Version::Resp2, &mut encoded);
            assert_eq!(encoded, bytes[..length]);
        }
        bytes = &bytes[length..];
    }
}
