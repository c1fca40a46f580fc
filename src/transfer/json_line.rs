//! The lines of an export in JSON Lines.
//!
//! ```text
//! {"format":"kvs-export","version":1,"keyspaces":["users"]}
//! {"key":"a","value":"1"}
//! {"key":"b","value_base64":"/w==","expires_at":1764000000000}
//! {"keyspace":"users","key":"alice","value":""}
//! {"keys":3}
//! ```

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::entry::{ExportedEntry, ImportedEntry};

/// The name of the format, in the first line.
const FORMAT: &str = "kvs-export";

/// The version of the format that is written and read.
const VERSION: u32 = 1;

/// The most characters of a reason that quotes the input.
const REASON_CHARS_MAX: usize = 200;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine {
    format: String,
    version: u32,
    /// The names of the keyspaces, but for the default one.
    #[serde(default)]
    keyspaces: Vec<String>,
}

/// A line of one key, as it is written.
#[derive(Serialize)]
struct WrittenLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    keyspace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

/// A line behind the first one, as it is read: of one key, or the last one, which has `keys` alone.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ReadLine {
    keyspace: Option<String>,
    key: Option<String>,
    key_base64: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
    expires_at: Option<u64>,
    keys: Option<u64>,
}

/// A line behind the first one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JsonLine {
    /// A key with its value.
    Entry(ImportedEntry),
    /// The last line, with the number of keys.
    End { keys: u64 },
}

/// Appends the first line.
pub(super) fn encode_header(keyspaces: &[String], out: &mut Vec<u8>) -> io::Result<()> {
    let (format, keyspaces) = (FORMAT.to_owned(), keyspaces.to_vec());
    encode(&HeaderLine { format, version: VERSION, keyspaces }, out)
}

/// Appends the line of an entry.
pub(super) fn encode_entry(entry: ExportedEntry<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let ExportedEntry { keyspace, key, value, expires_at } = entry;
    let (key, key_base64) = text_or_base64(key);
    let (value, value_base64) = text_or_base64(value);
    encode(&WrittenLine { keyspace, key, key_base64, value, value_base64, expires_at }, out)
}

/// Appends the last line.
pub(super) fn encode_footer(keys: u64, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(format!("{{\"keys\":{keys}}}\n").as_bytes());
    Ok(())
}

fn encode(line: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.push(b'\n');
    Ok(())
}

/// Returns bytes as text, or in base64 if they are none.
fn text_or_base64(bytes: &[u8]) -> (Option<&str>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

/// Returns the names of the keyspaces that the first line has, or the reason why it is none.
pub(super) fn decode_header(line: &[u8]) -> Result<Vec<String>, String> {
    let expected = format!("the first line of an export is {{\"format\":\"{FORMAT}\",…}}");
    let header: HeaderLine = object(line).map_err(|reason| format!("{expected}: {reason}"))?;
    if header.format != FORMAT {
        return Err(expected);
    }
    if header.version != VERSION {
        let found = header.version;
        return Err(format!("this build reads version {VERSION} of the format, not {found}"));
    }
    Ok(header.keyspaces)
}

/// Returns what a line behind the first one says, or the reason why it says nothing.
pub(super) fn decode(line: &[u8]) -> Result<JsonLine, String> {
    let line: ReadLine = object(line)?;
    let ReadLine { keyspace, key, key_base64, value, value_base64, expires_at, keys } = line;
    if let Some(keys) = keys {
        let others = [&keyspace, &key, &key_base64, &value, &value_base64];
        if expires_at.is_some() || others.into_iter().any(Option::is_some) {
            return Err("the last line has \"keys\" and nothing else".to_owned());
        }
        return Ok(JsonLine::End { keys });
    }
    let key = bytes("key", key, key_base64)?;
    let value = bytes("value", value, value_base64)?;
    Ok(JsonLine::Entry(ImportedEntry { keyspace, key, value, expires_at }))
}

/// Returns the bytes of the field that there is one of.
fn bytes(name: &str, text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, String> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => {
            STANDARD.decode(base64).map_err(|error| format!("\"{name}_base64\": {error}"))
        }
        (Some(_), Some(_)) => Err(format!("both \"{name}\" and \"{name}_base64\"")),
        (None, None) => Err(format!("neither \"{name}\" nor \"{name}_base64\"")),
    }
}

/// Returns what an object says, or the reason why the line is none.
fn object<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    // An array of the fields would do for the parser as well.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err("it is no object of JSON".to_owned());
    }
    serde_json::from_slice(line).map_err(|error| reason(&error))
}

/// Returns the reason in the words of the parser, for which a line is a whole input.
fn reason(error: &serde_json::Error) -> String {
    let reason = error.to_string().replace(" at line 1 column ", " at column ");
    match reason.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", reason.get(..end).unwrap_or_default()),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(keyspace: Option<&str>, key: &[u8], value: &[u8], at: Option<u64>) -> String {
        let mut out = Vec::new();
        encode_entry(ExportedEntry { keyspace, key, value, expires_at: at }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_entry_is_a_line_of_text_and_of_base64_where_it_is_none() {
        assert_eq!(encoded(None, b"a", b"", None), "{\"key\":\"a\",\"value\":\"\"}\n");
        let line = encoded(Some("u s"), b"\xFF\0", "é\n\"".as_bytes(), Some(u64::MAX));
        let expected = "{\"keyspace\":\"u s\",\"key_base64\":\"/wA=\",\"value\":\"é\\n\\\"\",\
                        \"expires_at\":18446744073709551615}\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let strings: [&[u8]; 6] =
            [b"", b"a", b"\0\x1f\x7f", b"\xff\xfe", "\u{2028}é\u{1F600}\\\"/".as_bytes(), b"\r\n"];
        for key in strings {
            for value in strings {
                for (keyspace, expires_at) in [(None, None), (Some("k\n"), Some(0))] {
                    let line = encoded(keyspace, key, value, expires_at);
                    assert_eq!(line.lines().count(), 1, "{line}");
                    let entry = ImportedEntry {
                        keyspace: keyspace.map(str::to_owned),
                        key: key.to_vec(),
                        value: value.to_vec(),
                        expires_at,
                    };
                    assert_eq!(decode(line.as_bytes()), Ok(JsonLine::Entry(entry)));
                }
            }
        }
    }

    #[test]
    fn the_first_and_the_last_line_are_read_as_they_were_written() {
        let mut out = Vec::new();
        encode_header(&["a".to_owned(), "é".to_owned()], &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out.clone()).unwrap(),
            "{\"format\":\"kvs-export\",\"version\":1,\"keyspaces\":[\"a\",\"é\"]}\n"
        );
        assert_eq!(decode_header(&out), Ok(vec!["a".to_owned(), "é".to_owned()]));
        assert_eq!(decode_header(b"{\"format\":\"kvs-export\",\"version\":1}"), Ok(Vec::new()));
        out.clear();
        encode_footer(7, &mut out).unwrap();
        assert_eq!(decode(&out), Ok(JsonLine::End { keys: 7 }));
    }

    #[test]
    fn whatever_is_wrong_has_a_reason() {
        for (line, expected) in [
            ("", "it is no object of JSON"),
            ("[]", "it is no object of JSON"),
            ("[null,\"a\",null,\"b\",null,null,null]", "it is no object of JSON"),
            ("{", "EOF while parsing an object at column 1"),
            ("{\"key\":\"a\"}", "neither \"value\" nor \"value_base64\""),
            ("{\"value\":\"a\"}", "neither \"key\" nor \"key_base64\""),
            ("{\"key\":\"a\",\"key_base64\":\"\",\"value\":\"\"}", "both \"key\" and"),
            ("{\"key\":\"a\",\"value\":\"b\",\"expires\":1}", "unknown field `expires`"),
            ("{\"key\":\"a\",\"key\":\"b\",\"value\":\"\"}", "duplicate field `key`"),
            ("{\"key\":\"a\",\"value\":1}", "invalid type: integer `1`, expected a string"),
            ("{\"key\":\"a\",\"value\":\"\",\"expires_at\":-1}", "invalid value: integer `-1`"),
            ("{\"key\":\"a\",\"value_base64\":\"/w\"}", "\"value_base64\": "),
            ("{\"key\":\"a\",\"value\":\"b\"} x", "trailing characters at column"),
            ("{\"keys\":1,\"key\":\"a\"}", "\"keys\" and nothing else"),
            ("{\"key\":\"a\",\"value\":\"b\",", "EOF while parsing"),
        ] {
            let reason = decode(line.as_bytes()).unwrap_err();
            assert!(reason.contains(expected), "{line}: {reason}");
        }
        assert!(decode(b"{\"key\":\"\xFF\",\"value\":\"\"}").is_err());
        let long = format!("{{\"{}\":1}}", "é".repeat(100_000));
        assert!(decode(long.as_bytes()).unwrap_err().len() < 1000);
        for (header, expected) in [
            ("{\"format\":\"kvs-export\",\"version\":2}", "version 1 of the format, not 2"),
            ("{\"format\":\"other\",\"version\":1}", "the first line of an export is"),
            ("{\"key\":\"a\",\"value\":\"\"}", "the first line of an export is"),
        ] {
            let reason = decode_header(header.as_bytes()).unwrap_err();
            assert!(reason.contains(expected), "{header}: {reason}");
        }
    }
}
