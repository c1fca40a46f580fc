//! Events that may happen to a store, drawn from a seed.

use std::time::Duration;

use super::Dice;
use super::machine::{lengthen, put, remove};
use crate::Error;
use crate::engine::{KeyspaceId, UnixMillis};
use crate::storage::fs::simulated::Fill;
use crate::store::clock::manual;
use crate::store::{
    Batch, CatalogueOperation, KeyCopy, KeyspaceOperation, WriteOperation, database_keyspace,
};

pub(super) const KEYS: usize = 5;

const HOUR: u64 = 3_600_000;

/// Milliseconds that do not pass in any history.
const FAR: u64 = 1 << 62;

/// One thing that happens; it says all there is to know, so that a history can be repeated without
/// others.
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
    /// The seed that decides which pieces survive, and the contents of the others.
    PowerLoss(u64, Fill),
    /// So much time passes.
    Pass(Duration),
    /// Somebody sets the time of day forward or back by so many milliseconds.
    SetClock(i64),
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Put {
        keyspace: KeyspaceId,
        key: usize,
        value_bytes: usize,
    },
    /// Puts a value that expires after so many milliseconds.
    PutExpiring {
        key: usize,
        after: u64,
    },
    Remove {
        keyspace: KeyspaceId,
        key: usize,
    },
    Lengthen {
        keyspace: KeyspaceId,
        key: usize,
    },
    /// Copies or moves a key into a keyspace.
    Copy {
        keyspace: KeyspaceId,
        copy: KeyCopy,
    },
    /// Removes the keys from the first number on, up to the last one; all if that is the first.
    RemoveRange {
        keyspace: KeyspaceId,
        first: usize,
        last: usize,
    },
    Catalogue(CatalogueOperation),
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
    if dice.roll(12) == 0 {
        return vec![Change::Catalogue(draw_catalogue(dice))];
    }
    (0..=dice.roll(3)).map(|_| draw_change(dice)).collect()
}

fn draw_change(dice: &mut Dice) -> Change {
    let key = dice.roll(KEYS);
    let keyspace = draw_keyspace(dice);
    match dice.roll(30) {
        0..=14 => Change::Put { keyspace, key, value_bytes: [8, 8, 40, 200, 700][dice.roll(5)] },
        15..=17 => Change::PutExpiring { key, after: FAR },
        18..=22 => Change::Remove { keyspace, key },
        23..=26 => Change::Lengthen { keyspace, key },
        27..=28 => {
            let copy = KeyCopy {
                source_keyspace: draw_keyspace(dice),
                source: name(dice.roll(KEYS)).into_bytes(),
                target: name(key).into_bytes(),
                replaces: dice.roll(2) == 0,
                removes_source: dice.roll(2) == 0,
            };
            Change::Copy { keyspace, copy }
        }
        _ => Change::RemoveRange { keyspace, first: key, last: key + dice.roll(KEYS) },
    }
}

fn name(key: usize) -> String {
    format!("key{key}")
}

fn draw_keyspace(dice: &mut Dice) -> KeyspaceId {
    match dice.roll(8) {
        0..=3 => KeyspaceId::DEFAULT,
        4..=5 => KeyspaceId([2, 3][dice.roll(2)]),
        _ => database_keyspace([0, 1, 1, 2][dice.roll(4)]),
    }
}

fn draw_catalogue(dice: &mut Dice) -> CatalogueOperation {
    let mut name = || ["one", "two", "default", "db1"][dice.roll(4)].to_owned();
    let (name, other) = (name(), name());
    match dice.roll(10) {
        0..=3 => CatalogueOperation::Create { name },
        4 => CatalogueOperation::Rename { from: name, to: other },
        5 => CatalogueOperation::Swap { first: name, second: other },
        6 => CatalogueOperation::Drop { name },
        7..=8 => {
            let [first, second] = [0, 1].map(|_| [0, 1, 1, 2][dice.roll(4)]);
            CatalogueOperation::SwapDatabases { first, second }
        }
        _ => CatalogueOperation::Clear,
    }
}

/// Lets time pass between the events, gives keys deadlines that come, and sets the clock wrong.
///
/// The dice are others than those the events are drawn from, which time does not change.
pub(super) fn with_time(events: Vec<Event>, mut dice: Dice) -> Vec<Event> {
    let mut timed = Vec::new();
    for mut event in events {
        if let Event::Write(group) = &mut event {
            for change in group.iter_mut().flatten() {
                if let Change::PutExpiring { after, .. } = change {
                    *after = [FAR, 0, 50, 150, 5_000, HOUR][dice.roll(6)];
                }
            }
        }
        timed.push(event);
        match dice.roll(20) {
            0 => timed.push(Event::SetClock(HOUR.cast_signed())),
            1 => timed.push(Event::SetClock(-HOUR.cast_signed())),
            2..=5 => {
                let time = [20, 100, 200, 6_000][dice.roll(4)];
                timed.push(Event::Pass(Duration::from_millis(time)));
            }
            _ => {}
        }
    }
    timed
}

impl Change {
    fn operation(&self, step: usize) -> KeyspaceOperation {
        let name = |key: &usize| name(*key);
        let (keyspace, operation) = match self {
            Self::Put { keyspace, key, value_bytes } => {
                let value = format!("{step}.{key};");
                let value: Vec<u8> = value.bytes().cycle().take(*value_bytes).collect();
                (*keyspace, put(&name(key), value))
            }
            Self::PutExpiring { key, after } => {
                let (key, value) = (name(key).into_bytes(), format!("{step}").into_bytes());
                let expires_at = Some(UnixMillis(manual::now().saturating_add(*after)));
                (KeyspaceId::DEFAULT, WriteOperation::Put { key, value, expires_at })
            }
            Self::Remove { keyspace, key } => (*keyspace, remove(&name(key))),
            Self::Lengthen { keyspace, key } => (*keyspace, lengthen(&name(key))),
            Self::Copy { keyspace, copy } => {
                (*keyspace, WriteOperation::CopyKey(Box::new(copy.clone())))
            }
            Self::RemoveRange { keyspace, first, last } if first == last => {
                (*keyspace, WriteOperation::clear())
            }
            Self::RemoveRange { keyspace, first, last } => {
                let (start, end) = (name(first).into_bytes(), name(last).into_bytes());
                (*keyspace, WriteOperation::RemoveRange { start, end })
            }
            Self::Catalogue(operation) => {
                (KeyspaceId::CATALOGUE, WriteOperation::Catalogue(operation.clone()))
            }
        };
        KeyspaceOperation { keyspace, operation }
    }
}

/// Returns true for what the catalogue refuses on a disk that is well.
pub(super) fn is_refused(error: &Error) -> bool {
    matches!(
        error,
        Error::KeyspaceExists { .. }
            | Error::NoSuchKeyspace { .. }
            | Error::DefaultKeyspace
            | Error::KeyspaceDropped { .. }
    )
}

/// Returns the batches of a group that is written at this step.
pub(super) fn batches(group: &[Vec<Change>], step: usize) -> Vec<Batch> {
    let batch = |batch: &Vec<Change>| batch.iter().map(|change| change.operation(step)).collect();
    group.iter().map(batch).collect()
}
