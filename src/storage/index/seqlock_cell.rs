//! A cell for slots that fit into a few words: a seqlock ([Lamport 1977][lamport], [Boehm
//! 2012][boehm]).
//!
//! The writer takes the version away before the words change and puts the next one in after them. A
//! reader that finds one version before and after it read the words has read the words of that
//! version. It never retries: what it wants is in the undo log then.
//!
//! A compaction moves a record, so words may change under the same version. The first word tells
//! these apart, because it never returns to an earlier value: it is read first and once more at the
//! end.
//!
//! The cell is 32 bytes beside its key, where a pointer would cost an allocation per write and a
//! cache miss per read. `benches/engines.rs` measures lookups.
//!
//! [lamport]: https://doi.org/10.1145/359863.359878
//! [boehm]: https://doi.org/10.1145/2247684.2247688

use std::marker::PhantomData;

use super::slot::{Cell, Slot};
use crate::bugs::{Bug, planted};
use crate::storage::format::sequence::Sequence;
use crate::sync::{AtomicU64, Ordering, fence};

/// The number of words in a packed slot.
pub(crate) const SLOT_WORDS: usize = 3;

/// A slot that fits into [`SLOT_WORDS`] words.
pub(crate) trait PackedSlot: Slot {
    /// Returns the slot as words. Slots of the same version that differ must differ in the first
    /// word.
    fn pack(&self) -> [u64; SLOT_WORDS];

    /// Returns the slot that was packed into these words.
    fn unpack(words: [u64; SLOT_WORDS]) -> Self;
}

/// A version and the words of its slot, side by side.
pub(crate) struct SeqlockCell<S> {
    /// [`CHANGING`] while the words change.
    version: AtomicU64,
    words: [AtomicU64; SLOT_WORDS],
    slot: PhantomData<fn() -> S>,
}

/// Stands for no version. Zero would not do: a forged log may contain it.
const CHANGING: u64 = u64::MAX;

impl<S> Default for SeqlockCell<S> {
    fn default() -> Self {
        let words = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
        Self { version: AtomicU64::new(CHANGING), words, slot: PhantomData }
    }
}

impl<S: PackedSlot> Cell<S> for SeqlockCell<S> {
    fn load(&self) -> Option<(Sequence, S)> {
        let first = self.words[0].load(Ordering::Acquire);
        let version = self.version.load(Ordering::Acquire);
        if version == CHANGING {
            return None;
        }
        let [_, others @ ..] = &self.words;
        let [second, third] = others.each_ref().map(|word| word.load(Ordering::Relaxed));
        if !planted(Bug::SkipCellCheck) {
            // A reader that saw a word of a later version also sees that the version was taken
            // away.
            fence(Ordering::Acquire);
            if self.version.load(Ordering::Acquire) != version
                || self.words[0].load(Ordering::Acquire) != first
            {
                return None;
            }
        }
        Some((Sequence(version), S::unpack([first, second, third])))
    }

    fn store(&self, version: Sequence, slot: &S) {
        // Release: a reader that sees the change also sees the undo log that was published before
        // it.
        self.version.store(CHANGING, Ordering::Release);
        fence(Ordering::Release);
        for (place, word) in self.words.iter().zip(slot.pack()) {
            place.store(word, Ordering::Relaxed);
        }
        self.version.store(version.0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::unix_millis::UnixMillis;

    /// Words that belong together.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Same(u64);

    impl Slot for Same {
        type Cell = SeqlockCell<Self>;

        fn is_tombstone(&self) -> bool {
            false
        }

        fn expires_at(&self) -> Option<UnixMillis> {
            None
        }
    }

    impl PackedSlot for Same {
        fn pack(&self) -> [u64; SLOT_WORDS] {
            [self.0; SLOT_WORDS]
        }

        fn unpack(words: [u64; SLOT_WORDS]) -> Self {
            assert!(words.iter().all(|word| *word == words[0]), "parts of two: {words:?}");
            Self(words[0])
        }
    }

    #[test]
    fn a_reader_meets_the_whole_of_a_version_or_none() {
        const VERSIONS: u64 = 200_000;
        let cell = SeqlockCell::<Same>::default();
        assert_eq!(cell.load(), None);
        cell.store(Sequence::ZERO, &Same(7));
        assert_eq!(
            cell.load(),
            Some((Sequence::ZERO, Same(7))),
            "no writer gives it, but a log may say it"
        );
        cell.store(Sequence(1), &Same(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=VERSIONS {
                    // Every third time the version stays, as where a compaction moves it.
                    cell.store(Sequence(1 + number - number % 3), &Same(number));
                }
            });
            let (mut newest, mut whole) = ((0, 0), 0);
            while newest.1 < VERSIONS {
                let Some((Sequence(version), Same(number))) = cell.load() else { continue };
                assert_eq!(version, if number == 0 { 1 } else { 1 + number - number % 3 });
                assert!((version, number) >= newest, "it went back");
                newest = (version, number);
                whole += 1;
            }
            assert!(whole > 0);
        });
    }
}
