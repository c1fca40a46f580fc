//! The oracle: what a crash leaves must be a state the store was in, and none older than it
//! promised.

use std::collections::HashSet;
use std::fmt;

use super::machine::{Past, contents};
use super::{Dice, Model};
use crate::Options;
use crate::engine::{self, Group, Mutation};
use crate::storage::fs::simulated::{Fate, Fill, Moment, Promised, SimulatedDisk, State};
use crate::sync::Arc;

/// The part of all possible crash images that is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Up to this many pieces every subset is tried.
    pub(super) pieces_exhausted: usize,
    /// The number of subsets that are tried of more pieces.
    pub(super) samples: u64,
    /// Of so many images one is crashed again during and after its recovery.
    pub(super) crashed_again_one_in: u64,
}

impl Effort {
    pub(super) const FULL: Self =
        Self { pieces_exhausted: 12, samples: 256, crashed_again_one_in: 1 };
}

/// The numbers of what was tried.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    /// Different images that were recovered.
    pub(super) images: u64,
    /// Those among them that a crash during recovery left.
    pub(super) during_recovery: u64,
    /// Those that were written to and lost power again.
    pub(super) went_on: u64,
    /// Moments of which not every subset was tried.
    pub(super) sampled: u64,
    /// Writes for which their caller took the writer's turn.
    pub(super) direct_turns: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, during_recovery, went_on, sampled, direct_turns } = self;
        write!(
            formatter,
            "{images} crash images recovered ({during_recovery} of a crash during or after \
             recovery), "
        )?;
        write!(
            formatter,
            "{went_on} written to and crashed again, {sampled} moments sampled, {direct_turns} \
             turns of callers"
        )
    }
}

impl Figures {
    pub(super) fn add(&mut self, other: Self) {
        self.images += other.images;
        self.during_recovery += other.during_recovery;
        self.went_on += other.went_on;
        self.sampled += other.sampled;
        self.direct_turns += other.direct_turns;
    }
}

/// Checks crashes of one history.
pub(super) struct Checker<'a> {
    pub(super) options: &'a Options,
    pub(super) pasts: &'a [Past],
    pub(super) figures: Figures,
    pub(super) dice: Dice,
    pub(super) effort: Effort,
}

/// The description of what was found wrong.
pub(super) type Violation = String;

impl Checker<'_> {
    /// Tries what a kill and a power loss at this moment may leave.
    pub(super) fn moment(&mut self, moment: &Moment) -> Result<(), Violation> {
        let Moment { state, promised } = moment;
        self.image(state.clone(), *promised, 1).map_err(|e| format!("killed: {e}"))?;
        let promised = Promised { killed: promised.power_lost, ..*promised };
        let mut seen = HashSet::new();
        let pieces = state.pieces();
        let is_exhausted = pieces <= self.effort.pieces_exhausted;
        self.figures.sampled += u64::from(!is_exhausted);
        let subsets = if is_exhausted { 1 << pieces } else { self.effort.samples };
        for number in 0..subsets {
            let subset = match (is_exhausted, number) {
                (true, number) => number,
                (false, 0) => 0,
                (false, 1) => u64::MAX,
                (false, _) => self.dice.next(),
            };
            let survives = move |piece: usize| subset >> (piece % 64) & 1 == 1;
            for fill in [Fill::Nothing, Fill::Zeros, Fill::Stale] {
                let image = state.image(Fate::Hostile(&survives), fill);
                if seen.insert(image.fingerprint()) {
                    let checked = self.image(image, promised, 1);
                    checked.map_err(|e| {
                        format!("of {pieces} pieces {subset:b} survived, {fill:?}: {e}")
                    })?;
                }
            }
        }
        for last in state.last_moments() {
            let image = state.image(Fate::Ordered(last, &|_| true), Fill::Nothing);
            if seen.insert(image.fingerprint()) {
                let checked = self.image(image, promised, 1);
                checked.map_err(|e| format!("the changes up to {last} survived: {e}"))?;
            }
        }
        Ok(())
    }

    /// Tries a kill, and some of what a power loss at this moment may leave.
    pub(super) fn sample(&mut self, moment: &Moment, count: usize) -> Result<(), Violation> {
        let Moment { state, promised } = moment;
        self.image(state.clone(), *promised, 0).map_err(|e| format!("killed: {e}"))?;
        let promised = Promised { killed: promised.power_lost, ..*promised };
        for number in 0..count {
            let subset = if number == 0 { 0 } else { self.dice.next() };
            let survives = move |piece: usize| subset >> (piece % 64) & 1 == 1;
            let fill = [Fill::Nothing, Fill::Zeros, Fill::Stale][self.dice.roll(3)];
            let image = state.image(Fate::Hostile(&survives), fill);
            let crashes = self.dice.roll(2);
            let checked = self.image(image, promised, crashes);
            checked.map_err(|e| format!("{subset:b} survived, {fill:?}: {e}"))?;
        }
        Ok(())
    }

    /// Recovers an image; crashes again during the recovery as often as `crashes` says.
    pub(super) fn image(
        &mut self,
        image: State,
        promised: Promised,
        crashes: usize,
    ) -> Result<(), Violation> {
        self.figures.images += 1;
        let disk = SimulatedDisk::new(image);
        disk.record();
        let opened = engine::open_in(self.options, Arc::new(disk.clone()));
        let mut opened = opened.map_err(|error| format!("it cannot be opened: {error}"))?;
        let found = contents(&*opened.reader).map_err(|error| format!("a read fails: {error}"))?;
        let past = self.pasts.iter().rposition(|past| past.model == found);
        let past = past.ok_or_else(|| format!("{found:?} was never the state"))?;
        if past < promised.killed {
            let least = promised.killed;
            return Err(format!("{past} batches are found, {least} were promised: {found:?}"));
        }
        let moments = disk.moments();
        if crashes > 0 && self.dice.next().is_multiple_of(self.effort.crashed_again_one_in) {
            let (last, during) = moments.split_last().ok_or("a moment is always kept")?;
            for moment in during {
                self.crash_again(&moment.state, promised.power_lost, crashes - 1)
                    .map_err(|e| format!("then a crash during recovery: {e}"))?;
            }
            // What was found may have been read, so it may not be lost any more.
            self.crash_again(&last.state, past, crashes - 1)
                .map_err(|e| format!("then a crash after recovery: {e}"))?;
        }
        if self.dice.roll(4) == 0 {
            self.figures.went_on += 1;
            self.go_on(&disk, &mut *opened.writer, found)
                .map_err(|e| format!("then a write and a crash: {e}"))?;
        }
        Ok(())
    }

    /// Crashes again: nothing pending survives, everything does, or something.
    fn crash_again(
        &mut self,
        state: &State,
        floor: usize,
        crashes: usize,
    ) -> Result<(), Violation> {
        let subset = self.dice.next();
        let fates: [&dyn Fn(usize) -> bool; 3] =
            [&|_| false, &|_| true, &|piece| subset >> (piece % 64) & 1 == 1];
        let count = if state.pieces() == 0 { 0 } else { fates.len() };
        for fate in &fates[..count] {
            self.figures.during_recovery += 1;
            let promised = Promised { killed: floor, power_lost: floor };
            self.image(state.image(Fate::Hostile(fate), Fill::Zeros), promised, crashes)?;
        }
        Ok(())
    }

    /// Writes to what was recovered, and loses power: both are there.
    fn go_on(
        &mut self,
        disk: &SimulatedDisk,
        writer: &mut dyn engine::WriteHalf,
        mut expected: Model,
    ) -> Result<(), Violation> {
        let (key, value) = (b"later".to_vec(), b"written after recovery".to_vec());
        let mut group = Group::default();
        group.push([Mutation::put(key.clone(), value.clone(), None)]);
        match writer.commit(&mut group, true) {
            Ok(()) => drop(expected.insert(key, (value, None))),
            // The image is of a full disk.
            Err(error) if error.is_disk_full() && disk.is_full() => {}
            Err(error) => return Err(error.to_string()),
        }
        let state = disk.state();
        let subset = self.dice.next();
        let fates: [&dyn Fn(usize) -> bool; 2] =
            [&|_| false, &|piece| subset >> (piece % 64) & 1 == 1];
        for fate in fates {
            let disk = SimulatedDisk::new(state.image(Fate::Hostile(fate), Fill::Stale));
            let opened = engine::open_in(self.options, Arc::new(disk));
            let opened = opened.map_err(|error| format!("it cannot be opened: {error}"))?;
            let found = contents(&*opened.reader).map_err(|error| error.to_string())?;
            if found != expected {
                return Err(format!("{found:?} is found, {expected:?} was promised"));
            }
        }
        Ok(())
    }
}
