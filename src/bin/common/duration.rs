//! Times on the command line.

use std::time::Duration;

/// The units of a time, in milliseconds. The empty one, of a number alone, is the second.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("", 1000),
];

/// Returns the time that a text like `90`, `15m` or `500ms` says, which must not be zero.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, milliseconds)| *milliseconds);
    let milliseconds =
        number.parse().ok().zip(unit).and_then(|(n, unit): (u64, _)| n.checked_mul(unit));
    match milliseconds {
        Some(1..) => Ok(Duration::from_millis(milliseconds.unwrap_or_default())),
        _ => Err("write a time as 90 or 90s, 15m, 12h, 7d or 500ms, and not zero".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        let times = [("90", 90_000), ("90s", 90_000), ("15m", 900_000), ("500ms", 500)];
        for (text, milliseconds) in
            times.into_iter().chain([("12h", 43_200_000), ("1d", 86_400_000)])
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "0", "0s", "-1", "1.5s", "1w", "1 s", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("999999999999999999d").is_err(), "more than a clock has");
    }
}
