//! Inline requests: one line of words, as a person types them into telnet.
//!
//! Words are separated by blanks and may be quoted as in Redis:
//!
//! * in double quotes, `\n \r \t \b \a` and `\xHH` stand for one byte, and a backslash before any
//!   other byte stands for that byte;
//! * in single quotes, only `\'` is special;
//! * a quote may open in the middle of a word, but a closing quote must be followed by a blank.

use super::arguments::Span;
use crate::protocol::ProtocolError;

/// Splits a line into words, whose unquoted bytes go to `words` and whose places go to `spans`.
pub(super) fn split_line(
    line: &[u8],
    arguments_max: usize,
    words: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        if spans.len() == arguments_max {
            let found = arguments_max.saturating_add(1);
            return Err(ProtocolError::CountTooLarge { found, limit: arguments_max });
        }
        let start = words.len();
        rest = read_word(rest, words)?.trim_ascii_start();
        spans.push(Span { start, end: words.len() });
    }
    Ok(())
}

/// Appends the word at the start of `rest` to `words` and returns what follows the word.
fn read_word<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] => return Ok(rest),
            [byte, ..] if is_blank(*byte) => return Ok(rest),
            [b'"', quoted @ ..] => return closed(read_double_quoted(quoted, words)),
            [b'\'', quoted @ ..] => return closed(read_single_quoted(quoted, words)),
            [byte, tail @ ..] => {
                words.push(*byte);
                rest = tail;
            }
        }
    }
}

/// Checks that a quote was closed and that a blank or nothing follows it.
fn closed(behind_quote: Option<&[u8]>) -> Result<&[u8], ProtocolError> {
    behind_quote
        .filter(|rest| rest.first().is_none_or(|byte| is_blank(*byte)))
        .ok_or(ProtocolError::QuotesUnbalanced)
}

fn read_double_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex_value(*high) << 4 | hex_value(*low), tail)
            }
            [b'\\', escaped, tail @ ..] => (unescape(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        words.push(byte);
        rest = tail;
    }
}

fn read_single_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [] => return None,
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => (b'\'', tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        words.push(byte);
        rest = tail;
    }
}

fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.saturating_sub(b'A') + 10,
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// Returns true for the first line of an HTTP request of any method, or its `Host` header.
///
/// A web page can make a browser send such lines to any local port, with commands in the body, so
/// they must end the connection instead of being skipped as unknown commands.
pub(super) fn is_http(line: &[u8]) -> bool {
    let mut words = line.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    is_http_word(first) || words.next_back().is_some_and(is_http_version)
}

/// Returns true for a word that begins a line of HTTP and names no command, as in Redis.
pub(super) fn is_http_word(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"post") || word.eq_ignore_ascii_case(b"host:")
}

/// Returns true for the version that ends the first line of an HTTP request.
fn is_http_version(word: &[u8]) -> bool {
    let version = word.strip_prefix(b"HTTP/").unwrap_or_default();
    matches!(version, [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, ProtocolError> {
        let (mut words, mut spans) = (Vec::new(), Vec::new());
        split_line(line, 5, &mut words, &mut spans)?;
        Ok(spans.iter().map(|span| words[span.start..span.end].to_vec()).collect())
    }

    #[test]
    fn words_are_split_and_unquoted_as_in_redis() {
        let cases: [(&[u8], &[&[u8]]); 17] = [
            (b"", &[]),
            (b" \t ", &[]),
            (b"GET key", &[b"GET", b"key"]),
            (b"  GET\t key \r", &[b"GET", b"key"]),
            (b"SET k \"a b\"", &[b"SET", b"k", b"a b"]),
            (b"SET k 'a b'", &[b"SET", b"k", b"a b"]),
            (b"SET k \"\" ''", &[b"SET", b"k", b"", b""]),
            (br#""\n\r\t\b\a""#, &[b"\n\r\t\x08\x07"]),
            (br#""\\ \" \q""#, &[b"\\ \" q"]),
            (br#""\x00\xfF\x1""#, &[b"\x00\xFFx1"]),
            (br#""\xzz""#, &[b"xzz"]),
            (br"'\'' '\n' '\a'", &[b"'", br"\n", br"\a"]),
            (br"a\n", &[br"a\n"]),
            (b"ab\"c d\" e", &[b"abc d", b"e"]),
            (b"\"it's\" '\"'", &[b"it's", b"\""]),
            (b"\0\xFF", &[b"\0\xFF"]),
            (b"a b c d e ", &[b"a", b"b", b"c", b"d", b"e"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).unwrap(), words, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn unbalanced_quotes_are_an_error() {
        let lines: [&[u8]; 9] = [
            br"'\\'",
            b"\"",
            b"'",
            b"a \"b",
            b"a 'b",
            b"\"a\"b",
            b"'a'b",
            b"\"a\"\"b\"",
            br#""a\""#,
        ];
        for line in lines {
            assert_eq!(
                split(line),
                Err(ProtocolError::QuotesUnbalanced),
                "{}",
                line.escape_ascii()
            );
        }
    }

    #[test]
    fn one_word_over_the_limit_is_an_error() {
        let error = ProtocolError::CountTooLarge { found: 6, limit: 5 };
        assert_eq!(split(b"a b c d e f"), Err(error));
    }

    #[test]
    fn http_is_told_from_commands() {
        let http: [&[u8]; 10] = [
            b"POST / HTTP/1.1\r",
            b"post",
            b"Host: localhost:6379\r",
            b"HOST: x",
            b" POST /",
            b"GET / HTTP/1.1\r",
            b"PUT /x HTTP/1.0",
            b"OPTIONS * HTTP/1.1",
            b"PROPFIND / HTTP/1.1\r",
            b"SET key HTTP/1.1",
        ];
        for line in http {
            assert!(is_http(line), "{}", line.escape_ascii());
        }
        let commands: [&[u8]; 8] = [
            b"GET key",
            b"GET /",
            b"GET POST",
            b"SET key HTTP/1.x",
            b"SET key HTTP/11",
            b"POSTER",
            b"Host",
            b"",
        ];
        for line in commands {
            assert!(!is_http(line), "{}", line.escape_ascii());
        }
    }
}
