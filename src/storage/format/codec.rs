//! The codec of one segment: batches and marks to bytes, and back.
//!
//! A frame is a header and its records. `docs/format.md` describes the bytes. There is no
//! compression, and no second checksum over a whole frame, since its header is covered by one and
//! each of its records by another.

use crate::bugs::{Bug, planted};
use crate::storage::format::checksum::Checksum;
use crate::storage::format::frame::{
    FRAME_BODY_BYTES_MAX, FRAME_HEADER_BYTES, FrameHeader, FrameKind, FrameNumbers,
};
use crate::storage::format::little_endian::{u32_at, u64_at};
use crate::storage::format::record::{Extent, RECORD_HEADER_BYTES, Record, RecordBody};
use crate::storage::format::sequence::Sequence;

/// The encoder and decoder of one segment's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameCodec(Checksum);

impl FrameCodec {
    /// Returns the codec of the segment with this header.
    pub(crate) fn new(segment_header: &[u8]) -> Self {
        Self(Checksum::new(segment_header))
    }

    /// Returns the codec of the segment whose header has this checksum.
    pub(crate) fn seeded(header_checksum: u32) -> Self {
        Self(Checksum::seeded(header_checksum))
    }

    /// Returns the codec under which the bytes at `offset` begin with the header of a batch; `None`
    /// if they do under no codec. Only a record of the batch proves that it was written with it.
    pub(crate) fn implied_by_batch(bytes: &[u8], offset: u64) -> Option<Self> {
        let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
        let is_batch = bytes[4..8] == [FrameKind::Batch as u8, 0, 0, 0];
        let implied = || Checksum::implied_by_frame(u32_at(bytes, 0), offset, &bytes[4..]);
        is_batch.then(|| Self(implied()))
    }

    /// Appends a batch to `out`, whose first byte will lie at `base` in the segment, and calls
    /// `placed` with the extent of each record.
    pub(crate) fn encode_batch<'a>(
        self,
        records: impl Iterator<Item = Record<'a>>,
        numbers: FrameNumbers,
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
            let crc = self.0.record(offset, numbers.sequence, &out[at + 4..]);
            out[at..at + 4].copy_from_slice(&crc.to_le_bytes());
            placed(Extent { offset: u32::try_from(offset).map_err(|_| TooLarge)?, length });
            count += 1;
        }
        let body_bytes = out.len() - start - FRAME_HEADER_BYTES;
        if body_bytes > FRAME_BODY_BYTES_MAX {
            return Err(TooLarge);
        }
        let body_bytes = u32::try_from(body_bytes).map_err(|_| TooLarge)?;
        let header = FrameHeader { kind: FrameKind::Batch, body_bytes, records: count, numbers };
        self.write_header(&header, base + start as u64, &mut out[start..]);
        Ok(())
    }

    /// Appends a mark, a frame without records.
    pub(crate) fn encode_mark(
        self,
        kind: FrameKind,
        body: &[u8],
        numbers: FrameNumbers,
        base: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        let start = out.len();
        out.resize(start + FRAME_HEADER_BYTES, 0);
        out.extend_from_slice(body);
        let body_bytes = u32::try_from(body.len()).map_err(|_| TooLarge)?;
        // A mark's body has no checksum of its own: `records` carries it.
        let records = crc32fast::hash(body);
        let header = FrameHeader { kind, body_bytes, records, numbers };
        self.write_header(&header, base + start as u64, &mut out[start..]);
        Ok(())
    }

    fn write_header(self, header: &FrameHeader, offset: u64, out: &mut [u8]) {
        out[4] = header.kind as u8;
        out[8..12].copy_from_slice(&header.body_bytes.to_le_bytes());
        out[12..16].copy_from_slice(&header.records.to_le_bytes());
        out[16..24].copy_from_slice(&header.numbers.sequence.0.to_le_bytes());
        out[24..32].copy_from_slice(&header.numbers.durable.0.to_le_bytes());
        let crc = self.0.frame(offset, &out[4..FRAME_HEADER_BYTES]);
        out[..4].copy_from_slice(&crc.to_le_bytes());
    }

    /// Decodes the frame header at `offset`; `None` unless its checksum matches.
    pub(crate) fn decode_header(self, bytes: &[u8], offset: u64) -> Option<FrameHeader> {
        let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
        let kind = match bytes[4..8] {
            [1, 0, 0, 0] => FrameKind::Batch,
            [2, 0, 0, 0] => FrameKind::Seal,
            [3, 0, 0, 0] => FrameKind::Replaces,
            [4, 0, 0, 0] => FrameKind::Close,
            _ => return None,
        };
        if self.0.frame(offset, &bytes[4..]) != u32_at(bytes, 0) {
            return None;
        }
        let header = FrameHeader {
            kind,
            body_bytes: u32_at(bytes, 8),
            records: u32_at(bytes, 12),
            numbers: FrameNumbers {
                sequence: Sequence(u64_at(bytes, 16)),
                durable: Sequence(u64_at(bytes, 24)),
            },
        };
        let FrameNumbers { sequence, durable } = header.numbers;
        (sequence.max(durable) <= Sequence::MAX).then_some(header)
    }

    /// Decodes the record that `bytes` begin with, which lie at `offset`.
    pub(crate) fn decode_record(
        self,
        bytes: &[u8],
        offset: u64,
        sequence: Sequence,
    ) -> Result<(Record<'_>, Extent), &'static str> {
        let header = bytes.get(..RECORD_HEADER_BYTES).ok_or("the record's header is cut short")?;
        let body_length = u32_at(header, 4) as usize;
        let end = RECORD_HEADER_BYTES.checked_add(body_length).ok_or("the record is too long")?;
        let covered = bytes.get(4..end).ok_or("the record is cut short")?;
        if self.0.record(offset, sequence, covered) != u32_at(header, 0)
            && !planted(Bug::SkipRecordChecksum)
        {
            return Err("the record's checksum does not match");
        }
        let body: RecordBody<'_> = postcard::from_bytes(&bytes[RECORD_HEADER_BYTES..end])
            .map_err(|_| "the record cannot be decoded")?;
        if body.length() != body_length {
            return Err("the record's length does not match its body");
        }
        let record = body.record().ok_or("the record is of an unknown kind")?;
        let offset = u32::try_from(offset).map_err(|_| "the record is too far in its segment")?;
        let length = u32::try_from(end).map_err(|_| "the record is too long")?;
        Ok((record, Extent { offset, length }))
    }
}

/// The error of a frame that does not fit the format's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::keyspace::KeyspaceId;
    use crate::storage::format::record::RecordKind;
    use crate::storage::format::unix_millis::UnixMillis;
    use crate::storage::key_range::KeyInterval;

    fn encode(records: &[Record<'_>], base: u64) -> (Vec<u8>, Vec<Extent>) {
        let (mut bytes, mut extents) = (Vec::new(), Vec::new());
        let records = records.iter().copied();
        let codec = FrameCodec::new(b"segment");
        codec
            .encode_batch(records, NUMBERS, base, &mut bytes, |extent| extents.push(extent))
            .unwrap();
        (bytes, extents)
    }

    const NUMBERS: FrameNumbers = FrameNumbers { sequence: Sequence(5), durable: Sequence(3) };

    const PUT_K: Record<'_> = Record::put(b"k", b"vw", Some(UnixMillis(300)));

    #[test]
    fn the_format_does_not_change() {
        let range = RecordKind::RemoveRange(KeyInterval { start: b"k", end: b"l" });
        let range = Record { keyspace: KeyspaceId(300), kind: range };
        let (bytes, _) = encode(&[PUT_K, Record::remove(b"k"), range], 72);
        // Bytes 0-3 of the header and of each record are checksums.
        let header = [1, 0, 0, 0, 50, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0];
        assert_eq!(bytes[4..28], header);
        assert_eq!(bytes[36..50], [10, 0, 0, 0, 1, 0, 0, 0xAC, 2, 1, b'k', 2, b'v', b'w']);
        assert_eq!(bytes[54..65], [7, 0, 0, 0, 2, 0, 0, 0, 1, b'k', 0]);
        assert_eq!(bytes[69..82], [9, 0, 0, 0, 3, 0xAC, 2, 0, 0, 1, b'k', 1, b'l']);
        assert_eq!([u32_at(&bytes, 0), u32_at(&bytes, 32)], [2_855_781_679, 2_479_276_379]);
    }

    #[test]
    fn a_record_is_read_back_from_its_extent() {
        let (bytes, extents) = encode(&[Record::remove(b"a"), PUT_K], 72);
        let Extent { offset, length } = extents[1];
        let start = offset as usize - 72;
        let bytes = &bytes[start..start + length as usize];
        let codec = FrameCodec::new(b"segment");
        let decoded = codec.decode_record(bytes, u64::from(offset), Sequence(5)).unwrap();
        assert_eq!(decoded, (PUT_K, extents[1]));
    }

    #[test]
    fn a_value_without_an_expiry_is_read_back_without_one() {
        let record = Record::put(b"k", b"", None);
        let (bytes, extents) = encode(&[record], 0);
        let offset = u64::from(extents[0].offset);
        let bytes = &bytes[FRAME_HEADER_BYTES..];
        let decoded = FrameCodec::new(b"segment").decode_record(bytes, offset, Sequence(5));
        assert_eq!(decoded, Ok((record, extents[0])));
    }

    #[test]
    fn a_flipped_bit_in_the_body_of_a_mark_is_detected() {
        let (codec, mut bytes) = (FrameCodec::new(b"segment"), Vec::new());
        codec.encode_mark(FrameKind::Replaces, b"body", NUMBERS, 72, &mut bytes).unwrap();
        let header = codec.decode_header(&bytes, 72).unwrap();
        let body = &mut bytes[FRAME_HEADER_BYTES..];
        assert!(header.is_body_whole(body));
        for bit in 0..body.len() * 8 {
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(!header.is_body_whole(body), "bit {bit}");
            body[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_flipped_bit_another_place_and_another_commit_are_detected() {
        let (bytes, extents) = encode(&[PUT_K], 72);
        let codec = FrameCodec::new(b"segment");
        let offset = u64::from(extents[0].offset);
        let record = &bytes[FRAME_HEADER_BYTES..];
        assert!(codec.decode_record(record, offset, Sequence(5)).is_ok());
        assert!(codec.decode_record(record, offset + 1, Sequence(5)).is_err());
        assert!(codec.decode_record(record, offset, Sequence(6)).is_err());
        assert!(FrameCodec::new(b"other").decode_record(record, offset, Sequence(5)).is_err());
        assert!(codec.decode_header(&bytes, 72).is_some());
        assert!(codec.decode_header(&bytes, 73).is_none());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let header = codec.decode_header(&damaged, 72);
            let record = codec.decode_record(&damaged[FRAME_HEADER_BYTES..], offset, Sequence(5));
            assert_eq!(header.is_none(), bit < FRAME_HEADER_BYTES * 8, "bit {bit}");
            assert_eq!(record.is_err(), bit >= FRAME_HEADER_BYTES * 8, "bit {bit}");
        }
    }

    #[test]
    fn a_sequence_number_that_leaves_no_room_to_count_on_is_no_frame() {
        let codec = FrameCodec::new(b"segment");
        for (highest, is_frame) in [(Sequence::MAX, true), (Sequence::MAX.next(), false)] {
            for (sequence, durable) in [(highest, Sequence::ZERO), (Sequence::ZERO, highest)] {
                let numbers = FrameNumbers { sequence, durable };
                let mut mark = Vec::new();
                codec.encode_mark(FrameKind::Seal, &[], numbers, 72, &mut mark).unwrap();
                assert_eq!(codec.decode_header(&mark, 72).is_some(), is_frame, "{numbers:?}");
            }
        }
    }

    #[test]
    fn a_batch_tells_the_codec_that_it_was_encoded_with() {
        let (bytes, _) = encode(&[PUT_K, Record::remove(b"another")], 1072);
        let codec = FrameCodec::new(b"segment");
        assert_eq!(FrameCodec::implied_by_batch(&bytes, 1072), Some(codec));
        assert_ne!(FrameCodec::implied_by_batch(&bytes, 1073), Some(codec));
        let mut mark = Vec::new();
        codec.encode_mark(FrameKind::Seal, &[], NUMBERS, 72, &mut mark).unwrap();
        assert_eq!(FrameCodec::implied_by_batch(&mark, 72), None);
    }

    #[test]
    fn zeros_are_no_frame_and_no_record() {
        let codec = FrameCodec::new(b"segment");
        assert!(codec.decode_header(&[0; 64], 0).is_none());
        assert!(codec.decode_record(&[0; 64], 0, Sequence(0)).is_err());
    }

    #[test]
    fn bytes_that_no_writer_makes_are_no_record_even_with_a_valid_checksum() {
        let codec = FrameCodec::new(b"segment");
        let decodes = |body: &[u8]| {
            let length = u32::try_from(body.len()).unwrap().to_le_bytes();
            let covered = [&length[..], body].concat();
            let crc = codec.0.record(72, Sequence(5), &covered).to_le_bytes();
            codec.decode_record(&[&crc[..], &covered].concat(), 72, Sequence(5)).is_ok()
        };
        assert!(decodes(&[1, 0, 0, 0, 1, b'k', 0]) && decodes(&[2, 0, 0, 0, 1, b'k', 0]));
        assert!(decodes(&[1, 7, 9, 0, 1, b'k', 0]), "of another keyspace and type");
        assert!(!decodes(&[2, 0, 0, 9, 1, b'k', 0]) && !decodes(&[2, 0, 0, 0, 1, b'k', 1, b'v']));
        assert!(!decodes(&[2, 0, 9, 0, 1, b'k', 0]), "a removal with a type");
        assert!(decodes(&[3, 0, 0, 0, 0, 0]) && decodes(&[3, 0, 0, 0, 1, b'k', 0]));
        assert!(decodes(&[3, 0, 0, 0, 1, b'k', 2, b'k', 0]));
        assert!(!decodes(&[3, 0, 0, 0, 1, b'k', 1, b'k']), "a range without keys");
        assert!(!decodes(&[4, 0, 0, 0, 1, b'k', 0]) && !decodes(&[0, 0, 0, 0, 1, b'k', 0]));
        assert!(!decodes(&[1, 0, 0, 0x80, 0, 1, b'k', 0]), "a number of one byte written in two");
        assert!(!decodes(&[1, 0x80, 0, 0, 0, 1, b'k', 0]), "a number of one byte written in two");
        assert!(!decodes(&[1, 0, 0, 0, 1, b'k', 0, 0]), "a byte too many");
    }

    #[test]
    fn a_length_that_goes_beyond_the_bytes_is_no_record() {
        let codec = FrameCodec::new(b"segment");
        for length in [u32::MAX, u32::MAX - 7, 57, 1 << 31] {
            let mut bytes = [0xFF; 64];
            bytes[4..8].copy_from_slice(&length.to_le_bytes());
            assert!(codec.decode_record(&bytes, 0, Sequence::ZERO).is_err());
        }
    }
}
