//! Space that is kept for going on where the disk is full.
//!
//! A store that cannot write cannot free anything either: a tombstone takes space, and so does the
//! output of a compaction. So the file `RESERVE` takes some while there is enough, and is let go
//! when the disk is full. From then on only what frees space is written, until the reserve can be
//! made again and what found the disk full has space beside it.
//!
//! | what meets a full disk | what it gets |
//! |---|---|
//! | removals of keys | half of the reserve |
//! | a compaction | all but an eighth, unless that is all there is |
//! | the removal of every key | all of it |
//! | every other write | nothing: it is refused, and does not touch the disk |
//!
//! So removals leave a compaction the space to rewrite a segment, which frees what they made
//! garbage, and every key can be removed while one runs.

use std::io;

use crate::bugs::{Bug, if_planted, planted};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::fs::{File, Space};
use crate::storage::log::group::Group;
use crate::storage::log::reserve_allocation::{ReserveAllocation, ReserveOutcome};
use crate::sync::Arc;
use crate::{Error, Result};

/// The reserve of a small store, in bytes.
const RESERVE_BYTES_MIN: u64 = 32 << 10;

/// The reserve takes at most this part of the file system, and this part of the log where the log
/// is large.
const DISK_PART: u64 = 16;
const LOG_PART: u64 = 8;

/// As many full segments as the reserve has space for: one for a compaction, one for tombstones.
const SEGMENTS: u64 = 2;

/// The reserve, and what is known of a full disk.
pub(crate) struct Reserve {
    /// The bytes it has, as far as that is known.
    held: u64,
    /// The bytes it should have.
    target: u64,
    /// The state of a full disk, while it is one.
    full: Option<Full>,
    /// It is to be made, or made larger or smaller, if need be.
    is_due: bool,
    /// The bytes of the log when that was last looked at; it is again when there are twice as many.
    looked_at: u64,
    is_making: bool,
    /// The disk is still full, and a compaction has not looked yet for what it can free.
    is_compaction_due: bool,
}

/// A full disk, as far as it is known.
struct Full {
    /// The error of the first write that found no space.
    error: Error,
    /// The bytes that this write needed.
    needed: u64,
    /// There is nothing left to let go, so that removals are refused too.
    is_exhausted: bool,
}

/// The part of the reserve that is left for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// After removals of keys: enough for a compaction.
    Half,
    /// After a compaction: enough for removing every key.
    Eighth,
    Nothing,
}

impl Reserve {
    /// Returns a reserve of which nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            held: 0,
            target: 0,
            full: None,
            is_due: true,
            looked_at: 0,
            is_making: false,
            is_compaction_due: false,
        }
    }

    /// Returns the error of the first write that found the disk full, if it still is.
    pub(crate) fn full(&self) -> Option<&Error> {
        self.full.as_ref().map(|full| &full.error)
    }

    /// Returns why a group is not written, if the disk is full and the group does not free space.
    pub(crate) fn refusal(&self, group: &Group) -> Option<Error> {
        let full = self.full.as_ref()?;
        let is_refused = full.is_exhausted || !group.only_removes();
        is_refused.then(|| full.error.clone())
    }

    /// Notes that the disk had no space for so many bytes of a write, unless it reports more than
    /// enough: then this write alone has failed.
    pub(crate) fn note_failed_write(
        &mut self,
        environment: &LogEnvironment,
        error: &Error,
        needed: u64,
    ) {
        let has_space = |space: Space| space.available > self.target + 2 * needed;
        let is_quota = matches!(error, Error::Io { source, .. }
            if source.kind() == io::ErrorKind::QuotaExceeded);
        if is_quota || !environment.directory.space().is_ok_and(has_space) {
            self.note_full(error, needed);
        }
    }

    fn note_full(&mut self, error: &Error, needed: u64) {
        if self.full.is_none() && error.is_out_of_space() {
            let (error, is_exhausted) = (error.clone(), false);
            self.full = Some(Full { error, needed, is_exhausted });
            self.is_due = true;
        }
    }

    /// Notes that a compaction failed. If it found no space because there is less than the reserve
    /// needs, the next one gets the reserve.
    pub(crate) fn note_failed_compaction(&mut self, environment: &LogEnvironment, error: &Error) {
        let is_scarce = |space: Space| space.available < self.target;
        if environment.directory.space().is_ok_and(is_scarce) {
            self.note_full(error, 0);
        }
    }

    /// Notes that there is nothing left to let go.
    pub(crate) fn note_exhausted(&mut self) {
        if let Some(full) = &mut self.full {
            full.is_exhausted = true;
        }
    }

    /// Lets the next look at the disk happen at once: time has passed, or space was freed.
    pub(crate) fn look_again(&mut self) {
        self.is_due = true;
        if let Some(full) = &mut self.full {
            full.is_exhausted = false;
        }
    }

    /// Returns true while the reserve is being made.
    pub(crate) fn is_making(&self) -> bool {
        self.is_making
    }

    /// Returns true, once, if a compaction is to look for what it can free on a full disk.
    pub(crate) fn take_compaction_due(&mut self) -> bool {
        std::mem::take(&mut self.is_compaction_due)
    }

    /// Returns how much garbage makes a compaction worth while on a full disk, before time has
    /// passed.
    pub(crate) fn garbage_bytes_min(&self) -> u64 {
        self.target / 2
    }

    /// Lets go of it but for a part; false if there is no more than that.
    pub(crate) fn let_go(&mut self, environment: &LogEnvironment, kept: Kept) -> bool {
        if_planted!(HoldReserve => return false);
        let kept = match kept {
            Kept::Half => self.target / 2,
            Kept::Eighth => self.target / 8,
            Kept::Nothing => 0,
        };
        self.held = self.held.min(kept);
        if kept == 0 {
            return environment.directory.remove(file_name::RESERVE).is_ok();
        }
        let cut = |file: Arc<dyn File>| {
            let is_longer = file.length()? > kept;
            if is_longer {
                file.set_length(kept)?;
            }
            Ok::<_, io::Error>(is_longer)
        };
        environment.directory.open(file_name::RESERVE).and_then(cut).unwrap_or(false)
    }

    /// Returns how many bytes a compaction may write once the reserve was let go but for a part;
    /// something of what is free is left to tombstones.
    pub(crate) fn output_bytes_max(&self, environment: &LogEnvironment, kept: Kept) -> u64 {
        let Ok(space) = environment.directory.space() else {
            return environment.segment_bytes_max / 2;
        };
        let reserved =
            environment.directory.open(file_name::RESERVE).and_then(|file| file.length());
        let kept = if kept == Kept::Nothing { 0 } else { self.target / 8 };
        (space.available + reserved.unwrap_or(0)).saturating_sub(kept) / 4 * 3
    }

    /// Makes the reserve at once if the disk is so full that what is written before could leave no
    /// space for it; the log has so many bytes.
    pub(crate) fn make_if_scarce(&mut self, environment: &LogEnvironment, log_bytes: u64) {
        if environment.read_only {
            return;
        }
        let wanted = target(environment, log_bytes);
        let is_scarce = |space: Space| space.available < wanted * 2;
        if environment.directory.space().is_ok_and(is_scarce)
            && let Some(allocation) = self.begin(environment, log_bytes)
        {
            self.note_outcome(&allocation.run());
        }
    }

    /// Returns true if it may have to be made, or made larger or smaller; the log has so many
    /// bytes.
    pub(crate) fn is_worth_a_look(&self, log_bytes: u64) -> bool {
        // A log that grows fast fills a small disk before any time has passed.
        let has_grown = log_bytes > 0 && log_bytes / 2 >= self.looked_at;
        !self.is_making && (has_grown || self.is_due)
    }

    /// Returns the work of making the reserve, if there is some; the log has so many bytes.
    pub(crate) fn begin(
        &mut self,
        environment: &LogEnvironment,
        log_bytes: u64,
    ) -> Option<ReserveAllocation> {
        if !self.is_worth_a_look(log_bytes) {
            return None;
        }
        (self.is_due, self.looked_at) = (false, log_bytes);
        self.target = target(environment, log_bytes);
        let is_right = self.target / 4 * 3 <= self.held && self.held <= self.target * 2;
        if self.full.is_none() && is_right {
            return None;
        }
        self.is_making = true;
        let most = self.target.max(RESERVE_BYTES_MIN);
        let needed = self.full.as_ref().map(|full| full.needed.clamp(self.target / 4, most));
        Some(ReserveAllocation { environment: environment.clone(), target: self.target, needed })
    }

    /// Notes the outcome of making the reserve.
    pub(crate) fn note_outcome(&mut self, outcome: &ReserveOutcome) {
        self.is_making = false;
        (self.held, self.target) = (outcome.held, outcome.target);
        if let Some(error) = &outcome.full {
            // Further writes would leave nothing to free space with.
            self.note_full(error, 0);
        }
        let Some(full) = &mut self.full else { return };
        full.is_exhausted = false;
        if outcome.has_space || planted(Bug::LeaveFullEarly) {
            self.full = None;
        } else {
            self.is_compaction_due = true;
        }
    }
}

/// Returns how many bytes the reserve of a log of so many bytes should have; 0 where the size of
/// the file system is not known.
fn target(environment: &LogEnvironment, log_bytes: u64) -> u64 {
    let Ok(space) = environment.directory.space() else {
        return 0;
    };
    if log_bytes == 0 {
        return 0;
    }
    reserve_bytes_max(log_bytes, environment.segment_bytes_max).min(space.total / DISK_PART)
}

/// Returns the bytes of the reserve beside a log of so many bytes, on a large disk.
pub(crate) fn reserve_bytes_max(log_bytes: u64, segment_bytes_max: u64) -> u64 {
    let wanted = (log_bytes / LOG_PART).max(RESERVE_BYTES_MIN);
    wanted.min(segment_bytes_max * SEGMENTS)
}

/// Runs an action that needs space, and once more if the reserve could be let go for it.
pub(crate) fn with_reserve<T>(
    reserve: &mut Reserve,
    environment: &LogEnvironment,
    mut run: impl FnMut() -> Result<T>,
) -> Result<T> {
    match run() {
        Err(error) if error.is_out_of_space() && reserve.let_go(environment, Kept::Nothing) => {
            log::warn!("{error}; freeing the reserve and trying again");
            run()
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::keyspace::KeyspaceId;
    use crate::storage::format::store_id::StoreId;
    use crate::storage::fs::Directory;
    use crate::storage::fs::simulated::{SimulatedDisk, State};
    use crate::storage::log::group::Mutation;

    const CAPACITY: usize = 1 << 20;

    fn environment(disk: &SimulatedDisk) -> LogEnvironment {
        LogEnvironment::simulated(disk, StoreId(1), 20_000)
    }

    fn disk() -> SimulatedDisk {
        SimulatedDisk::new(State::default().with_capacity(CAPACITY))
    }

    /// Leaves so many bytes free.
    fn take_all_but(disk: &SimulatedDisk, free: usize) {
        let _ = disk.remove("other");
        let bytes = (CAPACITY - disk.taken()).saturating_sub(free);
        disk.create("other").unwrap().allocate(bytes as u64).unwrap();
    }

    fn make(reserve: &mut Reserve, environment: &LogEnvironment, log_bytes: u64) {
        reserve.look_again();
        if let Some(allocation) = reserve.begin(environment, log_bytes) {
            reserve.note_outcome(&allocation.run());
        }
    }

    fn length(disk: &SimulatedDisk) -> Option<u64> {
        disk.open(file_name::RESERVE).and_then(|file| file.length()).ok()
    }

    fn full() -> Error {
        Error::io("append to", "x".as_ref(), io::ErrorKind::StorageFull.into())
    }

    #[test]
    fn the_reserve_grows_with_the_log_up_to_two_segments() {
        let disk = disk();
        let (environment, mut reserve) = (environment(&disk), Reserve::new());
        for (log_bytes, expected) in
            [(0, None), (1, Some(32 << 10)), (300_000, Some(37_500)), (900_000, Some(40_000))]
        {
            reserve.held = 0;
            make(&mut reserve, &environment, log_bytes);
            assert_eq!(length(&disk), expected, "{log_bytes}");
        }
        let endless = SimulatedDisk::new(State::default());
        assert_eq!(
            target(&LogEnvironment { directory: Arc::new(endless), ..environment }, 1 << 30),
            0
        );
    }

    #[test]
    fn the_reserve_takes_the_space_that_is_left_and_a_disk_without_any_is_full() {
        let disk = disk();
        let (environment, mut reserve) = (environment(&disk), Reserve::new());
        for (free, expected) in [(20_000, Some(16_384)), (5_000, Some(4_096)), (4_000, None)] {
            let _ = disk.remove(file_name::RESERVE);
            reserve.held = 0;
            take_all_but(&disk, free);
            make(&mut reserve, &environment, 1);
            assert_eq!(length(&disk), expected, "{free}");
            assert_eq!(reserve.full().is_some(), expected.is_none(), "{free}");
        }
    }

    #[test]
    fn the_reserve_is_freed_in_parts_and_made_again_once_the_missing_space_is_there() {
        let disk = disk();
        let (environment, mut reserve) = (environment(&disk), Reserve::new());
        make(&mut reserve, &environment, 1);
        take_all_but(&disk, 0);
        reserve.note_full(&full(), 10_000);
        assert!(reserve.full().is_some());
        for (kept, expected) in [(Kept::Half, Some(16_384)), (Kept::Eighth, Some(4_096))] {
            assert!(reserve.let_go(&environment, kept));
            assert!(!reserve.let_go(&environment, kept), "there is no more than that");
            assert_eq!(length(&disk), expected);
        }
        assert!(
            reserve.let_go(&environment, Kept::Nothing)
                && !reserve.let_go(&environment, Kept::Nothing)
        );
        assert_eq!(length(&disk), None);
        // A half without space for the write that failed beside it is not enough, and taken all the
        // same.
        for (free, is_full) in [(26_000, true), (27_000, false)] {
            take_all_but(&disk, free - usize::try_from(length(&disk).unwrap_or(0)).unwrap());
            make(&mut reserve, &environment, 1);
            assert_eq!((length(&disk), reserve.full().is_some()), (Some(16_384), is_full));
        }
    }

    #[test]
    fn a_full_disk_stays_full_though_the_reserve_could_be_made_smaller() {
        let disk = disk();
        let (environment, mut reserve) = (environment(&disk), Reserve::new());
        make(&mut reserve, &environment, 1);
        take_all_but(&disk, 0);
        reserve.note_full(&full(), 1);
        for _ in 0..3 {
            make(&mut reserve, &environment, 1);
            assert_eq!((length(&disk), reserve.full().is_some()), (Some(32 << 10), true));
        }
        assert!(reserve.let_go(&environment, Kept::Half));
        take_all_but(&disk, 0);
        make(&mut reserve, &environment, 1);
        assert_eq!((length(&disk), reserve.full().is_some()), (Some(16 << 10), true));
    }

    #[test]
    fn on_a_full_disk_only_removals_are_accepted_until_no_space_is_left() {
        let mut reserve = Reserve::new();
        let (mut removal, mut put) = (Group::default(), Group::default());
        removal.push([Mutation::clear(KeyspaceId::DEFAULT)]);
        put.push([Mutation::put(vec![], vec![], None)]);
        assert!(reserve.refusal(&put).is_none());
        reserve.note_full(&Error::io("x", "x".as_ref(), io::ErrorKind::FileTooLarge.into()), 1);
        assert!(reserve.refusal(&put).is_none(), "another file helps");
        reserve.note_full(&full(), 1);
        assert!(reserve.refusal(&put).is_some() && reserve.refusal(&removal).is_none());
        reserve.note_exhausted();
        assert!(reserve.refusal(&removal).is_some());
        reserve.look_again();
        assert!(reserve.refusal(&put).is_some() && reserve.refusal(&removal).is_none());
    }
}
