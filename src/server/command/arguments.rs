//! What arguments mean: numbers, words, times.

use super::Refusal;
use super::refusal::{NOT_AN_INTEGER, SYNTAX};
use crate::server::execute::execution::Call;
use crate::store::parse_integer;

impl<'a> Call<'a> {
    /// The argument at a position; empty where there is none, which the arity rules out.
    pub(super) fn argument(&self, position: usize) -> &'a [u8] {
        self.arguments.get(position).unwrap_or_default()
    }

    /// The arguments from a position on.
    pub(super) fn rest(
        &self,
        position: usize,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        self.arguments.iter().skip(position)
    }

    /// The integer at a position.
    pub(super) fn integer(&self, position: usize) -> Result<i64, Refusal> {
        parse_integer(self.argument(position)).ok_or(Refusal::new(NOT_AN_INTEGER))
    }

    /// The time now, in milliseconds since the Unix epoch.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.context.store.clock().now()).unwrap_or(i64::MAX)
    }
}

/// Whether an argument is this word, in any case.
pub(super) fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

/// How a command states a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeUnit {
    /// Seconds, not milliseconds.
    seconds: bool,
    /// Since the Unix epoch, not from now on.
    absolute: bool,
}

impl TimeUnit {
    /// Seconds from now on.
    pub(super) const SECONDS: Self = Self::new(true, false);
    /// Milliseconds from now on.
    pub(super) const MILLISECONDS: Self = Self::new(false, false);
    /// Seconds since the Unix epoch.
    pub(super) const UNIX_SECONDS: Self = Self::new(true, true);
    /// Milliseconds since the Unix epoch.
    pub(super) const UNIX_MILLISECONDS: Self = Self::new(false, true);

    const fn new(seconds: bool, absolute: bool) -> Self {
        Self { seconds, absolute }
    }

    /// The unit that an option of `SET` and `GETEX` names.
    fn of_option(option: &[u8]) -> Option<Self> {
        let options = [
            ("EX", Self::SECONDS),
            ("PX", Self::MILLISECONDS),
            ("EXAT", Self::UNIX_SECONDS),
            ("PXAT", Self::UNIX_MILLISECONDS),
        ];
        let found = options.into_iter().find(|(word, _)| is(option, word));
        found.map(|(_, unit)| unit)
    }

    /// The time in milliseconds since the Unix epoch, unless it is beyond any number.
    fn resolve(self, time: i64, now: i64) -> Option<i64> {
        let time = if self.seconds { time.checked_mul(1000)? } else { time };
        if self.absolute { Some(time) } else { time.checked_add(now) }
    }
}

impl Call<'_> {
    /// The time at a position, for a command that sets a key anew: it must be after the epoch.
    pub(super) fn expiry(&self, position: usize, unit: TimeUnit) -> Result<u64, Refusal> {
        let time = self.integer(position)?;
        let resolved = unit.resolve(time, self.now()).filter(|_| time > 0);
        resolved.and_then(|time| u64::try_from(time).ok()).ok_or_else(|| self.invalid_expiry())
    }

    /// Returns the time at a position, for a command that changes the expiry of a key: it may have
    /// passed.
    pub(super) fn deadline(
        &self,
        position: usize,
        unit: TimeUnit,
        now: i64,
    ) -> Result<i64, Refusal> {
        let time = self.integer(position)?;
        unit.resolve(time, now).ok_or_else(|| self.invalid_expiry())
    }

    fn invalid_expiry(&self) -> Refusal {
        let name = String::from_utf8_lossy(self.arguments.name()).to_ascii_lowercase();
        Refusal::new(format!("ERR invalid expire time in '{name}' command"))
    }
}

/// How long a value shall live, as options of `SET` and `GETEX` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// No option says.
    Unsaid,
    /// As long as the value before it (`KEEPTTL`).
    Kept,
    /// For good (`PERSIST`).
    Forever,
    /// Until the time at a position.
    Until {
        /// How that argument is read.
        unit: TimeUnit,
        /// Where it stands.
        position: usize,
    },
}

impl Lifetime {
    /// The lifetime that the option at a position states, if it is such an option.
    pub(super) fn of_option(call: &Call<'_>, position: usize) -> Option<Self> {
        let option = call.argument(position);
        if is(option, "KEEPTTL") {
            return Some(Self::Kept);
        }
        if is(option, "PERSIST") {
            return Some(Self::Forever);
        }
        let unit = TimeUnit::of_option(option)?;
        call.arguments.get(position + 1)?;
        Some(Self::Until { unit, position: position + 1 })
    }

    /// How many arguments it takes.
    pub(super) fn arguments(self) -> usize {
        match self {
            Self::Until { .. } => 2,
            _ => 1,
        }
    }

    /// Adds what another option states; only the same unit may be stated again.
    pub(super) fn combine(self, other: Self) -> Result<Self, Refusal> {
        match (self, other) {
            (Self::Unsaid, _) => Ok(other),
            (Self::Until { unit, .. }, Self::Until { unit: again, .. }) if unit == again => {
                Ok(other)
            }
            _ if self == other => Ok(other),
            _ => Err(Refusal::new(SYNTAX)),
        }
    }

    /// When it ends, if it states a time.
    pub(super) fn end(self, call: &Call<'_>) -> Result<Option<u64>, Refusal> {
        match self {
            Self::Until { unit, position } => call.expiry(position, unit).map(Some),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_number_holds_are_none() {
        assert_eq!(TimeUnit::SECONDS.resolve(2, 500), Some(2500));
        assert_eq!(TimeUnit::MILLISECONDS.resolve(2, 500), Some(502));
        assert_eq!(TimeUnit::UNIX_SECONDS.resolve(2, 500), Some(2000));
        assert_eq!(TimeUnit::UNIX_MILLISECONDS.resolve(-2, 500), Some(-2));
        assert_eq!(TimeUnit::SECONDS.resolve(i64::MAX / 1000 + 1, 0), None);
        assert_eq!(TimeUnit::SECONDS.resolve(i64::MIN / 1000 - 1, 0), None);
        assert_eq!(TimeUnit::MILLISECONDS.resolve(i64::MAX, 1), None);
    }
}
