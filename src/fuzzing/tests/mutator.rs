//! New inputs from known ones, the same for the same seed.

/// Mutates and splices the inputs of a corpus.
pub(super) struct Mutator<'c> {
    state: u64,
    corpus: &'c [Vec<u8>],
}

/// Bytes that are often at the edge of something.
const INTERESTING: [&[u8]; 12] = [
    &[0],
    &[1],
    &[0x7F],
    &[0x80],
    &[0xFF],
    &[0xFF; 4],
    &[0xFF; 8],
    &[0xFF, 0xFF, 0xFF, 0x7F],
    &[0, 0, 0, 0],
    b"\r\n",
    b"-1",
    b"9223372036854775807",
];

/// Longer inputs find little that shorter ones do not, and take longer.
const BYTES_MAX: usize = 2048;

impl<'c> Mutator<'c> {
    pub(super) fn new(seed: u64, corpus: &'c [Vec<u8>]) -> Self {
        Self { state: seed, corpus }
    }

    /// Returns a number below `count`.
    fn roll(&mut self, count: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 32).unwrap() % count.max(1)
    }

    fn entry(&mut self) -> &'c [u8] {
        let at = self.roll(self.corpus.len());
        &self.corpus[at]
    }

    pub(super) fn next(&mut self) -> Vec<u8> {
        let mut bytes = self.entry().to_vec();
        for _ in 0..=self.roll(6) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.roll(bytes.len() + 1);
        let end = bytes.len().min(at + 1 + self.roll(32));
        match self.roll(9) {
            0 | 1 => {
                let flip = 1 << self.roll(8);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= flip);
            }
            2 => {
                let drawn = self.roll(256).to_le_bytes()[0];
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = drawn);
            }
            3 => drop(bytes.drain(at..end)),
            4 => {
                let repeated = bytes[at..end].to_vec();
                let to = self.roll(bytes.len() + 1);
                drop(bytes.splice(to..to, repeated));
            }
            5 => {
                let known = INTERESTING[self.roll(INTERESTING.len())];
                let behind = bytes.len().min(at + known.len());
                let replaced = if self.roll(2) == 0 { at..at } else { at..behind };
                drop(bytes.splice(replaced, known.iter().copied()));
            }
            6 => {
                let drawn: Vec<u8> =
                    (0..=self.roll(16)).map(|_| self.roll(256).to_le_bytes()[0]).collect();
                drop(bytes.splice(at..at, drawn));
            }
            7 => {
                let other = self.entry();
                bytes.truncate(at);
                bytes.extend_from_slice(&other[self.roll(other.len() + 1)..]);
            }
            _ => {
                let other = self.entry();
                let start = self.roll(other.len() + 1);
                let part = &other[start..other.len().min(start + 1 + self.roll(64))];
                drop(bytes.splice(at..end.max(at), part.iter().copied()));
            }
        }
    }
}
