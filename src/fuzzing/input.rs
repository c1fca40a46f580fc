//! Reads a fuzzer's bytes as choices; where they end, every choice is the first one.

/// The bytes that are left.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Returns one of `count` choices, at most 256.
    pub(super) fn choose(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    pub(super) fn flag(&mut self) -> bool {
        self.choose(2) == 1
    }

    /// Returns a number with a taste for the ends of its range and for what is just behind them.
    pub(super) fn number(&mut self) -> u64 {
        let bytes = [self.byte(), self.byte()];
        let small = u64::from(u16::from_le_bytes(bytes));
        match self.choose(4) {
            0 => small,
            1 => u64::MAX - small,
            2 => u64::from(u32::MAX) - 16 + small % 32,
            _ => 1_u64.rotate_left(u32::from(bytes[0])).wrapping_add(u64::from(bytes[1] % 4)),
        }
    }

    /// Returns a place in something of this length, which may be longer than 256.
    pub(super) fn place(&mut self, length: usize) -> usize {
        let at = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
        at % length.max(1)
    }

    /// Returns up to this many bytes.
    pub(super) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Returns everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
