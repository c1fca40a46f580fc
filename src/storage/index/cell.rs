//! The place of a key's newest version, which one thread replaces while others read it without a lock.

use std::marker::PhantomData;

use super::Slot;
use crate::bugs::{Bug, planted};
use crate::sync::{AtomicU64, Ordering, PublishedOption, fence};

/// Holds a version and what it says.
pub(crate) trait Cell<S>: Default + Send + Sync {
    /// The version there; `None` while it is being replaced, or where there is none yet.
    fn load(&self) -> Option<(u64, S)>;

    /// Replaces what is there. Only one thread does, and a reader may meet it half-way: what was there
    /// before must be found elsewhere by then.
    fn store(&self, version: u64, slot: &S);
}

/// A slot that a few words say.
pub(crate) trait Words: Slot {
    /// The words. The first one is another one wherever the same version says something else.
    fn pack(&self) -> [u64; WORDS];

    /// What was packed.
    fn unpack(words: [u64; WORDS]) -> Self;
}

/// Words of a slot.
pub(crate) const WORDS: usize = 3;

/// A version and the words of its slot, side by side.
///
/// The version is taken away before the words change and put back behind them, so that a reader that finds
/// the same version before and after it read the words has read those of this version. A slot that
/// changes under the same version is told by its first word, which never returns to what it was: it is
/// read before everything else and once more at the end.
pub(crate) struct WordsCell<S> {
    /// [`CHANGING`] while the words change.
    version: AtomicU64,
    words: [AtomicU64; WORDS],
    slot: PhantomData<fn() -> S>,
}

/// Above every version that is believed, while zero may be one where a log was forged.
const CHANGING: u64 = u64::MAX;

impl<S> Default for WordsCell<S> {
    fn default() -> Self {
        let words = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
        Self { version: AtomicU64::new(CHANGING), words, slot: PhantomData }
    }
}

impl<S: Words> Cell<S> for WordsCell<S> {
    fn load(&self) -> Option<(u64, S)> {
        let first = self.words[0].load(Ordering::Acquire);
        let version = self.version.load(Ordering::Acquire);
        if version == CHANGING {
            return None;
        }
        let [_, others @ ..] = &self.words;
        let [second, third] = others.each_ref().map(|word| word.load(Ordering::Relaxed));
        if !planted(Bug::SkipCellCheck) {
            // Whoever sees a word of a later version also sees that the version was taken away.
            fence(Ordering::Acquire);
            if self.version.load(Ordering::Acquire) != version
                || self.words[0].load(Ordering::Acquire) != first
            {
                return None;
            }
        }
        Some((version, S::unpack([first, second, third])))
    }

    fn store(&self, version: u64, slot: &S) {
        // Who sees that it changes also sees what was told of it before.
        self.version.store(CHANGING, Ordering::Release);
        fence(Ordering::Release);
        for (place, word) in self.words.iter().zip(slot.pack()) {
            place.store(word, Ordering::Relaxed);
        }
        self.version.store(version, Ordering::Release);
    }
}

/// For slots that are no words: one pointer to both.
pub(crate) struct PointerCell<S>(PublishedOption<(u64, S)>);

impl<S> Default for PointerCell<S> {
    fn default() -> Self {
        Self(PublishedOption::default())
    }
}

impl<S: Clone + Send + Sync> Cell<S> for PointerCell<S> {
    fn load(&self) -> Option<(u64, S)> {
        self.0.load().as_ref().map(|both| (both.0, both.1.clone()))
    }

    fn store(&self, version: u64, slot: &S) {
        self.0.swap(Some((version, slot.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that belong together.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Same(u64);

    impl Slot for Same {
        type Cell = WordsCell<Self>;

        fn is_tombstone(&self) -> bool {
            false
        }

        fn expires_at(&self) -> Option<u64> {
            None
        }
    }

    impl Words for Same {
        fn pack(&self) -> [u64; WORDS] {
            [self.0; WORDS]
        }

        fn unpack(words: [u64; WORDS]) -> Self {
            assert!(words.iter().all(|word| *word == words[0]), "parts of two: {words:?}");
            Self(words[0])
        }
    }

    #[test]
    fn a_reader_meets_the_whole_of_a_version_or_none() {
        const VERSIONS: u64 = 200_000;
        let cell = WordsCell::<Same>::default();
        assert_eq!(cell.load(), None);
        cell.store(0, &Same(7));
        assert_eq!(cell.load(), Some((0, Same(7))), "no writer gives it, but a log may say it");
        cell.store(1, &Same(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=VERSIONS {
                    // Every third time the version stays, as where a compaction moves it.
                    cell.store(1 + number - number % 3, &Same(number));
                }
            });
            let (mut newest, mut whole) = ((0, 0), 0);
            while newest.1 < VERSIONS {
                let Some((version, Same(number))) = cell.load() else { continue };
                assert_eq!(version, if number == 0 { 1 } else { 1 + number - number % 3 });
                assert!((version, number) >= newest, "it went back");
                newest = (version, number);
                whole += 1;
            }
            assert!(whole > 0);
        });
    }

    #[test]
    fn a_pointer_holds_what_was_stored_last() {
        let cell = PointerCell::<&str>::default();
        assert_eq!(cell.load(), None);
        cell.store(1, &"a");
        cell.store(2, &"b");
        assert_eq!(cell.load(), Some((2, "b")));
    }
}
