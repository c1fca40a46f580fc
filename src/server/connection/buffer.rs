//! A queue of bytes, appended at one end and consumed at the other.

/// The capacity that an empty buffer keeps; more is freed, so that an idle connection holds little.
const KEPT_BYTES: usize = 32 << 10;

/// The most bytes of room per byte of content that are made for announced bytes.
const ROOM_FACTOR: usize = 8;

/// The unit in which the system gives memory to large buffers: that of a huge page.
const PAGE_BYTES: usize = 2 << 20;

/// A queue of bytes whose content is one slice.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Consumed bytes at the front; at most the length of `bytes`.
    start: usize,
    /// The most bytes that `bytes` had since it was allocated, if it has fewer now.
    touched: usize,
    /// The capacity when [`Buffer::take_left`] last looked.
    known_capacity: usize,
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

    /// Returns the number of bytes of memory; the system gives none for pages that were never used.
    pub(crate) fn memory(&self) -> usize {
        let touched = self.touched.max(self.bytes.len());
        self.bytes.capacity().min(touched.next_multiple_of(PAGE_BYTES))
    }

    /// Returns the bytes of the memory that the content moved out of since the last call, when it
    /// grew out of them.
    pub(crate) fn take_left(&mut self) -> usize {
        let known = std::mem::replace(&mut self.known_capacity, self.bytes.capacity());
        if self.bytes.capacity() > known { known } else { 0 }
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
            // Without the room the content moves more often as it grows.
            if self.bytes.try_reserve_exact(count).is_ok() {
                self.touched = 0;
            }
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
            self.touched = self.touched.max(self.bytes.len());
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

    #[test]
    fn announced_bytes_get_room_once_enough_came_and_unused_room_is_no_memory() {
        let mut buffer = Buffer::default();
        buffer.tail().extend([7; 100]);
        buffer.expect(60_000_000);
        assert!(buffer.bytes.capacity() <= KEPT_BYTES, "few bytes may announce many");
        buffer.tail().resize(1 << 20, 7);
        buffer.expect(60_000_000);
        assert_eq!(buffer.bytes.capacity(), 9 << 20);
        assert_eq!(buffer.memory(), PAGE_BYTES);
        let place = buffer.bytes.as_ptr();
        buffer.tail().resize(4 << 20, 7);
        buffer.expect(55_000_000);
        assert_eq!(buffer.bytes.as_ptr(), place, "there is room");
        assert_eq!(buffer.memory(), 4 << 20);
        buffer.consume(4 << 20);
        assert_eq!(buffer.memory(), 0);
    }

    #[test]
    fn memory_that_was_left_for_larger_one_is_told_once() {
        let mut buffer = Buffer::default();
        buffer.tail().extend([7; 100]);
        let small = buffer.bytes.capacity();
        assert_eq!(buffer.take_left(), 0);
        buffer.tail().extend(vec![7; 100_000]);
        assert_eq!((buffer.take_left(), buffer.take_left()), (small, 0));
        buffer.consume(usize::MAX);
        assert_eq!(buffer.take_left(), 0, "what was dropped is no longer charged");
    }
}
