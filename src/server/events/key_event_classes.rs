//! The classes of events about keys that clients are told of.

use std::fmt;
use std::str::FromStr;

use super::key_event::KeyEventClass;
use crate::Error;

/// Classes of events about keys, and the channels that tell of them, as letters: those of Redis'
/// setting `notify-keyspace-events`.
///
/// | letter | stands for |
/// |---|---|
/// | `K` | the channel `__keyspace@N__:KEY` of each key, whose messages are the names of its events |
/// | `E` | the channel `__keyevent@N__:NAME` of each event, whose messages are its keys |
/// | `g` | events of keys of any type: `del`, `expire`, `persist`, `copy_to`, `rename_from`, `rename_to`, `move_from`, `move_to` |
/// | `$` | events of strings: `set`, `setrange`, `setbit`, `append`, `incrby`, `incrbyfloat` |
/// | `x` | `expired`: a key is removed because its time has passed |
/// | `e` | `evicted`: a key is removed because the memory is used up |
/// | `l` `s` `h` `z` `t` `d` | events of types that are not here: these letters are kept, and nothing is told |
/// | `A` | `g$lshzxetd`: every class |
///
/// Nothing is told without `K` or `E`, nor without a class. The letters `m` and `n`, for keys that
/// are looked for and not there, and for new ones, are refused.
///
/// ```
/// let classes: kvs::KeyEventClasses = "Ex".parse()?;
/// assert_eq!(classes.to_string(), "xE");
/// let all: kvs::KeyEventClasses = "g$lshzxetdKE".parse()?;
/// assert_eq!(all.to_string(), "AKE");
/// assert!("Km".parse::<kvs::KeyEventClasses>().is_err());
/// # Ok::<(), kvs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyEventClasses(usize);

/// The letters of the classes, and behind them those of the channels, in the order in which Redis
/// shows them; a letter at a place stands for the bit there.
const LETTERS: &str = "g$lshzxetdKE";

/// The bits of all classes.
const ALL: usize = (1 << 10) - 1;

impl KeyEventClasses {
    /// Returns the classes that these bits stand for.
    pub(super) fn of_bits(bits: usize) -> Self {
        Self(bits)
    }

    /// Returns the bits that stand for them.
    pub(super) fn bits(self) -> usize {
        self.0
    }

    /// Returns true if there is nothing to tell.
    pub(crate) fn is_silent(self) -> bool {
        self.0 & ALL == 0 || !self.tells_by_key() && !self.tells_by_event()
    }

    /// Returns true if events are told by the channels of their keys.
    pub(super) fn tells_by_key(self) -> bool {
        self.has('K')
    }

    /// Returns true if events are told by channels of their own.
    pub(super) fn tells_by_event(self) -> bool {
        self.has('E')
    }

    /// Returns true if events of a class are told.
    pub(super) fn tells(self, class: KeyEventClass) -> bool {
        self.has(class.letter())
    }

    fn has(self, letter: char) -> bool {
        self.0 & bit(letter).unwrap_or(0) != 0
    }
}

/// Returns the bit of a letter.
fn bit(letter: char) -> Option<usize> {
    LETTERS.find(letter).map(|place| 1 << place)
}

impl FromStr for KeyEventClasses {
    type Err = Error;

    fn from_str(letters: &str) -> Result<Self, Error> {
        let mut classes = 0;
        for letter in letters.chars() {
            classes |= match bit(letter) {
                Some(bit) => bit,
                None if letter == 'A' => ALL,
                None => {
                    return Err(Error::InvalidOption(format!(
                        "no class of events {letter:?}: choose letters of A{LETTERS}"
                    )));
                }
            };
        }
        Ok(Self(classes))
    }
}

impl fmt::Display for KeyEventClasses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_all = self.0 & ALL == ALL;
        if is_all {
            formatter.write_str("A")?;
        }
        let shown = LETTERS
            .char_indices()
            .filter(|(place, _)| self.0 & 1 << place != 0 && !(is_all && ALL & 1 << place != 0));
        shown.map(|(_, letter)| letter).try_for_each(|letter| write!(formatter, "{letter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(letters: &str) -> KeyEventClasses {
        letters.parse().unwrap()
    }

    #[test]
    fn letters_are_shown_in_the_order_of_redis() {
        for (given, shown) in [
            ("", ""),
            ("gKE", "gKE"),
            ("EKg", "gKE"),
            ("$lshzxeKE", "$lshzxeKE"),
            ("KA", "AK"),
            ("EA", "AE"),
            ("g$lshzxetd", "A"),
        ] {
            assert_eq!(classes(given).to_string(), shown);
            let bits = classes(given).bits();
            assert_eq!(KeyEventClasses::of_bits(bits), classes(given));
        }
        for letters in ["q", "Am", "Kn", "k"] {
            assert!(letters.parse::<KeyEventClasses>().is_err(), "{letters}");
        }
    }

    #[test]
    fn a_class_and_a_channel_have_something_to_tell() {
        for silent in ["", "A", "KE", "g$"] {
            assert!(classes(silent).is_silent(), "{silent}");
        }
        assert!(!classes("Kg").is_silent() && !classes("Ex").is_silent());
        assert!(classes("Kx").tells(KeyEventClass::Expired));
        assert!(!classes("Kx").tells(KeyEventClass::Generic));
    }
}
