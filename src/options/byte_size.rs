//! Sizes in bytes as the command line and `CONFIG SET` take them.

/// The units, with the letters of Redis' configuration: `mb` is a mebibyte, `m` a million bytes.
const UNITS: [(&str, usize); 10] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1 << 10),
    ("mb", 1 << 20),
    ("gb", 1 << 30),
    ("k", 1000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("b", 1),
];

/// Returns the number of bytes that a text like `256mb` or `1000000` says.
///
/// # Errors
/// An example of what is understood.
pub fn byte_size(text: &str) -> Result<usize, String> {
    let lower = text.to_ascii_lowercase();
    let with_unit =
        UNITS.iter().find_map(|(unit, bytes)| Some((lower.strip_suffix(unit)?, *bytes)));
    let (number, unit) = with_unit.unwrap_or((&lower, 1));
    let bytes = number.parse().ok().and_then(|number: usize| number.checked_mul(unit));
    bytes.ok_or_else(|| "write a size as 1000000, 512kb, 256mb or 2gb".to_owned())
}

#[cfg(test)]
mod tests {
    use super::byte_size;

    #[test]
    fn units_are_those_of_redis() {
        let sizes = [("7", 7), ("7b", 7), ("2k", 2000), ("2kb", 2048), ("3M", 3_000_000)];
        for (text, bytes) in sizes.into_iter().chain([("256mb", 256 << 20), ("1GiB", 1 << 30)]) {
            assert_eq!(byte_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "mb", "1.5gb", "-1", "1tb", "1 mb", "99999999999999999999", "99999999999g"]
        {
            assert!(byte_size(text).is_err(), "{text}");
        }
    }
}
