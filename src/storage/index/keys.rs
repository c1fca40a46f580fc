//! The keys of a leaf, as words that may be appended to while others read them.
//!
//! A key takes whole words, its last one filled up with zeros. As words are made of bytes with the first
//! byte highest, keys compare as their words do, and by length where these are equal.

use std::cmp::Ordering as Order;

use crate::sync::{AtomicU64, Ordering};

const WORD: usize = size_of::<u64>();

/// Where a key lies among the words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first word.
    pub(super) start: u32,
    /// Its length in bytes.
    pub(super) bytes: u32,
}

impl Span {
    /// Behind the last of its words.
    pub(super) fn end(self) -> usize {
        self.start as usize + (self.bytes as usize).div_ceil(WORD)
    }

    /// Both numbers in one.
    pub(super) fn pack(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.bytes)
    }

    /// What was packed.
    #[expect(clippy::cast_possible_truncation, reason = "each half is a number of that size")]
    pub(super) fn unpack(packed: u64) -> Self {
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

/// How many words a key takes.
pub(super) fn word_count(key: &[u8]) -> usize {
    key.len().div_ceil(WORD)
}

/// Room for the keys of one leaf.
pub(super) struct Keys(Box<[AtomicU64]>);

impl Keys {
    /// These words, and room for more.
    pub(super) fn new(words: &[u64], spare: usize) -> Self {
        let words = words.iter().copied().chain(std::iter::repeat_n(0, spare));
        Self(words.map(AtomicU64::new).collect())
    }

    /// Puts a key behind what ends at the word `start`, if there is room. Nobody may look for it before
    /// something is stored with `Release` that tells of it.
    pub(super) fn append(&self, start: usize, key: &[u8]) -> Option<Span> {
        let room = self.0.get(start..start + word_count(key))?;
        for (place, word) in room.iter().zip(words(key)) {
            place.store(word, Ordering::Relaxed);
        }
        let (start, bytes) = (u32::try_from(start).ok()?, u32::try_from(key.len()).ok()?);
        Some(Span { start, bytes })
    }

    /// The words of a key.
    pub(super) fn words(&self, span: Span) -> impl Iterator<Item = u64> {
        let words = self.0.get(span.start as usize..span.end()).unwrap_or_default();
        words.iter().map(|word| word.load(Ordering::Relaxed))
    }

    /// Whether this is the key there.
    pub(super) fn is(&self, span: Span, key: &[u8]) -> bool {
        if span.bytes as usize != key.len() {
            return false;
        }
        let stored = self.0.get(span.start as usize..span.end()).unwrap_or_default();
        let is_same = |(stored, word): (&AtomicU64, u64)| stored.load(Ordering::Relaxed) == word;
        stored.iter().zip(words(key)).all(is_same)
    }

    /// How the key there compares to this one.
    pub(super) fn compare(&self, span: Span, key: &[u8]) -> Order {
        let unequal = self.words(span).zip(words(key)).find(|(a, b)| a != b);
        unequal.map_or((span.bytes as usize).cmp(&key.len()), |(a, b)| a.cmp(&b))
    }

    /// How two keys compare.
    pub(super) fn compare_both(&self, a: Span, b: Span) -> Order {
        let unequal = self.words(a).zip(self.words(b)).find(|(a, b)| a != b);
        unequal.map_or(a.bytes.cmp(&b.bytes), |(a, b)| a.cmp(&b))
    }

    /// The key's bytes.
    pub(super) fn bytes(&self, span: Span) -> Vec<u8> {
        key_bytes(self.words(span), span.bytes as usize)
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
        let others: [&[u8]; 6] =
            [b"a", b"a\0", b"abcdefgh", b"abcdefg\xff", b"abcdefghi", b"abcdefgh\0"];
        let all = zeros.iter().chain(&others);
        let keys = Keys::new(&[], 20);
        let mut spans = Vec::new();
        for key in all.clone() {
            let start = spans.last().map_or(0, |span: &Span| span.end());
            let span = keys.append(start, key).unwrap();
            assert_eq!(Span::unpack(span.pack()), span);
            spans.push(span);
        }
        for (span, key) in spans.iter().zip(all.clone()) {
            assert_eq!(keys.bytes(*span), *key);
            for (other_span, other) in spans.iter().zip(all.clone()) {
                assert_eq!(keys.is(*span, other), key == other);
                assert_eq!(keys.compare(*span, other), key.cmp(other));
                assert_eq!(keys.compare_both(*span, *other_span), key.cmp(other));
            }
        }
    }

    #[test]
    fn a_key_that_does_not_fit_is_refused() {
        let keys = Keys::new(&[], 2);
        assert_eq!(keys.append(0, b"12345678"), Some(Span { start: 0, bytes: 8 }));
        assert_eq!(keys.append(1, b"123456789"), None);
        assert_eq!(keys.append(1, b"1"), Some(Span { start: 1, bytes: 1 }));
        assert_eq!(keys.append(2, b"1"), None);
        assert_eq!(keys.append(2, b""), Some(Span { start: 2, bytes: 0 }));
    }
}
