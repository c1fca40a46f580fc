//! An export in JSON Lines as a source.

use std::collections::VecDeque;
use std::io::{BufRead, Read};

use super::entry_source::{EntrySource, SourceItem};
use super::error::TransferError;
use super::json_line::{self, JsonLine};

/// The longest line. A value of 64 MiB of control characters, each of six bytes, is shorter.
pub(super) const LINE_BYTES_MAX: usize = 512 << 20;

/// Capacity that the buffer of a line keeps for the next one.
const KEPT_BYTES: usize = 1 << 20;

/// The end of an export, in messages about one without.
const MISSING: &str = "a last line {\"keys\":…}";

/// A reader of JSON Lines.
pub(crate) struct JsonLinesReader<R> {
    input: R,
    line_bytes_max: usize,
    line: Vec<u8>,
    /// The number of the line that was read last, from one.
    number: u64,
    /// The keyspaces of the first line that were not told yet.
    keyspaces: VecDeque<String>,
    /// The lines that have a key.
    keys: u64,
    has_ended: bool,
}

impl<R: BufRead> JsonLinesReader<R> {
    /// Returns a reader of an input with lines of at most so many bytes.
    pub(crate) fn new(input: R, line_bytes_max: usize) -> Self {
        Self {
            input,
            line_bytes_max,
            line: Vec::new(),
            number: 0,
            keyspaces: VecDeque::new(),
            keys: 0,
            has_ended: false,
        }
    }

    /// Reads the next line; false if there is none. One that is cut off has no line end.
    fn read_line(&mut self) -> Result<bool, TransferError> {
        self.line.clear();
        self.line.shrink_to(KEPT_BYTES);
        let limit = u64::try_from(self.line_bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        let mut limited = (&mut self.input).take(limit);
        let read = limited.read_until(b'\n', &mut self.line).map_err(TransferError::reading)?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(true);
        }
        if self.line.len() > self.line_bytes_max {
            let limit = self.line_bytes_max;
            return Err(self.malformed(format!("a line is longer than the limit of {limit} bytes")));
        }
        // Whole lines have an end, also the last one.
        Err(TransferError::Truncated { place: self.line_name(), missing: MISSING })
    }

    fn line_name(&self) -> String {
        format!("line {}", self.number)
    }

    fn malformed(&self, reason: String) -> TransferError {
        TransferError::Malformed { place: self.line_name(), reason }
    }

    /// Checks the number in the last line, and that it is the last one.
    fn end(&mut self, keys: u64) -> Result<(), TransferError> {
        let found = self.keys;
        if keys != found {
            let reason = format!("the export had {keys} keys, and there are {found} lines of keys");
            return Err(self.malformed(reason));
        }
        self.has_ended = true;
        if self.read_line()? {
            return Err(self.malformed("there is a line behind the last one".to_owned()));
        }
        Ok(())
    }
}

impl<R: BufRead> EntrySource for JsonLinesReader<R> {
    fn next(&mut self) -> Result<Option<SourceItem>, TransferError> {
        if self.number == 0 {
            if !self.read_line()? {
                let reason = "there is nothing, not even the first line of an export".to_owned();
                return Err(TransferError::Malformed { place: "line 1".to_owned(), reason });
            }
            let names = json_line::decode_header(&self.line).map_err(|r| self.malformed(r))?;
            self.keyspaces = names.into();
        }
        if let Some(name) = self.keyspaces.pop_front() {
            return Ok(Some(SourceItem::Keyspace(name)));
        }
        if self.has_ended {
            return Ok(None);
        }
        if !self.read_line()? {
            return Err(TransferError::Truncated { place: self.line_name(), missing: MISSING });
        }
        match json_line::decode(&self.line).map_err(|reason| self.malformed(reason))? {
            JsonLine::Entry(entry) => {
                self.keys += 1;
                Ok(Some(SourceItem::Entry(entry)))
            }
            JsonLine::End { keys } => {
                self.end(keys)?;
                Ok(None)
            }
        }
    }

    fn place(&self) -> Option<String> {
        Some(self.line_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the keys of an input, and the error that ended it.
    fn read(input: &str, line_bytes_max: usize) -> (Vec<String>, Option<String>) {
        let mut reader = JsonLinesReader::new(input.as_bytes(), line_bytes_max);
        let mut items = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(SourceItem::Entry(entry))) => {
                    items.push(String::from_utf8(entry.key).unwrap());
                }
                Ok(Some(SourceItem::Keyspace(name))) => items.push(format!("keyspace {name}")),
                Ok(Some(SourceItem::OtherType(_))) => panic!("there are no types"),
                Ok(None) => return (items, None),
                Err(error) => return (items, Some(error.to_string())),
            }
        }
    }

    const EXPORT: &str = "{\"format\":\"kvs-export\",\"version\":1,\"keyspaces\":[\"u\"]}\n\
                          {\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\r\n\
                          {\"keys\":2}\n";

    #[test]
    fn every_cut_is_noticed_and_every_line_in_front_of_it_is_read() {
        let whole = ["keyspace u", "a", "b"];
        assert_eq!(read(EXPORT, 100), (whole.map(str::to_owned).to_vec(), None));
        for length in 0..EXPORT.len() {
            let (items, error) = read(&EXPORT[..length], 100);
            let lines = EXPORT[..length].lines().count();
            let complete = EXPORT[..length].matches('\n').count();
            let expected = &whole[..if complete == 0 { 0 } else { complete.min(3) }];
            assert_eq!(items, expected, "{length} bytes");
            let error = error.unwrap();
            let place = format!("line {}", lines.max(1));
            assert!(error.starts_with(&place), "{length} bytes: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_the_number_of_its_line() {
        let lines: Vec<_> = EXPORT.lines().collect();
        let with = |line: usize, text: &str| {
            let mut lines = lines.clone();
            lines[line - 1] = text;
            read(&(lines.join("\n") + "\n"), 100).1.unwrap()
        };
        let error = with(3, "nonsense");
        assert_eq!(error, "line 3: it is no object of JSON");
        let error = with(4, "{\"keys\":3}");
        assert_eq!(error, "line 4: the export had 3 keys, and there are 2 lines of keys");
        let error = with(3, "{\"keys\":1}");
        assert_eq!(error, "line 4: there is a line behind the last one");
        assert_eq!(with(2, ""), "line 2: it is no object of JSON");
        let long = format!("{{\"key\":\"{}\",\"value\":\"\"}}", "x".repeat(100));
        assert_eq!(with(2, &long), "line 2: a line is longer than the limit of 100 bytes");
        let error = read(&(EXPORT.to_owned() + "\n"), 100).1.unwrap();
        assert_eq!(error, "line 5: there is a line behind the last one");
    }
}
