//! Bytes of a store as one word of a line.

use std::io::{self, Write};

/// Writes bytes so that they stay within their column and line: text as it is, and a backslash in
/// front of what is escaped. `\\`, `\t`, `\n` and `\r` are these characters; other control
/// characters, and bytes that are not UTF-8, are `\x` with two hexadecimal digits for each byte.
pub fn write_escaped(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
    if bytes.iter().all(is_plain) {
        return out.write_all(bytes);
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => out.write_all(b"\\\\")?,
                '\t' => out.write_all(b"\\t")?,
                '\n' => out.write_all(b"\\n")?,
                '\r' => out.write_all(b"\\r")?,
                control if control.is_control() => {
                    write_hexadecimal(control.encode_utf8(&mut [0; 4]).as_bytes(), out)?;
                }
                other => write!(out, "{other}")?,
            }
        }
        write_hexadecimal(chunk.invalid(), out)?;
    }
    Ok(())
}

fn write_hexadecimal(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    bytes.iter().try_for_each(|byte| write!(out, "\\x{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_escaped(bytes, &mut out).expect("a vector takes everything");
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn lines_and_columns_stay_whole() {
        assert_eq!(escaped(b"plain 'text' \"~"), "plain 'text' \"~");
        assert_eq!(escaped(b"a\tb\nc\rd\\x41"), "a\\tb\\nc\\rd\\\\x41");
        assert_eq!(escaped("\u{e4}\u{1F600}".as_bytes()), "\u{e4}\u{1F600}");
        assert_eq!(escaped(b"\x00\x1b[0m\x7f\xFF\xC3"), "\\x00\\x1b[0m\\x7f\\xff\\xc3");
        assert_eq!(escaped("\u{85}".as_bytes()), "\\xc2\\x85", "a line end of Unicode");
    }

    #[test]
    fn different_bytes_stay_different() {
        let all = (0..=u8::MAX).map(|byte| escaped(&[byte]));
        let mut all: Vec<_> = all.chain([escaped(b"\\x00"), escaped(b"\\n")]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 258);
    }
}
