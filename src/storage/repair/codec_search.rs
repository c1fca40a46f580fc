//! The search for the codec of a segment whose header is damaged.
//!
//! The checksums of a segment are seeded with the checksum of its header. That is the one which
//! stands in the header, or the one of the bytes before it, unless both are damaged; and a batch
//! tells its seed, because a checksum can be computed backwards. A record of the batch that is
//! valid under the same seed proves it. Sectors of another segment may lie in the file, so the seed
//! by which the most bytes are in valid frames is the one of the file.

use crate::Result;
use crate::storage::format::codec::FrameCodec;
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameKind};
use crate::storage::format::little_endian::u32_at;
use crate::storage::format::record::RECORD_HEADER_BYTES;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::FrameScan;

/// The longest record that is read to prove a codec: its length is not known to be right.
const PROOF_BYTES_MAX: usize = 1 << 20;

/// The most codecs that are told apart: bytes that somebody made up must not cost more and more.
const CODECS_MAX: usize = 16;

/// A codec, and what speaks for it in a segment.
struct CandidateCodec {
    codec: FrameCodec,
    /// The bytes in valid frames. Behind them counts the number of batches of which only the header
    /// is valid: that may be all of a sector of another segment.
    evidence: (u64, u64),
}

impl CandidateCodec {
    fn new(codec: FrameCodec) -> Self {
        Self { codec, evidence: (0, 0) }
    }
}

/// Returns the codec by which the most bytes of a segment are in valid frames, whatever codec it
/// was opened with; `None` if there is no frame. The `stated` ones need no proof.
pub(super) fn find_codec(segment: &Segment, stated: [FrameCodec; 2]) -> Result<Option<FrameCodec>> {
    let mut found = stated.map(CandidateCodec::new).into_iter().collect::<Vec<_>>();
    let mut offset = SEGMENT_HEADER_BYTES as u64;
    let mut scan = FrameScan::resume(segment, offset)?;
    while let Some(bytes) = scan.peek(offset, FRAME_HEADER_BYTES)? {
        let is_known = |codec: FrameCodec| codec.decode_header(bytes, offset).is_some();
        let known = found.iter_mut().find(|candidate| is_known(candidate.codec));
        if let Some(CandidateCodec { codec, evidence: (valid, headers) }) = known {
            let kind = codec.decode_header(bytes, offset).map(|header| header.kind);
            let bytes = match proven_bytes(*codec, &mut scan, offset)? {
                Some(bytes) => bytes,
                // The rest of the frame may be what the file held before.
                None if kind == Some(FrameKind::Batch) => 0,
                None => FRAME_HEADER_BYTES as u64,
            };
            *valid += bytes;
            *headers += u64::from(bytes == 0);
            offset += bytes.max(FRAME_HEADER_BYTES as u64);
            continue;
        }
        let implied = FrameCodec::implied_by_batch(bytes, offset);
        match implied.filter(|_| found.len() < CODECS_MAX) {
            Some(codec) if proven_bytes(codec, &mut scan, offset)?.is_some() => {
                found.push(CandidateCodec::new(codec));
            }
            _ => offset += 1,
        }
    }
    let better = |best: CandidateCodec, other: CandidateCodec| {
        if other.evidence > best.evidence { other } else { best }
    };
    let best = found.into_iter().reduce(better);
    Ok(best.filter(|best| best.evidence > (0, 0)).map(|best| best.codec))
}

/// Returns the length of the batch at `offset` if its first record is valid under the codec.
fn proven_bytes(codec: FrameCodec, scan: &mut FrameScan<'_>, offset: u64) -> Result<Option<u64>> {
    let record_at = offset + FRAME_HEADER_BYTES as u64;
    let Some(header) = scan.peek(offset, FRAME_HEADER_BYTES)? else { return Ok(None) };
    let Some(header) = codec.decode_header(header, offset) else { return Ok(None) };
    let Some(stated) = scan.peek(record_at, RECORD_HEADER_BYTES)? else { return Ok(None) };
    let length = RECORD_HEADER_BYTES.saturating_add(u32_at(stated, 4) as usize);
    if length > PROOF_BYTES_MAX.min(header.body_bytes as usize) {
        return Ok(None);
    }
    let record = scan.peek(record_at, length)?;
    let decoded =
        record.map(|bytes| codec.decode_record(bytes, record_at, header.numbers.sequence));
    let is_proven = decoded.is_some_and(|decoded| decoded.is_ok());
    Ok(is_proven.then(|| FRAME_HEADER_BYTES as u64 + u64::from(header.body_bytes)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::findings::SegmentItem;
    use crate::storage::format::frame::{FrameKind, FrameNumbers};
    use crate::storage::format::record::Record;
    use crate::storage::format::segment_header::SegmentHeader;
    use crate::storage::format::segment_id::SegmentId;
    use crate::storage::format::sequence::Sequence;
    use crate::storage::fs::Directory;
    use crate::storage::fs::simulated::{SimulatedDisk, State};
    use crate::storage::repair::inspection::inspect;

    /// The bytes of a sector of the swapped ones: so few that several frames are behind it.
    const SECTOR: usize = 64;

    /// Returns a sealed segment of 20 batches.
    fn segment(id: u64) -> Vec<u8> {
        let header = SegmentHeader { id: SegmentId(id), ..SegmentHeader::FIRST };
        let (codec, mut bytes) = (header.codec(), header.encode().to_vec());
        for number in 1..=20 {
            let key = format!("key {number} of segment {id}");
            let numbers = FrameNumbers { sequence: Sequence(number), durable: Sequence::ZERO };
            let records = [Record::put(key.as_bytes(), b"value", None)].into_iter();
            let (at, mut frame) = (bytes.len() as u64, Vec::new());
            codec.encode_batch(records, numbers, at, &mut frame, |_| {}).unwrap();
            bytes.append(&mut frame);
        }
        let numbers = FrameNumbers { sequence: Sequence(21), durable: Sequence(20) };
        let (at, mut seal) = (bytes.len() as u64, Vec::new());
        codec.encode_mark(FrameKind::Seal, &[], numbers, at, &mut seal).unwrap();
        bytes.append(&mut seal);
        bytes
    }

    /// Returns the numbers of whole frames and of damages behind the header.
    fn inspected(bytes: &[u8]) -> (usize, usize) {
        let disk = SimulatedDisk::new(State::with_files([("x.log".to_owned(), bytes.to_vec())]));
        let (mut whole, mut damaged) = (0, 0);
        inspect(disk.open("x.log").unwrap(), Path::new("x.log"), &mut |item| {
            match item {
                SegmentItem::Frame(frame) if frame.damage.is_none() => whole += 1,
                SegmentItem::Damaged { offset, .. } if offset > 0 => damaged += 1,
                _ => {}
            }
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        (whole, damaged)
    }

    #[test]
    fn frames_are_whole_behind_every_damaged_header() {
        let whole = segment(1);
        assert_eq!(inspected(&whole), (21, 0));
        for bit in 0..68 * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(inspected(&bytes), (21, 0), "bit {bit}");
        }
        for (fill, damaged) in [(0, 72), (0xFF, 72), (0, 512), (0xFF, 512)] {
            let mut bytes = whole.clone();
            bytes[..damaged].fill(fill);
            let (frames, damages) = inspected(&bytes);
            assert!(frames == if damaged == 72 { 21 } else { 14 } && damages <= 1, "{frames}");
        }
    }

    #[test]
    fn the_sector_of_another_segment_does_not_decide_by_which_seed_a_file_is_read() {
        let (whole, other) = (segment(1), segment(2));
        for start in (0..SECTOR * 4).step_by(SECTOR) {
            let mut bytes = whole.clone();
            bytes[start..start + SECTOR].copy_from_slice(&other[start..start + SECTOR]);
            // A damaged header beside it.
            bytes[0] ^= 1;
            let (frames, _) = inspected(&bytes);
            assert!(frames >= 18, "{frames} frames are whole with the sector at {start}");
        }
    }

    #[test]
    fn a_frame_of_another_segment_hides_nothing_behind_its_header() {
        let other = SegmentHeader { id: SegmentId(2), ..SegmentHeader::FIRST };
        let numbers = FrameNumbers { sequence: Sequence(1), durable: Sequence::ZERO };
        let records = [Record::put(b"key", &[7; 5000], None)].into_iter();
        let mut long = other.encode().to_vec();
        let mut frame = Vec::new();
        other.codec().encode_batch(records, numbers, 72, &mut frame, |_| {}).unwrap();
        long.append(&mut frame);
        let mut bytes = segment(1);
        bytes[64..128].copy_from_slice(&long[64..128]);
        let (frames, _) = inspected(&bytes);
        assert!(frames >= 20, "{frames} frames are whole");
    }

    #[test]
    fn the_header_of_a_batch_alone_counts_less_than_a_seal() {
        let (whole, other) = (segment(1), segment(2));
        // Of the file, only the seal at its end is left; of the other one, the header of a batch.
        let seal = whole.len() - 32;
        let mut bytes = whole;
        bytes[72..seal].fill(7);
        bytes[64..128].copy_from_slice(&other[64..128]);
        assert_eq!(inspected(&bytes), (1, 1));
    }

    #[test]
    fn bytes_without_a_frame_have_no_codec() {
        let mut bytes = segment(1);
        bytes[..72].fill(7);
        bytes.truncate(72 + 40);
        assert_eq!(inspected(&bytes), (0, 1));
    }
}
