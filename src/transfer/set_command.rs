//! The `SET` commands of an export for Redis.

use super::entry::{ExportedEntry, ImportedEntry};
use crate::protocol::resp::{Arguments, encode_bulk};

/// Appends the command that sets an entry: `SET key value`, or `SET key value PXAT milliseconds`.
pub(super) fn encode(entry: ExportedEntry<'_>, out: &mut Vec<u8>) {
    let ExportedEntry { key, value, expires_at, .. } = entry;
    let start: &[u8] = match expires_at {
        None => b"*3\r\n$3\r\nSET\r\n",
        Some(_) => b"*5\r\n$3\r\nSET\r\n",
    };
    out.extend_from_slice(start);
    encode_bulk(key, out);
    encode_bulk(value, out);
    if let Some(time) = expires_at {
        out.extend_from_slice(b"$4\r\nPXAT\r\n");
        encode_bulk(time.to_string().as_bytes(), out);
    }
}

/// Returns the entry that a command sets, or the reason why it sets none.
pub(super) fn decode(arguments: &Arguments<'_>) -> Result<ImportedEntry, String> {
    let words: Vec<_> = arguments.iter().take(6).collect();
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let (key, value, expires_at) = match *words.as_slice() {
        [set, key, value] if is(set, "SET") => (key, value, None),
        [set, key, value, pxat, time] if is(set, "SET") && is(pxat, "PXAT") => {
            let time = std::str::from_utf8(time).ok().and_then(|time| time.parse().ok());
            let time = time.ok_or("the time behind PXAT is no number of milliseconds")?;
            (key, value, Some(time))
        }
        _ => {
            let name = arguments.name();
            let name = name.get(..32).unwrap_or(name).escape_ascii();
            let expected = "SET key value [PXAT milliseconds]";
            return Err(format!("{name}: a command of an export is {expected}"));
        }
    };
    Ok(ImportedEntry { keyspace: None, key: key.to_vec(), value: value.to_vec(), expires_at })
}
