//! How batches are laid out in a segment: frames of records, each bound to its place by its checksum.
//!
//! `docs/format.md` describes the bytes. Left out on purpose: compression, and a second checksum over
//! a whole frame, since its header is covered by one and each of its records by another.

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use crate::bugs::{Bug, planted};
use crate::storage::log::group::Mutation;

/// Bytes of a frame before its records.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;

/// Bytes of a record before its body.
pub(crate) const RECORD_HEADER_BYTES: usize = 8;

/// The longest body of a frame; a batch is limited to less than that where it comes in.
pub(crate) const FRAME_BODY_BYTES_MAX: usize = 3 << 29;

/// The highest sequence number that is believed: far beyond what can be written, and far enough from the
/// end of the numbers that counting on never meets it.
pub(crate) const SEQUENCE_MAX: u64 = 1 << 62;

/// What a frame is. Numbers start at 1, so that zeros are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// One batch: all of it counts, or nothing.
    Batch = 1,
    /// Nothing follows in this segment.
    Seal = 2,
    /// The segments that a compacted segment takes the place of.
    Replaces = 3,
    /// The store was closed; what follows was written after it was opened again.
    Close = 4,
}

/// What precedes the records of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// Bytes of all its records.
    pub(crate) body_bytes: u32,
    /// How many records; where the kind has none, the CRC-32 of the body.
    pub(crate) records: u32,
    /// The batch's sequence number; for the other kinds the next one that is free.
    pub(crate) sequence: u64,
    /// When this was written, everything up to this sequence number was known to survive power loss.
    pub(crate) durable: u64,
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// The key has this value.
    Put { key: &'a [u8], value: &'a [u8], expires_at: Option<u64> },
    /// The key is gone.
    Remove { key: &'a [u8] },
    /// Every key that is older is gone.
    Clear,
}

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const CLEAR: u8 = 3;

/// A record's body as it is encoded: the order of the fields is the format.
#[derive(Serialize, Deserialize)]
struct RecordBody<'a> {
    kind: u8,
    /// Zero where the record does not expire.
    expires_at: u64,
    #[serde(borrow, with = "serde_bytes")]
    key: &'a [u8],
    #[serde(borrow, with = "serde_bytes")]
    value: &'a [u8],
}

impl<'a> RecordBody<'a> {
    fn new(record: &Record<'a>) -> Self {
        match *record {
            Record::Put { key, value, expires_at } => {
                Self { kind: PUT, expires_at: expires_at.unwrap_or(0), key, value }
            }
            Record::Remove { key } => Self { kind: REMOVE, expires_at: 0, key, value: &[] },
            Record::Clear => Self { kind: CLEAR, expires_at: 0, key: &[], value: &[] },
        }
    }

    fn record(&self) -> Option<Record<'a>> {
        let Self { kind, expires_at, key, value } = *self;
        match kind {
            PUT => {
                Some(Record::Put { key, value, expires_at: Some(expires_at).filter(|t| *t > 0) })
            }
            REMOVE if expires_at == 0 && value.is_empty() => Some(Record::Remove { key }),
            CLEAR if expires_at == 0 && key.is_empty() && value.is_empty() => Some(Record::Clear),
            _ => None,
        }
    }

    /// Appends what postcard makes of it, which costs it a fraction of the time.
    fn encode(&self, out: &mut Vec<u8>) {
        let number = |mut number: u64, out: &mut Vec<u8>| {
            while number >= 0x80 {
                out.push((number & 0x7F) as u8 | 0x80);
                number >>= 7;
            }
            out.push((number & 0x7F) as u8);
        };
        out.push(self.kind);
        number(self.expires_at, out);
        for bytes in [self.key, self.value] {
            number(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
    }

    /// How many bytes it takes; postcard also reads numbers with needless ones, which nobody wrote.
    fn length(&self) -> usize {
        let varint = |number: u64| (64 - (number | 1).leading_zeros() as usize).div_ceil(7);
        let bytes = |bytes: &[u8]| varint(bytes.len() as u64) + bytes.len();
        1 + varint(self.expires_at) + bytes(self.key) + bytes(self.value)
    }
}

impl<'a> Record<'a> {
    /// The key it is about; a clear is about none.
    pub(crate) fn key(&self) -> &'a [u8] {
        match self {
            Self::Put { key, .. } | Self::Remove { key } => key,
            Self::Clear => &[],
        }
    }

    /// Whether it is about every key.
    pub(crate) fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }

    /// What it says but for its value: kind, expiry, and key.
    pub(crate) fn head(&self) -> (u8, u64, &'a [u8]) {
        let RecordBody { kind, expires_at, key, .. } = RecordBody::new(self);
        (kind, expires_at, key)
    }

    /// A record with this [`head`](Self::head) and without a value; `None` if no record has such a one.
    pub(crate) fn with_head(kind: u8, expires_at: u64, key: &'a [u8]) -> Option<Self> {
        RecordBody { kind, expires_at, key, value: &[] }.record()
    }
}

impl<'a> From<&'a Mutation> for Record<'a> {
    fn from(mutation: &'a Mutation) -> Self {
        match mutation {
            Mutation::Put { key, value, expires_at } => {
                Self::Put { key, value, expires_at: *expires_at }
            }
            Mutation::Remove { key } => Self::Remove { key },
            Mutation::Clear => Self::Clear,
        }
    }
}

/// Where a record lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u32,
    /// With the record's header.
    pub(crate) length: u32,
}

/// Checksums of one segment: they cover its identity and each place in it, so that a frame or record
/// that is elsewhere than it was written is never valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checksum {
    seed: u32,
}

impl Checksum {
    /// Derives the seed from what is unique to a segment.
    pub(crate) fn new(segment_header: &[u8]) -> Self {
        Self { seed: crc32fast::hash(segment_header) }
    }

    fn frame(self, offset: u64, header: &[u8]) -> u32 {
        let mut hasher = Hasher::new_with_initial(self.seed);
        hasher.update(&offset.to_le_bytes());
        hasher.update(header);
        hasher.finalize()
    }

    fn record(self, offset: u64, sequence: u64, length_and_body: &[u8]) -> u32 {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&offset.to_le_bytes());
        place[8..].copy_from_slice(&sequence.to_le_bytes());
        let mut hasher = Hasher::new_with_initial(self.seed);
        hasher.update(&place);
        hasher.update(length_and_body);
        hasher.finalize()
    }

    /// Appends a frame to `out`, whose first byte will lie at `base` in the segment; tells `placed` where
    /// each record will be.
    pub(crate) fn encode_batch<'a>(
        self,
        records: impl Iterator<Item = Record<'a>>,
        (sequence, durable): (u64, u64),
        base: u64,
        out: &mut Vec<u8>,
        mut placed: impl FnMut(Extent),
    ) -> Result<(), TooLarge> {
        let start = out.len();
        out.resize(start + FRAME_HEADER_BYTES, 0);
        let mut count = 0;
        for record in records {
            let at = out.len();
            let body = RecordBody::new(&record);
            let length = RECORD_HEADER_BYTES + body.length();
            let body_bytes = u32::try_from(body.length()).map_err(|_| TooLarge)?;
            let length = u32::try_from(length).map_err(|_| TooLarge)?;
            out.reserve(length as usize);
            out.extend_from_slice(&(u64::from(body_bytes) << 32).to_le_bytes());
            body.encode(out);
            let offset = base + at as u64;
            let crc = self.record(offset, sequence, &out[at + 4..]);
            out[at..at + 4].copy_from_slice(&crc.to_le_bytes());
            placed(Extent { offset: u32::try_from(offset).map_err(|_| TooLarge)?, length });
            count += 1;
        }
        let body_bytes = out.len() - start - FRAME_HEADER_BYTES;
        if body_bytes > FRAME_BODY_BYTES_MAX {
            return Err(TooLarge);
        }
        let body_bytes = u32::try_from(body_bytes).map_err(|_| TooLarge)?;
        let header =
            FrameHeader { kind: FrameKind::Batch, body_bytes, records: count, sequence, durable };
        self.write_header(&header, base + start as u64, &mut out[start..]);
        Ok(())
    }

    /// Appends a frame that is not a batch.
    pub(crate) fn encode_mark(
        self,
        kind: FrameKind,
        body: &[u8],
        (sequence, durable): (u64, u64),
        base: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        let start = out.len();
        out.resize(start + FRAME_HEADER_BYTES, 0);
        out.extend_from_slice(body);
        let body_bytes = u32::try_from(body.len()).map_err(|_| TooLarge)?;
        // A mark's body has no checksum of its own: `records` carries it.
        let records = crc32fast::hash(body);
        let header = FrameHeader { kind, body_bytes, records, sequence, durable };
        self.write_header(&header, base + start as u64, &mut out[start..]);
        Ok(())
    }

    fn write_header(self, header: &FrameHeader, offset: u64, out: &mut [u8]) {
        out[4] = header.kind as u8;
        out[8..12].copy_from_slice(&header.body_bytes.to_le_bytes());
        out[12..16].copy_from_slice(&header.records.to_le_bytes());
        out[16..24].copy_from_slice(&header.sequence.to_le_bytes());
        out[24..32].copy_from_slice(&header.durable.to_le_bytes());
        let crc = self.frame(offset, &out[4..FRAME_HEADER_BYTES]);
        out[..4].copy_from_slice(&crc.to_le_bytes());
    }

    /// Reads a frame's header that lies at `offset`; `None` unless it is exactly what was written there.
    pub(crate) fn decode_header(self, bytes: &[u8], offset: u64) -> Option<FrameHeader> {
        let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
        let kind = match bytes[4..8] {
            [1, 0, 0, 0] => FrameKind::Batch,
            [2, 0, 0, 0] => FrameKind::Seal,
            [3, 0, 0, 0] => FrameKind::Replaces,
            [4, 0, 0, 0] => FrameKind::Close,
            _ => return None,
        };
        if self.frame(offset, &bytes[4..]) != u32_at(bytes, 0) {
            return None;
        }
        let header = FrameHeader {
            kind,
            body_bytes: u32_at(bytes, 8),
            records: u32_at(bytes, 12),
            sequence: u64_at(bytes, 16),
            durable: u64_at(bytes, 24),
        };
        Some(header).filter(|header| header.sequence.max(header.durable) <= SEQUENCE_MAX)
    }

    /// Reads the record at the start of `bytes`, which lie at `offset`, with its extent.
    pub(crate) fn decode_record(
        self,
        bytes: &[u8],
        offset: u64,
        sequence: u64,
    ) -> Result<(Record<'_>, Extent), &'static str> {
        let header = bytes.get(..RECORD_HEADER_BYTES).ok_or("the record's header is cut short")?;
        let body_length = u32_at(header, 4) as usize;
        let end = RECORD_HEADER_BYTES.checked_add(body_length).ok_or("the record is too long")?;
        let covered = bytes.get(4..end).ok_or("the record is cut short")?;
        if self.record(offset, sequence, covered) != u32_at(header, 0)
            && !planted(Bug::SkipRecordChecksum)
        {
            return Err("the record's checksum does not match");
        }
        let body: RecordBody<'_> = postcard::from_bytes(&bytes[RECORD_HEADER_BYTES..end])
            .map_err(|_| "the record cannot be decoded")?;
        if body.length() != body_length {
            return Err("the record is longer than what it says");
        }
        let record = body.record().ok_or("the record is of no known kind")?;
        let offset = u32::try_from(offset).map_err(|_| "the record is too far in its segment")?;
        let length = u32::try_from(end).map_err(|_| "the record is too long")?;
        Ok((record, Extent { offset, length }))
    }
}

/// A frame does not fit the format's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Whether a mark's body is what was written.
pub(crate) fn mark_is_whole(header: &FrameHeader, body: &[u8]) -> bool {
    crc32fast::hash(body) == header.records
}

/// The little-endian number at `at`, which the caller knows to be inside.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// The little-endian number at `at`, which the caller knows to be inside.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(records: &[Record<'_>], base: u64) -> (Vec<u8>, Vec<Extent>) {
        let (mut bytes, mut extents) = (Vec::new(), Vec::new());
        let records = records.iter().copied();
        let checksum = Checksum::new(b"segment");
        checksum
            .encode_batch(records, (5, 3), base, &mut bytes, |extent| extents.push(extent))
            .unwrap();
        (bytes, extents)
    }

    const PUT_K: Record<'_> = Record::Put { key: b"k", value: b"vw", expires_at: Some(300) };

    #[test]
    fn the_format_does_not_change() {
        let (bytes, _) = encode(&[PUT_K, Record::Remove { key: b"k" }, Record::Clear], 72);
        // Bytes 0-3 of the header and of each record are checksums.
        let header = [1, 0, 0, 0, 41, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0];
        assert_eq!(bytes[4..28], header);
        assert_eq!(bytes[36..48], [8, 0, 0, 0, 1, 0xAC, 2, 1, b'k', 2, b'v', b'w']);
        assert_eq!(bytes[52..61], [5, 0, 0, 0, 2, 0, 1, b'k', 0]);
        assert_eq!(bytes[65..73], [4, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!([u32_at(&bytes, 0), u32_at(&bytes, 32)], [1_599_025_028, 3_549_705_209]);
    }

    #[test]
    fn a_body_is_what_postcard_makes_of_it() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384, 70_000] {
            let (key, value) = (vec![b'k'; length], vec![b'v'; length / 2]);
            for expires_at in [0, 1, 127, 128, 1 << 14, (1 << 63) - 1, u64::MAX] {
                let body = RecordBody { kind: PUT, expires_at, key: &key, value: &value };
                let mut bytes = Vec::new();
                body.encode(&mut bytes);
                assert_eq!(bytes.len(), body.length());
                assert!(bytes == postcard::to_stdvec(&body).unwrap(), "{length} {expires_at}");
            }
        }
    }

    #[test]
    fn a_record_is_read_back_from_its_extent() {
        let (bytes, extents) = encode(&[Record::Remove { key: b"a" }, PUT_K], 72);
        let Extent { offset, length } = extents[1];
        let start = offset as usize - 72;
        let bytes = &bytes[start..start + length as usize];
        let checksum = Checksum::new(b"segment");
        let decoded = checksum.decode_record(bytes, u64::from(offset), 5).unwrap();
        assert_eq!(decoded, (PUT_K, extents[1]));
    }

    #[test]
    fn a_value_without_an_expiry_is_read_back_without_one() {
        let record = Record::Put { key: b"k", value: b"", expires_at: None };
        let (bytes, extents) = encode(&[record], 0);
        let offset = u64::from(extents[0].offset);
        let bytes = &bytes[FRAME_HEADER_BYTES..];
        let decoded = Checksum::new(b"segment").decode_record(bytes, offset, 5);
        assert_eq!(decoded, Ok((record, extents[0])));
    }

    #[test]
    fn a_flipped_bit_in_the_body_of_a_mark_is_detected() {
        let (checksum, mut bytes) = (Checksum::new(b"segment"), Vec::new());
        checksum.encode_mark(FrameKind::Replaces, b"body", (5, 3), 72, &mut bytes).unwrap();
        let header = checksum.decode_header(&bytes, 72).unwrap();
        let body = &mut bytes[FRAME_HEADER_BYTES..];
        assert!(mark_is_whole(&header, body));
        for bit in 0..body.len() * 8 {
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(!mark_is_whole(&header, body), "bit {bit}");
            body[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_flipped_bit_another_place_and_another_commit_are_detected() {
        let (bytes, extents) = encode(&[PUT_K], 72);
        let checksum = Checksum::new(b"segment");
        let offset = u64::from(extents[0].offset);
        let record = &bytes[FRAME_HEADER_BYTES..];
        assert!(checksum.decode_record(record, offset, 5).is_ok());
        assert!(checksum.decode_record(record, offset + 1, 5).is_err());
        assert!(checksum.decode_record(record, offset, 6).is_err());
        assert!(Checksum::new(b"other").decode_record(record, offset, 5).is_err());
        assert!(checksum.decode_header(&bytes, 72).is_some());
        assert!(checksum.decode_header(&bytes, 73).is_none());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let header = checksum.decode_header(&damaged, 72);
            let record = checksum.decode_record(&damaged[FRAME_HEADER_BYTES..], offset, 5);
            assert_eq!(header.is_none(), bit < FRAME_HEADER_BYTES * 8, "bit {bit}");
            assert_eq!(record.is_err(), bit >= FRAME_HEADER_BYTES * 8, "bit {bit}");
        }
    }

    #[test]
    fn a_sequence_number_that_leaves_no_room_to_count_on_is_no_frame() {
        let checksum = Checksum::new(b"segment");
        for (highest, is_frame) in [(SEQUENCE_MAX, true), (SEQUENCE_MAX + 1, false)] {
            for numbers in [(highest, 0), (0, highest)] {
                let mut mark = Vec::new();
                checksum.encode_mark(FrameKind::Seal, &[], numbers, 72, &mut mark).unwrap();
                assert_eq!(checksum.decode_header(&mark, 72).is_some(), is_frame, "{numbers:?}");
            }
        }
    }

    #[test]
    fn zeros_are_no_frame_and_no_record() {
        let checksum = Checksum::new(b"segment");
        assert!(checksum.decode_header(&[0; 64], 0).is_none());
        assert!(checksum.decode_record(&[0; 64], 0, 0).is_err());
    }

    #[test]
    fn what_nobody_writes_is_no_record_even_if_its_checksum_matches() {
        let checksum = Checksum::new(b"segment");
        let decodes = |body: &[u8]| {
            let length = u32::try_from(body.len()).unwrap().to_le_bytes();
            let covered = [&length[..], body].concat();
            let crc = checksum.record(72, 5, &covered).to_le_bytes();
            checksum.decode_record(&[&crc[..], &covered].concat(), 72, 5).is_ok()
        };
        assert!(decodes(&[1, 0, 1, b'k', 0]) && decodes(&[2, 0, 1, b'k', 0]));
        assert!(!decodes(&[2, 9, 1, b'k', 0]) && !decodes(&[2, 0, 1, b'k', 1, b'v']));
        assert!(!decodes(&[3, 0, 1, b'k', 0]) && !decodes(&[0, 0, 1, b'k', 0]));
        assert!(!decodes(&[1, 0x80, 0, 1, b'k', 0]), "a number of one byte written in two");
        assert!(!decodes(&[1, 0, 1, b'k', 0, 0]), "a byte too many");
    }

    #[test]
    fn a_length_that_goes_beyond_the_bytes_is_no_record() {
        let checksum = Checksum::new(b"segment");
        for length in [u32::MAX, u32::MAX - 7, 57, 1 << 31] {
            let mut bytes = [0xFF; 64];
            bytes[4..8].copy_from_slice(&length.to_le_bytes());
            assert!(checksum.decode_record(&bytes, 0, 0).is_err());
        }
    }
}
