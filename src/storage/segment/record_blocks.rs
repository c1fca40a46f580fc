//! Blocks: short records that lie near each other in a segment and are read at once.
//!
//! Neighbours in key order lie near each other where they were written in that order. A block of
//! them costs one system call, and the bytes between them, in place of a call or a lookup in the
//! cache for each. A block is only a faster way: where anything about it fails, its records are
//! read one by one, and the read of the one that is damaged says so.

use std::ops::Range;

use smallvec::SmallVec;

use crate::storage::format::keyspace::PlacedKey;
use crate::storage::format::sequence::Sequence;
use crate::storage::segment::location::Location;
use crate::storage::segment::open_segment::Segment;
use crate::storage::segment::segment_table::SegmentTable;

/// The bytes of the longest record in a block: longer ones are better kept in the cache.
const RECORD_BYTES_MAX: u32 = 512;

/// The most bytes between two records of a block: copying them costs less than a system call.
const GAP_BYTES_MAX: u32 = 1024;

/// The fewest records in a block.
const RECORDS_MIN: usize = 4;

/// The number of records, read in blocks or not, that take no memory of the heap.
const RECORDS: usize = 64;

/// The bytes of a segment that count as one place when it is guessed if records lie together.
const PLACE_SHIFT: u32 = 12;

/// The blocks of some records, and the values that were read with them.
#[derive(Default)]
pub(crate) struct RecordBlocks {
    /// The records that are in blocks, by segment and offset.
    records: SmallVec<[BlockRecord; RECORDS]>,
    blocks: Vec<Block>,
    /// For each of all records where it is.
    places: SmallVec<[RecordPlace; RECORDS]>,
    /// The bytes of the blocks that were read.
    bytes: Vec<u8>,
    used: usize,
}

/// A record in a block.
#[derive(Clone, Copy)]
struct BlockRecord {
    /// Its number.
    number: usize,
    location: Location,
}

/// Some records that are read at once.
struct Block {
    records: Range<usize>,
    /// It was read, or cannot be.
    is_done: bool,
}

/// The place of a record's value.
enum RecordPlace {
    /// It is in no block, or wrong in its block.
    Alone,
    /// In this block.
    In(usize),
    /// Here in the bytes that were read.
    Read(Range<usize>),
}

impl RecordBlocks {
    /// Plans the blocks of records with these locations; `None` is not read.
    pub(crate) fn plan<'a>(&mut self, locations: impl Iterator<Item = Option<&'a Location>>) {
        let Self { records, blocks, places, used, .. } = self;
        records.clear();
        blocks.clear();
        places.clear();
        *used = 0;
        // One bit for each place that holds some of the records: few, if they lie together.
        let mut cells = 0_u64;
        for (number, location) in locations.enumerate() {
            places.push(RecordPlace::Alone);
            let short = |location: &&Location| location.extent.length <= RECORD_BYTES_MAX;
            if let Some(location) = location.filter(short) {
                records.push(BlockRecord { number, location: *location });
                cells |= 1 << cell(location);
            }
        }
        if cells.count_ones() as usize * 2 > records.len() {
            records.clear();
            return;
        }
        records.sort_unstable_by_key(|record| {
            let Location { segment, extent, .. } = record.location;
            (segment, extent.offset)
        });
        let mut start = 0;
        for near in records.chunk_by(|a, b| is_near(&a.location, &b.location)) {
            let range = start..start + near.len();
            start = range.end;
            if near.len() >= RECORDS_MIN {
                near.iter()
                    .for_each(|record| places[record.number] = RecordPlace::In(blocks.len()));
                blocks.push(Block { records: range, is_done: false });
            }
        }
    }

    /// Returns the value of a record that was read with its block.
    pub(crate) fn value(&self, number: usize) -> Option<&[u8]> {
        match &self.places[number] {
            RecordPlace::Read(range) => Some(&self.bytes[range.clone()]),
            RecordPlace::Alone | RecordPlace::In(_) => None,
        }
    }

    /// Reads the blocks that are in memory. `record` returns the key and the version of a record.
    pub(crate) fn read_cached<'k>(
        &mut self,
        table: &SegmentTable,
        record: impl Fn(usize) -> (PlacedKey<'k>, Sequence),
    ) {
        for block in 0..self.blocks.len() {
            let read = self.read_block(block, table, &record, |segment, buffer, offset| {
                segment.file.read_cached_at(buffer, offset).ok()
            });
            self.blocks[block].is_done = read.is_some();
        }
    }

    /// Reads the block of a record unless it was read, and waits for the disk if it has to.
    pub(crate) fn read_around<'k>(
        &mut self,
        number: usize,
        table: &SegmentTable,
        record: impl Fn(usize) -> (PlacedKey<'k>, Sequence),
    ) {
        if let RecordPlace::In(block) = self.places[number]
            && !self.blocks[block].is_done
        {
            self.blocks[block].is_done = true;
            self.read_block(block, table, record, |segment, buffer, offset| {
                segment.file.read_at(buffer, offset).ok()
            });
        }
    }

    /// Reads a block by `read`, and finds the values in it. Returns `None` if it was not read.
    fn read_block<'k>(
        &mut self,
        block: usize,
        table: &SegmentTable,
        record: impl Fn(usize) -> (PlacedKey<'k>, Sequence),
        read: impl FnOnce(&Segment, &mut [u8], u64) -> Option<usize>,
    ) -> Option<()> {
        let records = &self.records[self.blocks[block].records.clone()];
        let (first, last) = (records.first()?.location, records.last()?.location);
        let start = first.extent.offset;
        let length = (last.extent.offset - start + last.extent.length) as usize;
        let used = self.used;
        if self.bytes.len() < used + length {
            self.bytes.resize(used + length, 0);
        }
        let bytes = &mut self.bytes[used..used + length];
        table.with(first.segment, |segment| {
            if read(segment, bytes, start.into())? != length {
                return None;
            }
            for BlockRecord { number, location } in records {
                let (offset, length) = (location.extent.offset, location.extent.length as usize);
                let at = (offset - start) as usize;
                let (key, version) = record(*number);
                let bytes = &bytes[at..at + length];
                let value = segment.decode_value(bytes, key, version, offset.into());
                self.places[*number] = value.map_or(RecordPlace::Alone, |value| {
                    // A record ends with its value.
                    let end = used + at + length;
                    RecordPlace::Read(end - value.len()..end)
                });
            }
            Some(())
        })??;
        self.used += length;
        Some(())
    }
}

/// Returns the number of the bit for the place of a record.
fn cell(location: &Location) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let place = u64::from(location.extent.offset >> PLACE_SHIFT);
    let mixed = (place ^ location.segment.0.rotate_left(32)).wrapping_mul(ODD);
    // The highest bits, as many as number those of a word.
    mixed >> (u64::BITS - u64::BITS.trailing_zeros())
}

/// Returns true if one read is to take both records, the second of which is at a higher place.
fn is_near(a: &Location, b: &Location) -> bool {
    let end = a.extent.offset.saturating_add(a.extent.length);
    a.segment == b.segment && b.extent.offset >= end && b.extent.offset - end <= GAP_BYTES_MAX
}
