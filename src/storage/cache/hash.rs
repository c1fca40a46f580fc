//! The hash that spreads keys: eight bytes at a time, and with numbers nobody outside knows, so that a
//! client cannot choose keys that meet.

use crate::sync::random;

/// Hashes keys; each one made does it in its own way.
pub(super) struct KeyHasher {
    first: u64,
    second: u64,
}

impl KeyHasher {
    /// One that differs from every other.
    pub(super) fn new() -> Self {
        Self::of(random().to_le_bytes())
    }

    fn of(seed: [u8; 16]) -> Self {
        let (first, second) = words(seed);
        // Digits of pi, for seeds of few bits.
        Self { first: first ^ 0x243F_6A88_85A3_08D3, second: second ^ 0x1319_8A2E_0370_7344 }
    }

    /// All 64 bits depend on all of the key.
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        let mut state = self.first;
        let (blocks, rest) = key.as_chunks();
        for block in blocks {
            let (a, b) = words(*block);
            state = fold(a ^ state, b ^ self.second);
        }
        if !rest.is_empty() {
            let (words, rest) = rest.as_chunks();
            let a = words.first().map_or(0, |word| u64::from_le_bytes(*word));
            let b = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            state = fold(a ^ state, b ^ self.second);
        }
        // Last, where no bit of the key can make up for it.
        fold(state ^ self.second, self.first ^ key.len() as u64)
    }
}

fn words(bytes: [u8; 16]) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(rest))
}

/// Both halves of a product, in one.
fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = words((u128::from(a) * u128::from(b)).to_le_bytes());
    low ^ high
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn similar_keys_of_every_length_are_far_apart() {
        let hasher = KeyHasher::of([0; 16]);
        let mut seen = HashSet::new();
        for length in 0..40 {
            let mut key = vec![0; length];
            seen.insert(hasher.hash(&key) & 0xFFFF_FFFF);
            for bit in 0..8 * length {
                key[bit / 8] ^= 1 << (bit % 8);
                seen.insert(hasher.hash(&key) & 0xFFFF_FFFF);
                key[bit / 8] ^= 1 << (bit % 8);
            }
        }
        assert!(seen.len() >= 40 + 8 * (39 * 40 / 2) - 1, "{}", seen.len());
        let other = KeyHasher::of([1; 16]);
        assert_ne!(hasher.hash(b"key"), other.hash(b"key"));
    }

    #[test]
    fn counted_keys_fill_buckets_evenly() {
        let hasher = KeyHasher::new();
        for shift in [0, 32, 48] {
            let mut buckets = vec![0_usize; 1024];
            for number in 0..64_u64 << 10 {
                let mut key = [0; 16];
                key[8..].copy_from_slice(&number.to_be_bytes());
                let [a, b, ..] = (hasher.hash(&key) >> shift).to_le_bytes();
                buckets[usize::from(u16::from_le_bytes([a, b])) % 1024] += 1;
            }
            let most = buckets.iter().max().unwrap();
            assert!(*most < 120, "{most} of 64 on average");
        }
    }
}
