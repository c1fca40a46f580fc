//! The data that every store holds: keys from a permuted counter, and values that can be verified.

/// The length of every key.
pub const KEY_BYTES: usize = 16;

/// A key.
pub type Key = [u8; KEY_BYTES];

/// The bits of the golden ratio: multiplying by it spreads a counter over all bits.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Returns a bijection of 64 bits that looks random (the finalizer of SplitMix64).
fn permute(number: u64) -> u64 {
    let mut bits = number.wrapping_add(GOLDEN);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Returns the key with this number; neighbours in number are far apart in key order.
pub fn key(number: u64) -> Key {
    let mut key = [0; KEY_BYTES];
    let (high, low) = key.split_at_mut(8);
    high.copy_from_slice(&permute(number).to_be_bytes());
    low.copy_from_slice(&number.to_be_bytes());
    key
}

/// Returns the numbers of `keys` keys in the order of the keys.
pub fn sorted_numbers(keys: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..keys).collect();
    numbers.sort_unstable_by_key(|number| permute(*number));
    numbers
}

/// Returns one eight-byte word of a value; all but the first two look random, so that no store
/// compresses them.
fn word(number: u64, generation: u64, index: u64) -> u64 {
    match index {
        0 => number,
        1 => generation,
        _ => (permute(number) ^ generation).wrapping_add(index).wrapping_mul(GOLDEN),
    }
}

/// Writes the value that the key with this number has in a generation into the whole buffer.
pub fn fill(buffer: &mut [u8], number: u64, generation: u64) {
    for (index, chunk) in (0..).zip(buffer.chunks_mut(8)) {
        let bytes = word(number, generation, index).to_le_bytes();
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
}

/// Returns true if these bytes are a value of the key with this number, in any generation. Every
/// byte is compared.
pub fn is_value(bytes: &[u8], number: u64, value_bytes: usize) -> bool {
    let Some(generation) = bytes.get(8..16).and_then(|bytes| bytes.try_into().ok()) else {
        return false;
    };
    let generation = u64::from_le_bytes(generation);
    bytes.len() == value_bytes
        && (0..).zip(bytes.chunks(8)).all(|(index, chunk)| {
            chunk == &word(number, generation, index).to_le_bytes()[..chunk.len()]
        })
}

/// Numbers that look random and are the same in every run (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Returns a sequence of its own for every seed.
    pub fn new(seed: u64) -> Self {
        Self(permute(seed))
    }

    /// Returns the next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        permute(self.0)
    }

    /// Returns a number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(limit);
        // The upper half of the product is below the limit.
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// Returns a number in `0.0..1.0`.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit a float")]
    pub fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A choice of the keys that are asked for.
#[derive(Debug, Clone)]
pub enum Choice {
    /// Every key as often.
    Uniform {
        /// The number of keys.
        keys: u64,
    },
    /// Few keys often and many rarely, with the exponent 0.99 that YCSB uses.
    Zipfian(Zipfian),
}

impl Choice {
    /// Returns the number of the next key.
    pub fn next(&self, random: &mut Random) -> u64 {
        match self {
            Self::Uniform { keys } => random.below(*keys),
            Self::Zipfian(zipfian) => zipfian.next(random),
        }
    }
}

/// The sampler of Gray et al., "Quickly generating billion-record synthetic databases".
#[derive(Debug, Clone)]
pub struct Zipfian {
    keys: u64,
    zeta: f64,
    eta: f64,
}

/// The exponent.
const THETA: f64 = 0.99;

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is far below 2^53 and not negative"
)]
impl Zipfian {
    /// Returns a sampler of `keys` keys; takes time in proportion to them.
    pub fn new(keys: u64) -> Self {
        let zeta: f64 = (1..=keys).map(|rank| (rank as f64).powf(-THETA)).sum();
        let zeta_two = 1.0 + 0.5_f64.powf(THETA);
        let eta = (1.0 - (2.0 / keys as f64).powf(1.0 - THETA)) / (1.0 - zeta_two / zeta);
        Self { keys, zeta, eta }
    }

    fn next(&self, random: &mut Random) -> u64 {
        let point = random.fraction();
        let scaled = point * self.zeta;
        if scaled < 1.0 {
            return 0;
        }
        if scaled < 1.0 + 0.5_f64.powf(THETA) {
            return 1.min(self.keys - 1);
        }
        let base = self.eta * point - self.eta + 1.0;
        let rank = self.keys as f64 * base.powf(1.0 / (1.0 - THETA));
        (rank as u64).min(self.keys - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_verified_byte_by_byte() {
        for length in [16, 100, 4096] {
            let mut value = vec![0; length];
            fill(&mut value, 7, 3);
            assert!(is_value(&value, 7, length));
            assert!(!is_value(&value, 8, length));
            assert!(!is_value(&value[1..], 7, length));
            for position in (0..8).chain(16..length) {
                value[position] ^= 1;
                assert!(!is_value(&value, 7, length), "byte {position}");
                value[position] ^= 1;
            }
        }
    }

    #[test]
    fn sorted_numbers_give_sorted_keys() {
        let keys: Vec<Key> = sorted_numbers(1000).into_iter().map(key).collect();
        assert!(keys.is_sorted());
        assert_ne!(key(0), key(1));
    }

    #[test]
    fn zipfian_prefers_few_keys_and_stays_below_the_limit() {
        let zipfian = Choice::Zipfian(Zipfian::new(1000));
        let mut random = Random::new(1);
        let numbers: Vec<u64> = (0..10_000).map(|_| zipfian.next(&mut random)).collect();
        assert!(numbers.iter().all(|number| *number < 1000));
        assert!(numbers.iter().filter(|number| **number < 10).count() > 3000);
    }
}
