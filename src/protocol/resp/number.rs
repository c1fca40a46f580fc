//! Decimal numbers as they stand in the length lines of RESP.

/// The contents of the start of a length line, behind its type byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberLine {
    /// A number and the bytes it took including CR LF.
    Complete { value: i64, length: usize },
    /// So far a number, but the line end is missing.
    Partial,
    /// Not a number.
    Malformed,
}

/// Reads a number strictly: no plus sign, no leading zero, no overflow, CR LF behind it.
///
/// Strictness bounds the line to 21 bytes, so a line that arrives byte by byte is cheap to read
/// again, and two parsers can never disagree on what a length is.
pub(super) fn read_number(line: &[u8]) -> NumberLine {
    let negative = line.first() == Some(&b'-');
    let first_digit = usize::from(negative);
    let mut value: i64 = 0;
    for (index, &byte) in line.iter().enumerate().skip(first_digit) {
        let empty = index == first_digit;
        match byte {
            b'0'..=b'9' if empty || value != 0 => {
                let digit = i64::from(byte - b'0');
                let Some(next) = value.checked_mul(10).and_then(|tens| tens.checked_add(digit))
                else {
                    return NumberLine::Malformed;
                };
                value = next;
            }
            b'\r' if !(empty || negative && value == 0) => {
                return match line.get(index + 1) {
                    Some(b'\n') => NumberLine::Complete {
                        value: if negative { -value } else { value },
                        length: index + 2,
                    },
                    Some(_) => NumberLine::Malformed,
                    None => NumberLine::Partial,
                };
            }
            _ => return NumberLine::Malformed,
        }
    }
    NumberLine::Partial
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_a_number() {
        for (line, value) in [("0\r\n", 0), ("7\r\n", 7), ("-1\r\n", -1), ("10\r\nx", 10)] {
            let length = line.find('\n').unwrap() + 1;
            assert_eq!(read_number(line.as_bytes()), NumberLine::Complete { value, length });
        }
        let malformed = [
            "\r\n",
            "-\r\n",
            "+1\r\n",
            "00\r\n",
            "01\r\n",
            "-0\r\n",
            "-01\r\n",
            "1 \r\n",
            " 1\r\n",
            "1\n",
            "1\rx",
            "1a",
            "--1\r\n",
            "0x1\r\n",
            "1-\r\n",
            "\0",
            "9223372036854775808",
        ];
        for line in malformed {
            assert_eq!(read_number(line.as_bytes()), NumberLine::Malformed, "{line:?}");
        }
        for line in ["", "-", "1", "1\r", "-12", "9223372036854775807"] {
            assert_eq!(read_number(line.as_bytes()), NumberLine::Partial, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_as_it_was_written(value in -i64::MAX..=i64::MAX) {
            let line = format!("{value}\r\n");
            let complete = NumberLine::Complete { value, length: line.len() };
            prop_assert_eq!(read_number(line.as_bytes()), complete);
        }
    }
}
