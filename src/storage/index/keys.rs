//! The keys of a leaf, as words that may be added to while others read them.
//!
//! A key takes whole words, its last one filled up with zeros. As words are made of bytes with the first
//! byte highest, keys compare as their words do, and by length where these are equal. The first words of a
//! key lie in a cell of its own, beside what the leaf says of it, since a lookup mostly waits for memory;
//! those of longer keys go on in one list.

use std::cmp::Ordering as Order;

use crate::sync::{AtomicU64, Ordering};

const WORD: usize = size_of::<u64>();

/// Words of a key that lie in its cell.
pub(super) const HEAD_WORDS: usize = 2;

/// A key, but for the words that do not fit.
#[derive(Default)]
pub(super) struct KeyCell {
    /// A [`Span`].
    span: AtomicU64,
    head: [AtomicU64; HEAD_WORDS],
}

impl KeyCell {
    /// A key of these words and this length in bytes; those behind the head begin at `start`.
    pub(super) fn new(words: &[u64], bytes: usize, start: usize) -> Self {
        let word = |number: usize| AtomicU64::new(words.get(number).copied().unwrap_or_default());
        let span = Span::new(start, bytes).pack();
        Self { span: AtomicU64::new(span), head: std::array::from_fn(word) }
    }

    fn span(&self) -> Span {
        Span::unpack(self.span.load(Ordering::Relaxed))
    }

    /// The key's length in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.span().bytes as usize
    }

    /// Where its words in the list end.
    pub(super) fn end(&self) -> usize {
        self.span().end()
    }
}

/// The length of a key, and where its words go on.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The first word behind the head.
    start: u32,
    /// Its length in bytes.
    bytes: u32,
}

impl Span {
    /// Whoever updates the tree keeps the keys of one update below 4 GiB.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "keys have at most 64 KiB, updates are cut up"
    )]
    fn new(start: usize, bytes: usize) -> Self {
        Self { start: start as u32, bytes: bytes as u32 }
    }

    fn words(self) -> usize {
        (self.bytes as usize).div_ceil(WORD)
    }

    fn end(self) -> usize {
        self.start as usize + self.words().saturating_sub(HEAD_WORDS)
    }

    /// Both numbers in one.
    fn pack(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.bytes)
    }

    /// What was packed.
    #[expect(clippy::cast_possible_truncation, reason = "each half is a number of that size")]
    fn unpack(packed: u64) -> Self {
        Self { start: (packed >> 32) as u32, bytes: packed as u32 }
    }
}

/// The words of a key.
pub(super) fn words(key: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = key.as_chunks();
    let whole = whole.iter().map(|chunk| u64::from_be_bytes(*chunk));
    whole.chain((!rest.is_empty()).then(|| padded(rest)))
}

/// Less than a word of a key, filled up with zeros.
fn padded(rest: &[u8]) -> u64 {
    let mut padded = [0; WORD];
    padded[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(padded)
}

/// The words behind the heads of the keys of one leaf.
pub(super) struct Keys(Box<[AtomicU64]>);

impl Keys {
    /// These words, and room for more.
    pub(super) fn new(words: &[u64], spare: usize) -> Self {
        let words = words.iter().copied().chain(std::iter::repeat_n(0, spare));
        Self(words.map(AtomicU64::new).collect())
    }

    /// Puts a key into an empty cell, and behind what ends at the word `start`, if there is room. Nobody may
    /// look for it before something is stored with `Release` that tells of it.
    pub(super) fn append(&self, cell: &KeyCell, start: usize, key: &[u8]) -> Option<()> {
        let span = Span::new(start, key.len());
        let room = self.0.get(start..span.end())?;
        for (place, word) in cell.head.iter().chain(room).zip(words(key)) {
            place.store(word, Ordering::Relaxed);
        }
        cell.span.store(span.pack(), Ordering::Relaxed);
        Some(())
    }

    /// The words behind the head of a key.
    fn rest(&self, span: Span) -> &[AtomicU64] {
        self.0.get(span.start as usize..span.end()).unwrap_or_default()
    }

    /// The words of a key.
    pub(super) fn words<'a>(&'a self, cell: &'a KeyCell) -> impl Iterator<Item = u64> + 'a {
        let span = cell.span();
        let words = cell.head.iter().take(span.words()).chain(self.rest(span));
        words.map(|word| word.load(Ordering::Relaxed))
    }

    /// Whether this is the key there.
    pub(super) fn is(&self, cell: &KeyCell, key: &[u8]) -> bool {
        let span = cell.span();
        if span.bytes as usize != key.len() {
            return false;
        }
        let mut wanted = words(key);
        let mut is_next = |place: &AtomicU64| {
            wanted.next().is_none_or(|word| place.load(Ordering::Relaxed) == word)
        };
        cell.head.iter().all(&mut is_next) && self.rest(span).iter().all(is_next)
    }

    /// How the key there compares to this one.
    pub(super) fn compare(&self, cell: &KeyCell, key: &[u8]) -> Order {
        let unequal = self.words(cell).zip(words(key)).find(|(a, b)| a != b);
        unequal.map_or(cell.bytes().cmp(&key.len()), |(a, b)| a.cmp(&b))
    }

    /// How two keys compare.
    pub(super) fn compare_both(&self, a: &KeyCell, b: &KeyCell) -> Order {
        let unequal = self.words(a).zip(self.words(b)).find(|(a, b)| a != b);
        unequal.map_or(a.bytes().cmp(&b.bytes()), |(a, b)| a.cmp(&b))
    }

    /// The key's bytes.
    pub(super) fn bytes(&self, cell: &KeyCell) -> Vec<u8> {
        key_bytes(self.words(cell), cell.bytes())
    }
}

/// The bytes of a key that has these words and this length.
pub(super) fn key_bytes(words: impl Iterator<Item = u64>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length.next_multiple_of(WORD));
    words.for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_and_compare_as_their_bytes_do() {
        let zeros: [&[u8]; 5] = [b"", b"\0", b"\0\0", b"\0\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0"];
        let others: [&[u8]; 10] = [
            b"a",
            b"a\0",
            b"abcdefgh",
            b"abcdefg\xff",
            b"abcdefghi",
            b"abcdefgh\0",
            b"abcdefghijklmnop",
            b"abcdefghijklmnopq",
            b"abcdefghijklmnopr",
            b"abcdefghijklmnopqrstuvwxyz",
        ];
        let all: Vec<&[u8]> = zeros.into_iter().chain(others).collect();
        let keys = Keys::new(&[], 20);
        let cells: Vec<_> = all.iter().map(|_| KeyCell::default()).collect();
        let mut end = 0;
        for (cell, key) in cells.iter().zip(&all) {
            keys.append(cell, end, key).unwrap();
            end = cell.end();
        }
        for (cell, key) in cells.iter().zip(&all) {
            assert_eq!(keys.bytes(cell), *key);
            for (other_cell, other) in cells.iter().zip(&all) {
                assert_eq!(keys.is(cell, other), key == other);
                assert_eq!(keys.compare(cell, other), key.cmp(other));
                assert_eq!(keys.compare_both(cell, other_cell), key.cmp(other));
            }
        }
    }

    #[test]
    fn only_what_does_not_fit_into_its_cell_takes_room_and_what_has_none_is_refused() {
        let keys = Keys::new(&[], 2);
        let append = |start, bytes: usize| {
            let cell = KeyCell::default();
            keys.append(&cell, start, &vec![1; bytes]).map(|()| cell.end())
        };
        for (start, bytes, end) in [
            (0, 0, Some(0)),
            (0, 16, Some(0)),
            (0, 17, Some(1)),
            (1, 25, None),
            (1, 24, Some(2)),
            (2, 16, Some(2)),
            (2, 17, None),
        ] {
            assert_eq!(append(start, bytes), end, "{bytes} bytes at {start}");
        }
    }
}
