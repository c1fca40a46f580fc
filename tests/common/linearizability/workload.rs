//! Random operations to make histories of, the time they happen at, and the sum of what was found.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

use super::specification::{Condition, KeyOperation};
use super::{Call, Outcome, Specification, Verdict, check, describe};

/// A small generator, so that a seed is all that the operations of a history depend on.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Returns the generator of one part of what a seed stands for.
    pub fn new(seed: u64, part: u64) -> Self {
        let mixed = (seed ^ part.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut dice = Self((mixed ^ mixed >> 29).max(1));
        dice.roll(1);
        dice
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 32).expect("half a word fits") % sides
    }
}

/// Time as all threads agree on it: each reading is larger than every reading before it.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    pub fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    /// Returns a number that was never given before. Numbers from increments of an absent key are
    /// smaller, and all others are never met again after another value took their place.
    pub fn number(&self) -> i64 {
        i64::try_from(self.now() + 1).expect("time is short") * SMALLEST_UNIQUE
    }
}

/// Every number from here on is met at most once in the life of a key.
pub const SMALLEST_UNIQUE: i64 = 1_000_000;

/// Returns a random operation by a caller who last saw this value.
pub fn operation(dice: &mut Dice, clock: &Clock, seen: Option<i64>) -> KeyOperation {
    match dice.roll(16) {
        0..=3 => KeyOperation::Get,
        4 => KeyOperation::Contains,
        5..=7 => KeyOperation::Set(clock.number()),
        8 | 9 => KeyOperation::Remove,
        10 | 11 => KeyOperation::Increment(increment(dice)),
        12 | 13 => KeyOperation::SetIf(condition(dice, seen), clock.number()),
        14 => KeyOperation::SetIf(seen.map_or(Condition::Absent, Condition::Value), clock.number()),
        _ => KeyOperation::GetSet(clock.number()),
    }
}

/// Returns an amount small enough that the sums of a history stay below the unique numbers.
pub fn increment(dice: &mut Dice) -> i64 {
    i64::try_from(1 + dice.roll(99)).expect("it is small")
}

pub fn condition(dice: &mut Dice, seen: Option<i64>) -> Condition {
    match (dice.roll(3), seen) {
        (0, _) => Condition::Present,
        (1, Some(value)) => Condition::Value(value),
        _ => Condition::Absent,
    }
}

/// The most steps that the search of one history may take.
const STEPS_MAX: usize = 2_000_000;

/// The numbers of what was checked.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub histories: usize,
    pub operations: usize,
    pub unknown: usize,
    pub undecided: usize,
}

impl Tally {
    /// Checks one history; the error describes one that no order explains.
    pub fn judge<O: Specification>(history: &[Call<O>]) -> Result<Self, String> {
        let unknown = history.iter().filter(|call| matches!(call.outcome, Outcome::Unknown));
        let tally = Self {
            histories: 1,
            operations: history.len(),
            unknown: unknown.count(),
            undecided: 0,
        };
        match check(history, STEPS_MAX) {
            Verdict::Linearizable => Ok(tally),
            Verdict::Undecided => Ok(Self { undecided: 1, ..tally }),
            Verdict::Illegal => Err(format!("no order explains this:\n{}", describe(history))),
        }
    }

    /// Checks the history of each key by itself, which proves the same of all together.
    pub fn judge_keys<K: Ord + fmt::Debug>(
        calls: Vec<(K, Call<KeyOperation>)>,
    ) -> Result<Self, String> {
        let mut histories = BTreeMap::<_, Vec<_>>::new();
        for (key, call) in calls {
            histories.entry(key).or_default().push(call);
        }
        let mut sum = Self::default();
        for (key, history) in histories {
            sum += Self::judge(&history).map_err(|error| format!("key {key:?}: {error}"))?;
        }
        Ok(sum)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.operations += other.operations;
        self.unknown += other.unknown;
        self.undecided += other.undecided;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { histories, operations, unknown, undecided } = self;
        write!(
            formatter,
            "{histories} histories, {operations} operations, {unknown} of unknown outcome, \
             {undecided} undecided"
        )
    }
}
