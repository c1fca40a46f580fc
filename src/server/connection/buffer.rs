//! A queue of bytes, appended at one end and consumed at the other.

/// The capacity that an empty buffer keeps; more is freed, so that an idle connection holds little.
const KEPT_BYTES: usize = 32 << 10;

/// The most bytes of room per byte of content that are made for announced bytes.
const ROOM_FACTOR: usize = 64;

/// A queue of bytes whose content is one slice.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Consumed bytes at the front; at most the length of `bytes`.
    start: usize,
    /// The most bytes that `bytes` had since it was allocated, if it has fewer now.
    touched: usize,
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

    /// Returns the number of bytes of memory; the system gives no memory for room that was never
    /// used.
    pub(crate) fn memory(&self) -> usize {
        match self.bytes.capacity() {
            small @ ..=KEPT_BYTES => small,
            _ => self.touched.max(self.bytes.len()),
        }
    }

    /// Returns true if everything is consumed.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the vector to append to; its present content must stay.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        // At most as many bytes are moved as were consumed, so a byte moves once on average.
        if self.start > 0 && self.start >= self.len() {
            self.move_to_front();
        }
        &mut self.bytes
    }

    /// Appends bytes; takes their memory where that saves a copy.
    pub(crate) fn append(&mut self, bytes: Vec<u8>) {
        if self.is_empty() && bytes.len() > KEPT_BYTES {
            *self = Self { bytes, ..Self::default() };
        } else {
            self.tail().extend_from_slice(&bytes);
        }
    }

    /// Makes room for so many announced bytes, so that a long content moves once on its way in.
    ///
    /// Announced bytes may never come, so the room is a multiple of what is there at most.
    pub(crate) fn expect(&mut self, count: usize) {
        let count = count.min(self.len().saturating_mul(ROOM_FACTOR));
        let room = self.bytes.capacity() - self.bytes.len();
        if count > KEPT_BYTES.max(room) && room < self.len() {
            self.move_to_front();
            // Without it the content grows as it comes.
            let _ = self.bytes.try_reserve_exact(count);
            self.touched = 0;
        }
    }

    /// Consumes bytes from the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start < self.bytes.len() {
            self.shrink();
        } else if self.bytes.capacity() > KEPT_BYTES {
            *self = Self::default();
        } else {
            self.start = 0;
            self.bytes.clear();
        }
    }

    /// Frees all memory of an empty buffer. Returns true if it had any.
    pub(crate) fn free(&mut self) -> bool {
        let frees = self.is_empty() && self.bytes.capacity() > 0;
        if frees {
            *self = Self::default();
        }
        frees
    }

    fn move_to_front(&mut self) {
        self.touched = self.touched.max(self.bytes.len());
        self.bytes.drain(..self.start);
        self.start = 0;
    }

    /// Frees memory where most of it is unused; the rest moves at most once per halving.
    fn shrink(&mut self) {
        // Room that was made for announced bytes stays.
        let used = self.touched.max(self.bytes.len());
        if self.bytes.capacity() > KEPT_BYTES && self.len() <= used / 4 {
            self.move_to_front();
            self.bytes.shrink_to(KEPT_BYTES.max(2 * self.bytes.len()));
            self.touched = 0;
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
