//! The checksum at the end of a dumped value: [CRC-64 of Jones][crc], which Redis uses.
//!
//! [crc]: https://github.com/redis/redis/blob/7.0.15/src/crc64.c

/// The polynomial, its lowest bit first.
const POLYNOMIAL: u64 = 0x95AC_9329_AC4B_C9B5;

/// The checksum of each byte.
static TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let (mut checksum, mut bit) = (byte as u64, 0);
        while bit < 8 {
            let is_odd = checksum & 1 == 1;
            checksum >>= 1;
            if is_odd {
                checksum ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = checksum;
        byte += 1;
    }
    table
}

/// Returns the checksum of some bytes.
pub(super) fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |checksum: u64, byte| {
        let [lowest, ..] = checksum.to_le_bytes();
        TABLE[usize::from(lowest ^ byte)] ^ checksum >> 8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_usual_digits_is_the_known_one() {
        assert_eq!(crc64(b"123456789"), 0xE9C6_D914_C4B8_D9CA);
        assert_eq!(crc64(b""), 0);
    }
}
