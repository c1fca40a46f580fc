//! A queue of bytes, appended at one end and consumed at the other.

/// The capacity that an empty buffer keeps; more is freed, so that an idle connection holds little.
const KEPT_BYTES: usize = 32 << 10;

/// A queue of bytes whose content is one slice.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Consumed bytes at the front; at most the length of `bytes`.
    start: usize,
}

impl Buffer {
    /// Returns the bytes that are not consumed yet.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Returns the number of bytes that are not consumed yet.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Returns the number of bytes of memory.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Returns true if everything is consumed.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the vector to append to; its present content must stay.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        // At most as many bytes are moved as were consumed, so a byte moves once on average.
        if self.start > 0 && self.start >= self.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        &mut self.bytes
    }

    /// Consumes bytes from the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start < self.bytes.len() {
            self.shrink();
            return;
        }
        self.start = 0;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
    }

    /// Frees memory where most of it is unused; the rest moves at most once per halving.
    fn shrink(&mut self) {
        let capacity = self.bytes.capacity();
        if capacity > KEPT_BYTES && self.len() <= capacity / 4 {
            self.bytes.drain(..self.start);
            self.start = 0;
            self.bytes.shrink_to(KEPT_BYTES.max(2 * self.bytes.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut buffer = Buffer::default();
        let (mut appended, mut consumed) = (0_u8, 0_u8);
        for step in 0..200_usize {
            for _ in 0..step % 7 {
                buffer.tail().push(appended);
                appended = appended.wrapping_add(1);
            }
            let count = (step % 5).min(buffer.len());
            for byte in &buffer.as_slice()[..count] {
                assert_eq!(*byte, consumed);
                consumed = consumed.wrapping_add(1);
            }
            buffer.consume(count);
        }
        assert_eq!(usize::from(appended.wrapping_sub(consumed)), buffer.len() % 256);
    }

    #[test]
    fn a_large_buffer_gives_its_memory_back_even_if_a_byte_is_left() {
        let mut buffer = Buffer::default();
        buffer.tail().resize(1 << 20, 0);
        buffer.tail().push(7);
        buffer.consume(1 << 20);
        assert_eq!(buffer.as_slice(), [7]);
        assert!(buffer.bytes.capacity() <= KEPT_BYTES);
    }

    #[test]
    fn a_large_buffer_gives_its_memory_back_once_it_is_consumed() {
        let mut buffer = Buffer::default();
        buffer.tail().resize(1 << 20, 0);
        buffer.consume(1 << 20);
        assert!(buffer.is_empty());
        assert!(buffer.bytes.capacity() <= KEPT_BYTES);
    }
}
