//! Crash images: the states of the disk that a power loss may leave.
//!
//! The pending changes fall into pieces: a change of a name is one, a truncation is one, a write is
//! one for each 512-byte sector it touches. Two kinds of disk are simulated:
//!
//! - hostile: any subset of the pieces survives, whatever the order they were made in;
//! - ordered: the changes before some moment survive and none after it, and of the last one any
//!   subset of the sectors, as with a journal of metadata and data written before it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::state::{FileChange, FileContents, State};
use crate::sync::Arc;

const SECTOR_BYTES: usize = 512;

/// The choice of the pieces that survive.
#[derive(Clone, Copy)]
pub(crate) enum Fate<'a> {
    /// The pieces that the function accepts, by number.
    Hostile(&'a dyn Fn(usize) -> bool),
    /// The changes up to a moment; of that moment's change the sectors that the function accepts.
    Ordered(u64, &'a dyn Fn(usize) -> bool),
}

/// The bytes in place of a lost write beyond the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// The file stays shorter, if nothing behind it survived.
    Nothing,
    /// Zeros: the length survived and the data did not.
    Zeros,
    /// The beginning of the file, as if the sector had held another part of the log before.
    Stale,
}

impl State {
    /// Returns the number of pieces, each of which may survive or not.
    pub(crate) fn pieces(&self) -> usize {
        let pieces = |contents: &Arc<FileContents>| -> usize {
            contents.pending.iter().map(|(_, change)| change.pieces().len()).sum()
        };
        let files = self.reachable();
        self.pending_names.len()
            + files.into_iter().map(|file| pieces(&self.files[file])).sum::<usize>()
    }

    /// Returns the moments of the changes that may be the last to survive, and 0 for none of them.
    pub(crate) fn last_moments(&self) -> Vec<u64> {
        let files = self.reachable();
        let pending = files.into_iter().flat_map(|file| &self.files[file].pending);
        let moments = pending.map(|(moment, _)| *moment);
        let names = self.pending_names.iter().map(|(moment, _)| *moment);
        let all: BTreeSet<_> = std::iter::once(0).chain(moments).chain(names).collect();
        all.into_iter().collect()
    }

    /// Returns the files that have a name, durable or pending. Nobody sees the others after a power
    /// loss.
    fn reachable(&self) -> BTreeSet<usize> {
        let mut names = self.durable_names.clone();
        let mut files: BTreeSet<_> = names.values().copied().collect();
        for (_, change) in &self.pending_names {
            change.apply(&mut names);
            files.extend(names.values());
        }
        files
    }

    /// Returns what a power loss leaves, all of it durable.
    pub(crate) fn image(&self, fate: Fate<'_>, fill: Fill) -> Self {
        let mut number = 0;
        let mut survives = |moment: u64| {
            let accepted = match fate {
                Fate::Hostile(accepts) => accepts(number),
                Fate::Ordered(last, accepts) => moment < last || moment == last && accepts(number),
            };
            number += 1;
            accepted
        };
        let mut names = self.durable_names.clone();
        for (moment, change) in &self.pending_names {
            if survives(*moment) {
                change.apply(&mut names);
            }
        }
        let mut files = Vec::new();
        let reachable = self.reachable();
        for file in &reachable {
            files.push(self.files[*file].image(&mut survives, fill));
        }
        let position = |file: usize| reachable.iter().position(|other| *other == file);
        let named = names.into_iter().filter_map(|(name, file)| Some((name, position(file)?)));
        let image = Self::with_files(named.map(|(name, file)| (name, files[file].clone())));
        Self { capacity: self.capacity, ..image }
    }

    /// Returns a hash of the files and their names.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.files().for_each(|file| file.hash(&mut hasher));
        hasher.finish()
    }
}

impl FileContents {
    fn image(&self, survives: &mut dyn FnMut(u64) -> bool, fill: Fill) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (moment, change) in &self.pending {
            for piece in change.pieces() {
                if survives(*moment) {
                    piece.apply(&mut bytes);
                } else if let FileChange::Write { offset, bytes: lost } = &piece {
                    fill.extend(&mut bytes, offset + lost.len());
                }
            }
        }
        bytes
    }
}

impl Fill {
    fn extend(self, bytes: &mut Vec<u8>, end: usize) {
        let length = bytes.len();
        match self {
            Self::Nothing => {}
            Self::Zeros => bytes.resize(length.max(end), 0),
            Self::Stale => {
                let stale: Vec<u8> = bytes.iter().copied().chain([0xFF]).collect();
                bytes.extend(stale.iter().cycle().take(end.saturating_sub(length)));
            }
        }
    }
}

impl FileChange {
    /// Returns the parts that survive by themselves: the whole of a truncation, each sector of a
    /// write.
    fn pieces(&self) -> Vec<Self> {
        let Self::Write { offset, bytes } = self else {
            return vec![self.clone()];
        };
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let at = offset + start;
            let end = bytes.len().min(start + SECTOR_BYTES - at % SECTOR_BYTES);
            pieces.push(Self::Write { offset: at, bytes: bytes[start..end].to_vec() });
            start = end;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Directory;
    use super::super::SimulatedDisk;
    use super::*;

    const ALL: &dyn Fn(usize) -> bool = &|_| true;
    const NONE: &dyn Fn(usize) -> bool = &|_| false;

    fn contents(state: &State) -> Vec<(String, Vec<u8>)> {
        state.files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect()
    }

    fn disk_with_a_pending_write() -> SimulatedDisk {
        let disk = SimulatedDisk::new(State::default());
        let file = disk.create("a").unwrap();
        file.write_at(b"durable", 0).unwrap();
        file.sync().unwrap();
        disk.sync().unwrap();
        file.write_at(&[7; 600], 7).unwrap();
        disk
    }

    #[test]
    fn synced_bytes_survive_and_the_rest_by_sectors() {
        let state = disk_with_a_pending_write().state();
        assert_eq!(state.pieces(), 2);
        assert_eq!(contents(&state.image(Fate::Hostile(NONE), Fill::Nothing))[0].1, b"durable");
        let all = state.image(Fate::Hostile(ALL), Fill::Nothing);
        assert_eq!(contents(&all), contents(&state));
        let last = state.image(Fate::Hostile(&|piece| piece == 1), Fill::Nothing);
        let last = contents(&last).remove(0).1;
        assert_eq!((last.len(), last[510], last[511], last[512]), (607, 0, 0, 7));
        let zeros = state.image(Fate::Hostile(NONE), Fill::Zeros);
        assert_eq!(contents(&zeros)[0].1.len(), 607);
    }

    #[test]
    fn a_name_survives_only_with_the_directory() {
        let disk = disk_with_a_pending_write();
        disk.rename("a", "b").unwrap();
        let state = disk.state();
        assert_eq!(contents(&state.image(Fate::Hostile(NONE), Fill::Nothing))[0].0, "a");
        assert_eq!(contents(&state.image(Fate::Hostile(ALL), Fill::Nothing))[0].0, "b");
        disk.sync().unwrap();
        let state = disk.state();
        assert_eq!(contents(&state.image(Fate::Hostile(NONE), Fill::Nothing))[0].0, "b");
    }

    #[test]
    fn an_ordered_disk_loses_what_came_last() {
        let disk = disk_with_a_pending_write();
        disk.rename("a", "b").unwrap();
        let state = disk.state();
        let found = |last| {
            let image = state.image(Fate::Ordered(last, ALL), Fill::Nothing);
            let (name, bytes) = contents(&image).remove(0);
            (name, bytes.len())
        };
        let found: Vec<_> = state.last_moments().into_iter().map(found).collect();
        assert_eq!(found, [("a".into(), 7), ("a".into(), 607), ("b".into(), 607)]);
    }

    #[test]
    fn a_sync_after_a_failed_one_does_not_bring_back_what_was_lost() {
        use super::super::{Failure, Fault};
        let disk = disk_with_a_pending_write();
        let file = disk.open("a").unwrap();
        let fault = Fault { call: 0, failure: Failure::Input, forever: false };
        let lost = (0..64).find(|chance| {
            disk.fail(fault, chance << 58);
            assert!(file.sync().is_err());
            disk.heal();
            file.sync().unwrap();
            let image = disk.state().image(Fate::Hostile(NONE), Fill::Nothing);
            let is_lost = contents(&image)[0].1 == b"durable";
            file.write_at(&[7; 600], 7).unwrap();
            is_lost
        });
        assert!(lost.is_some());
    }
}
