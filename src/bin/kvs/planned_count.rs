//! Counts as people write them.

/// The units, longest first.
const UNITS: [(&str, u64); 8] = [
    ("ki", 1 << 10),
    ("mi", 1 << 20),
    ("gi", 1 << 30),
    ("ti", 1 << 40),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
];

/// Returns the number that a text like `10M`, `1.5k`, `4Ki` or `1_000_000` says.
pub fn planned_count(text: &str) -> Result<u64, String> {
    let plain = text.to_ascii_lowercase().replace('_', "");
    let with_unit =
        UNITS.iter().find_map(|(unit, count)| Some((plain.strip_suffix(unit)?, *count)));
    let (number, unit) = with_unit.unwrap_or((&plain, 1));
    scaled(number, unit).ok_or_else(|| "write a number as 250000, 250k, 1.5M, 2G or 4Ki".to_owned())
}

/// Returns a decimal number times the unit, if that is an integer.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let parts = 10_u64.checked_pow(fraction.len().try_into().ok()?)?;
    let of_fraction = fraction.parse::<u64>().ok()?.checked_mul(unit)?;
    let of_fraction = of_fraction.is_multiple_of(parts).then(|| of_fraction / parts)?;
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(of_fraction)
}

#[cfg(test)]
mod tests {
    use super::planned_count;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, count) in [
            ("0", 0),
            ("250000", 250_000),
            ("1_000_000", 1_000_000),
            ("250k", 250_000),
            ("10M", 10_000_000),
            ("1.5m", 1_500_000),
            ("2G", 2_000_000_000),
            ("4Ki", 4096),
            ("1.5Mi", 3 << 19),
        ] {
            assert_eq!(planned_count(text), Ok(count), "{text}");
        }
        for text in
            ["", "M", "-1", "1.5", ".5k", "1.k", "1 k", "10Q", "1.0001k", "99999999999G", "1,5M"]
        {
            assert!(planned_count(text).is_err(), "{text}");
        }
    }
}
