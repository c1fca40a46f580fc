//! Times in arguments: units, deadlines, and the lifetime of a value.

use super::call::Call;
use super::command_error::{CommandError, SYNTAX};
use super::word::is;
use crate::store::UnixMillis;

/// The unit and the origin of a time in an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeUnit {
    /// True for seconds, false for milliseconds.
    seconds: bool,
    /// True if it counts from the Unix epoch, false if from now.
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

    /// Returns the unit that an option of `SET` and `GETEX` names.
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

    /// Returns the time in milliseconds since the Unix epoch, unless no number holds it.
    fn resolve(self, time: i64, now: i64) -> Option<i64> {
        let time = if self.seconds { time.checked_mul(1000)? } else { time };
        if self.absolute { Some(time) } else { time.checked_add(now) }
    }
}

impl Call<'_> {
    /// Returns the time at a position, for a command that sets a key anew: it must be after the
    /// epoch.
    pub(super) fn expiry(
        &self,
        position: usize,
        unit: TimeUnit,
    ) -> Result<UnixMillis, CommandError> {
        let time = self.integer(position)?;
        let resolved = unit.resolve(time, self.now()).filter(|_| time > 0);
        let expiry = resolved.and_then(|time| u64::try_from(time).ok());
        expiry.map(UnixMillis).ok_or_else(|| self.invalid_expiry())
    }

    /// Returns the time at a position, for a command that changes the expiry of a key: it may have
    /// passed.
    pub(super) fn deadline(
        &self,
        position: usize,
        unit: TimeUnit,
        now: i64,
    ) -> Result<i64, CommandError> {
        let time = self.integer(position)?;
        unit.resolve(time, now).ok_or_else(|| self.invalid_expiry())
    }

    fn invalid_expiry(&self) -> CommandError {
        let name = String::from_utf8_lossy(self.arguments.name()).to_ascii_lowercase();
        CommandError::new(format!("ERR invalid expire time in '{name}' command"))
    }
}

/// The lifetime of a value, as options of `SET` and `GETEX` state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// No option states one.
    Unsaid,
    /// That of the value before it (`KEEPTTL`).
    Kept,
    /// Without end (`PERSIST`).
    Forever,
    /// Until the time at a position.
    Until {
        /// The unit of that argument.
        unit: TimeUnit,
        /// The position of that argument.
        position: usize,
    },
}

impl Lifetime {
    /// Returns the lifetime that the option at a position states, if it is such an option.
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

    /// Returns the number of arguments that it takes.
    pub(super) fn arguments(self) -> usize {
        match self {
            Self::Until { .. } => 2,
            _ => 1,
        }
    }

    /// Adds what another option states; only the same unit may be stated again.
    pub(super) fn combine(self, other: Self) -> Result<Self, CommandError> {
        match (self, other) {
            (Self::Unsaid, _) => Ok(other),
            (Self::Until { unit, .. }, Self::Until { unit: again, .. }) if unit == again => {
                Ok(other)
            }
            _ if self == other => Ok(other),
            _ => Err(CommandError::new(SYNTAX)),
        }
    }

    /// Returns its end, if it states a time.
    pub(super) fn end(self, call: &Call<'_>) -> Result<Option<UnixMillis>, CommandError> {
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
