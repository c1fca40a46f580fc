//! The compression of dumped values, [LZF][lzf], as far as it is read.
//!
//! [lzf]: http://oldhome.schmorp.de/marc/liblzf.html

/// Below this control byte so many bytes and one more follow as they are.
const LITERALS: u8 = 32;

/// A length that is continued in the next byte.
const LONG: usize = 7;

/// Returns what was compressed, if it has so many bytes.
pub(crate) fn expand(mut compressed: &[u8], bytes: usize) -> Option<Vec<u8>> {
    // Three bytes expand to 264 at most.
    let mut expanded = Vec::with_capacity(bytes.min(compressed.len().saturating_mul(88)));
    while let Some((control, rest)) = compressed.split_first() {
        compressed = rest;
        if *control < LITERALS {
            let (literals, rest) = compressed.split_at_checked(usize::from(*control) + 1)?;
            expanded.extend_from_slice(literals);
            compressed = rest;
        } else {
            let mut length = usize::from(control >> 5);
            if length == LONG {
                let (more, rest) = compressed.split_first()?;
                length += usize::from(*more);
                compressed = rest;
            }
            let (low, rest) = compressed.split_first()?;
            compressed = rest;
            let back = (usize::from(control & 0x1F) << 8) + usize::from(*low) + 1;
            repeat(&mut expanded, back, length + 2)?;
        }
        if expanded.len() > bytes {
            return None;
        }
    }
    Some(expanded).filter(|expanded| expanded.len() == bytes)
}

/// Appends so many bytes that begin so far back, some of which may be appended here.
fn repeat(expanded: &mut Vec<u8>, back: usize, length: usize) -> Option<()> {
    let start = expanded.len().checked_sub(back)?;
    let mut left = length;
    while left > 0 {
        // What is there from `start` on repeats itself, so it may be copied as far as it goes.
        let copied = left.min(expanded.len() - start);
        expanded.extend_from_within(start..start + copied);
        left -= copied;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_repetitions_are_expanded() {
        assert_eq!(expand(b"\x02abc", 3).unwrap(), b"abc");
        assert_eq!(expand(b"\x00a\xe0\x0a\x00", 20).unwrap(), [b'a'; 20]);
        assert_eq!(expand(b"\x02abc\x20\x02\x00d", 7).unwrap(), b"abcabcd");
        assert_eq!(expand(b"", 0).unwrap(), b"");
    }

    #[test]
    fn what_is_cut_or_has_another_length_is_refused() {
        let whole = b"\x02abc\x20\x02\x00d";
        for end in 1..whole.len() {
            assert_eq!(expand(&whole[..end], 7), None, "{end}");
        }
        for bytes in [0, 6, 8] {
            assert_eq!(expand(whole, bytes), None);
        }
        assert_eq!(expand(b"\x20\x00", 3), None, "nothing is repeated");
    }
}
