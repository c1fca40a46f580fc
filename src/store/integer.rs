//! Integers as values hold them.

/// Parses a decimal number in its one spelling, that of Redis: no plus sign, no leading zero, no
/// blank.
///
/// The one spelling matters because a counter must find in the store what it wrote there.
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_an_integer() {
        let limits = [
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("0", 0),
            ("-1", -1),
            ("10", 10),
        ];
        for (text, value) in limits {
            assert_eq!(parse_integer(text.as_bytes()), Some(value));
        }
        let others = [
            "",
            "-",
            "-0",
            "00",
            "01",
            "-01",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "--1",
            "１",
            "9223372036854775808",
            "-9223372036854775809",
        ];
        for text in others {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_integer(b"1\xff"), None);
    }

    proptest! {
        #[test]
        fn every_integer_is_read_as_it_is_written(value: i64) {
            prop_assert_eq!(parse_integer(value.to_string().as_bytes()), Some(value));
        }
    }
}
