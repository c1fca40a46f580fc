//! The keys of a leaf, as words that the writer appends while others read.
//!
//! A key takes whole words in big-endian order, the last one padded with zeros, so keys compare as
//! their words do, and by length if these are equal. The first 16 bytes of a key are beside its
//! version, because a lookup mostly waits for memory; the rest of longer keys is in one list per
//! leaf.

use std::cmp::Ordering as Order;

use crate::sync::{AtomicU64, Ordering};

const WORD: usize = size_of::<u64>();

/// The number of words in a head.
pub(super) const HEAD_WORDS: usize = 2;

/// Returns the bytes of a key of this length that are not in its head.
pub(super) fn tail_bytes(key_bytes: u64) -> u64 {
    key_bytes.div_ceil(WORD as u64).saturating_sub(HEAD_WORDS as u64) * WORD as u64
}

/// The length and the first words of a key.
#[derive(Default)]
pub(super) struct KeyHead {
    /// A [`KeySpan`].
    span: AtomicU64,
    words: [AtomicU64; HEAD_WORDS],
}

impl KeyHead {
    /// Returns the head of a key of these words and this length in bytes, whose tail begins at
    /// `start`.
    pub(super) fn new(words: &[u64], bytes: usize, start: usize) -> Self {
        let word = |number: usize| AtomicU64::new(words.get(number).copied().unwrap_or_default());
        let span = KeySpan::new(start, bytes).pack();
        Self { span: AtomicU64::new(span), words: std::array::from_fn(word) }
    }

    fn span(&self) -> KeySpan {
        KeySpan::unpack(self.span.load(Ordering::Relaxed))
    }

    /// Returns the key's length in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.span().bytes as usize
    }

    /// Returns the end of its tail in the list.
    pub(super) fn end(&self) -> usize {
        self.span().end()
    }
}

/// The length of a key and the start of its tail.
#[derive(Debug, Clone, Copy)]
struct KeySpan {
    /// The position of the tail's first word.
    start: u32,
    /// The key's length in bytes.
    bytes: u32,
}

impl KeySpan {
    /// Makes the span; both numbers fit, as one pass of a rewrite takes keys of less than 4 GiB.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "keys have at most 64 KiB, passes are bounded"
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

    /// Returns both numbers in one.
    fn pack(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.bytes)
    }

    /// Returns the span that was packed.
    #[expect(clippy::cast_possible_truncation, reason = "each half is a number of that size")]
    fn unpack(packed: u64) -> Self {
        Self { start: (packed >> 32) as u32, bytes: packed as u32 }
    }
}

/// Returns the words of a key.
pub(super) fn words(key: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = key.as_chunks();
    let whole = whole.iter().map(|chunk| u64::from_be_bytes(*chunk));
    whole.chain((!rest.is_empty()).then(|| padded(rest)))
}

/// Returns the last word of a key, padded with zeros.
fn padded(rest: &[u8]) -> u64 {
    let mut padded = [0; WORD];
    padded[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(padded)
}

/// The words of a leaf's keys that do not fit into their heads.
pub(super) struct KeyTails(Box<[AtomicU64]>);

impl KeyTails {
    /// Returns a list of these words and space for more.
    pub(super) fn new(words: &[u64], spare: usize) -> Self {
        let words = words.iter().copied().chain(std::iter::repeat_n(0, spare));
        Self(words.map(AtomicU64::new).collect())
    }

    /// Returns the bytes of memory that the list takes.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Stores a key in an empty head and, from the word `start` on, in the list. Returns `None` if
    /// the list has no space. Readers learn of the key by a later store with `Release`.
    pub(super) fn append(&self, head: &KeyHead, start: usize, key: &[u8]) -> Option<()> {
        let span = KeySpan::new(start, key.len());
        let room = self.0.get(start..span.end())?;
        for (place, word) in head.words.iter().chain(room).zip(words(key)) {
            place.store(word, Ordering::Relaxed);
        }
        head.span.store(span.pack(), Ordering::Relaxed);
        Some(())
    }

    /// Returns the words after the head of a key.
    fn rest(&self, span: KeySpan) -> &[AtomicU64] {
        self.0.get(span.start as usize..span.end()).unwrap_or_default()
    }

    /// Returns the words of a key.
    pub(super) fn words<'a>(&'a self, head: &'a KeyHead) -> impl Iterator<Item = u64> + 'a {
        let span = head.span();
        let words = head.words.iter().take(span.words()).chain(self.rest(span));
        words.map(|word| word.load(Ordering::Relaxed))
    }

    /// Returns true if this is the key of the head.
    pub(super) fn is(&self, head: &KeyHead, key: &[u8]) -> bool {
        let span = head.span();
        if span.bytes as usize != key.len() {
            return false;
        }
        let mut wanted = words(key);
        let mut is_next = |place: &AtomicU64| {
            wanted.next().is_none_or(|word| place.load(Ordering::Relaxed) == word)
        };
        head.words.iter().all(&mut is_next) && self.rest(span).iter().all(is_next)
    }

    /// Compares the key of the head to this one.
    pub(super) fn compare(&self, head: &KeyHead, key: &[u8]) -> Order {
        let unequal = self.words(head).zip(words(key)).find(|(a, b)| a != b);
        unequal.map_or(head.bytes().cmp(&key.len()), |(a, b)| a.cmp(&b))
    }

    /// Compares the keys of two heads.
    pub(super) fn compare_both(&self, a: &KeyHead, b: &KeyHead) -> Order {
        let unequal = self.words(a).zip(self.words(b)).find(|(a, b)| a != b);
        unequal.map_or(a.bytes().cmp(&b.bytes()), |(a, b)| a.cmp(&b))
    }

    /// Returns the key of the head.
    pub(super) fn bytes(&self, head: &KeyHead) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.append_bytes(head, &mut bytes);
        bytes
    }

    /// Appends the key of the head.
    pub(super) fn append_bytes(&self, head: &KeyHead, out: &mut Vec<u8>) {
        append_key(self.words(head), head.bytes(), out);
    }
}

/// Returns the key that has these words and this length.
pub(super) fn key_bytes(words: impl Iterator<Item = u64>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_key(words, length, &mut bytes);
    bytes
}

/// Appends the key that has these words and this length.
fn append_key(words: impl Iterator<Item = u64>, length: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.reserve(length.next_multiple_of(WORD));
    words.for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    out.truncate(start + length);
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
        let keys = KeyTails::new(&[], 20);
        let heads: Vec<_> = all.iter().map(|_| KeyHead::default()).collect();
        let mut end = 0;
        for (head, key) in heads.iter().zip(&all) {
            keys.append(head, end, key).unwrap();
            end = head.end();
        }
        for (head, key) in heads.iter().zip(&all) {
            assert_eq!(keys.bytes(head), *key);
            for (other_head, other) in heads.iter().zip(&all) {
                assert_eq!(keys.is(head, other), key == other);
                assert_eq!(keys.compare(head, other), key.cmp(other));
                assert_eq!(keys.compare_both(head, other_head), key.cmp(other));
            }
        }
    }

    #[test]
    fn only_keys_too_long_for_their_cell_take_space_and_without_it_are_refused() {
        let keys = KeyTails::new(&[], 2);
        let append = |start, bytes: usize| {
            let head = KeyHead::default();
            keys.append(&head, start, &vec![1; bytes]).map(|()| head.end())
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
