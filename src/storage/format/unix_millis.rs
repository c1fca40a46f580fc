//! A time of day.

/// A time in milliseconds since the Unix epoch: of a clock, or at which an entry expires.
///
/// Bytes on disk and on the wire, packed slots and [`Entry`](crate::Entry) hold the bare number.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnixMillis(pub(crate) u64);

impl UnixMillis {
    /// Returns the number that stands for an expiry where bytes are saved: zero for none.
    pub(crate) fn or_zero(expiry: Option<Self>) -> u64 {
        expiry.map_or(0, |time| time.0)
    }

    /// Returns the expiry that a number stands for.
    pub(crate) fn unless_zero(number: u64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }
}
