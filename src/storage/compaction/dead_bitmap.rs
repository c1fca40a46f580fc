//! The dead values of a segment: one bit for every eight bytes, since no two records begin closer
//! together.
//!
//! The writer sets bits. A compaction that runs beside it reads them and passes over dead values; a
//! bit that it sees too late only makes it copy a value in vain. There are bits only for the chunks
//! of a segment in which a value died, so they take at most 1/64 of the log's size, and 1/2048 for
//! finding them.

use crate::storage::segment::Location;
use crate::sync::{Arc, AtomicU64, OnceLock, Ordering};

/// The bytes of a segment that one chunk is for.
const CHUNK_BYTES: usize = 32 << 10;

/// The bytes of a segment that one bit is for.
const BIT_BYTES: usize = 8;

const CHUNK_WORDS: usize = CHUNK_BYTES / BIT_BYTES / 64;

/// The bits of one chunk of a segment, allocated with the first that is set.
type BitmapChunk = OnceLock<Box<[AtomicU64]>>;

/// The dead values of one segment.
#[derive(Default)]
pub(crate) struct DeadBitmap(Arc<Vec<BitmapChunk>>);

impl DeadBitmap {
    /// Marks the value at a location as dead.
    pub(crate) fn mark(&mut self, location: &Location) {
        let (chunk, word, bit) = bit_of(location.extent.offset);
        if chunk >= self.0.len()
            // Only the bitmap of a sealed segment is shared, and that has as many chunks as its
            // length.
            && let Some(chunks) = Arc::get_mut(&mut self.0)
        {
            chunks.resize_with(chunk + 1, BitmapChunk::new);
        }
        if let Some(chunk) = self.0.get(chunk) {
            let none = || (0..CHUNK_WORDS).map(|_| AtomicU64::new(0)).collect();
            let word = &chunk.get_or_init(none)[word];
            // The writer is the only one that stores.
            word.store(word.load(Ordering::Relaxed) | bit, Ordering::Relaxed);
        }
    }

    /// Returns the number of values that are marked.
    pub(crate) fn count(&self) -> u64 {
        count(&self.0)
    }

    /// Returns the bitmap for a compaction of the segment, which is sealed and has this length.
    pub(crate) fn share(&mut self, bytes: u64) -> SharedDeadBitmap {
        let chunks = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(CHUNK_BYTES);
        if chunks > self.0.len()
            && let Some(own) = Arc::get_mut(&mut self.0)
        {
            own.resize_with(chunks, BitmapChunk::new);
        }
        SharedDeadBitmap(Arc::clone(&self.0))
    }
}

/// The dead values of a segment, as a compaction sees them.
#[derive(Default, Clone)]
pub(crate) struct SharedDeadBitmap(Arc<Vec<BitmapChunk>>);

impl SharedDeadBitmap {
    /// Returns true if the value at this offset is dead.
    pub(crate) fn contains(&self, offset: u32) -> bool {
        let (chunk, word, bit) = bit_of(offset);
        let words = self.0.get(chunk).and_then(BitmapChunk::get);
        words.is_some_and(|words| words[word].load(Ordering::Relaxed) & bit != 0)
    }

    /// Returns the number of values that are dead.
    pub(crate) fn count(&self) -> u64 {
        count(&self.0)
    }
}

/// Returns the number of bits that are set: some 0.1 ms for a segment of 64 MiB of short values.
fn count(chunks: &[BitmapChunk]) -> u64 {
    let words = chunks.iter().filter_map(BitmapChunk::get).flatten();
    words.map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
}

/// Returns the chunk, the word in it and the bit of an offset.
fn bit_of(offset: u32) -> (usize, usize, u64) {
    let (chunk, within) = (offset as usize / CHUNK_BYTES, offset as usize % CHUNK_BYTES);
    let number = within / BIT_BYTES;
    (chunk, number / 64, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::record::{Extent, Record};
    use crate::storage::format::segment_id::SegmentId;

    fn location(offset: usize) -> Location {
        let extent = Extent { offset: u32::try_from(offset).unwrap(), length: 12 };
        Location::of(&Record::put(b"", b"", None), SegmentId(1), extent)
    }

    #[test]
    fn marked_values_are_found_and_no_others() {
        let mut bitmap = DeadBitmap::default();
        let marked = [72, 84, 584, CHUNK_BYTES - 4, CHUNK_BYTES * 3 + 5];
        marked.iter().for_each(|offset| bitmap.mark(&location(*offset)));
        let shared = bitmap.share(CHUNK_BYTES as u64 * 4);
        let is_marked = |offset: usize| shared.contains(u32::try_from(offset).unwrap());
        let found: Vec<_> = (0..CHUNK_BYTES * 5).step_by(4).filter(|at| is_marked(*at)).collect();
        let expected: Vec<_> =
            marked.iter().map(|at| at / 8 * 8).flat_map(|at| [at, at + 4]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_mark_that_is_set_while_a_compaction_runs_is_seen() {
        let mut bitmap = DeadBitmap::default();
        let chunk = u32::try_from(CHUNK_BYTES).unwrap();
        let shared = bitmap.share(CHUNK_BYTES as u64 + 1);
        assert!(!shared.contains(chunk));
        bitmap.mark(&location(CHUNK_BYTES));
        assert!(shared.contains(chunk));
        bitmap.mark(&location(CHUNK_BYTES * 9));
        assert!(!shared.contains(chunk * 9), "it is longer than it was said to be");
    }
}
