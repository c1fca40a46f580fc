//! The names of backups, which are those of their directories.

use jiff::Timestamp;

use crate::store::UnixMillis;

/// The most bytes of a name.
pub(crate) const NAME_BYTES_MAX: usize = 64;

/// Returns true if a client may give a backup this name: 1 to 64 letters, digits, `.`, `_` and `-`
/// of ASCII, the first of which is no `.`.
pub(super) fn is_allowed(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(is_plain)
}

/// Returns the name of a backup to which nobody gave one: the time in UTC, so that the names are in
/// the order of the backups.
pub(super) fn at(UnixMillis(time): UnixMillis) -> String {
    let time = i64::try_from(time).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    // A clock that is so wrong shows a time like any other.
    time.unwrap_or_default().strftime("%Y-%m-%dT%H-%M-%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["a", "monday", "2026-11-29_v1.2", &"x".repeat(NAME_BYTES_MAX)] {
            assert!(is_allowed(name), "{name}");
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for name in ["", ".", "..", ".hidden", "a/b", "/etc", "a b", "ä", "a\0", "a\n", &long] {
            assert!(!is_allowed(name), "{name}");
        }
    }

    #[test]
    fn names_of_times_are_allowed_and_in_order() {
        let names = [0, 1, 1_000, 1_795_992_295_123].map(|time| at(UnixMillis(time)));
        assert!(names.is_sorted() && names.iter().all(|name| is_allowed(name)), "{names:?}");
        assert_eq!(names[3], "2026-11-29T22-44-55.123Z");
        assert!(is_allowed(&at(UnixMillis(u64::MAX))));
    }
}
