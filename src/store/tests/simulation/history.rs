//! What may happen to a store, drawn from a seed.

use super::Dice;
use super::machine::{lengthen, put, remove};
use crate::storage::fs::simulated::Fill;
use crate::store::batch::{Batch, Operation};

pub(super) const KEYS: usize = 5;

/// One thing that happens; it says all there is to know, so that a history can be repeated without others.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// One group of batches.
    Write(Vec<Vec<Change>>),
    Step,
    Maintain,
    Tick,
    Sync,
    Snapshot,
    /// Reads all that the snapshots see, and lets go of the oldest.
    Look,
    Reopen,
    Kill,
    /// Which pieces survive.
    PowerLoss(u64, Fill),
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Put { key: usize, value_bytes: usize },
    PutExpiring { key: usize },
    Remove { key: usize },
    Lengthen { key: usize },
    Clear,
}

/// Draws what happens next.
pub(super) fn draw(dice: &mut Dice) -> Event {
    match dice.roll(100) {
        0..=46 => Event::Write((0..=dice.roll(3)).map(|_| draw_batch(dice)).collect()),
        47..=70 => Event::Step,
        71..=74 => Event::Maintain,
        75..=80 => Event::Tick,
        81..=83 => Event::Sync,
        84..=87 => Event::Snapshot,
        88..=92 => Event::Look,
        93..=94 => Event::Reopen,
        95..=96 => Event::Kill,
        _ => {
            let fills = [Fill::Nothing, Fill::Zeros, Fill::Stale];
            Event::PowerLoss(dice.next(), fills[dice.roll(3)])
        }
    }
}

fn draw_batch(dice: &mut Dice) -> Vec<Change> {
    if dice.roll(40) == 0 {
        return vec![Change::Clear];
    }
    (0..=dice.roll(3)).map(|_| draw_change(dice)).collect()
}

fn draw_change(dice: &mut Dice) -> Change {
    let key = dice.roll(KEYS);
    match dice.roll(10) {
        0..=4 => Change::Put { key, value_bytes: [8, 8, 40, 200, 700][dice.roll(5)] },
        5 => Change::PutExpiring { key },
        6..=7 => Change::Remove { key },
        _ => Change::Lengthen { key },
    }
}

impl Change {
    fn operation(&self, step: usize) -> Operation {
        let name = |key: &usize| format!("key{key}");
        match self {
            Self::Put { key, value_bytes } => {
                let value = format!("{step}.{key};");
                let value: Vec<u8> = value.bytes().cycle().take(*value_bytes).collect();
                put(&name(key), value)
            }
            Self::PutExpiring { key } => {
                let (key, value) = (name(key).into_bytes(), format!("{step}").into_bytes());
                // Far in the future: what has expired goes at the next tick, by the clock.
                Operation::Put { key, value, expires_at: Some(u64::MAX - step as u64) }
            }
            Self::Remove { key } => remove(&name(key)),
            Self::Lengthen { key } => lengthen(&name(key)),
            Self::Clear => Operation::Clear,
        }
    }
}

/// The batches of a group that is written at this step.
pub(super) fn batches(group: &[Vec<Change>], step: usize) -> Vec<Batch> {
    let operations =
        |batch: &Vec<Change>| batch.iter().map(|change| change.operation(step)).collect();
    group.iter().map(|batch| Batch { operations: operations(batch) }).collect()
}
