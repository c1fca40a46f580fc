//! Batches of more operations than the store takes, which are refused before they are decoded.

use super::*;
use crate::protocol::native::{BatchItem, ByteString, Failure};

/// Returns a frame with a batch of so many removals, without its last bytes.
fn batch(id: u64, items: usize, cut: usize) -> Vec<u8> {
    let items = vec![BatchItem::Remove { key: ByteString::from(b"k") }; items];
    let operation = RequestOperation::batch(items);
    let mut frame = Vec::new();
    RequestMessage::new(id, operation).encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    frame.truncate(frame.len() - cut);
    let length = u32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame
}

/// Returns the results in these frames, with the ids of their requests.
fn results(mut output: &[u8]) -> Vec<(u64, std::result::Result<(), Failure>)> {
    let mut results = vec![];
    while let Some((body, bytes)) = decode_frame(output, FRAME_BYTES_MAX).unwrap() {
        let ResponseMessage { id, result } = ResponseMessage::decode(body).unwrap();
        results.push((id, result.map(drop)));
        output = &output[bytes..];
    }
    results
}

#[test]
fn a_batch_over_the_limit_is_refused_undecoded_and_in_its_turn() {
    let mut driver = Driver::new();
    let mut hello = Vec::new();
    ClientHello::OURS.encode(&mut hello);
    driver.receive(&hello);
    driver.take_output();
    let max = driver.context.store.batch_operations_max();
    driver.receive(&batch(1, max, 0));
    // That its last item is not whole can only be known to who decodes it.
    driver.receive(&batch(2, max + 1, 1));
    driver.receive(&batch(3, 1, 0));
    assert!(driver.output().is_empty(), "the first one is not answered yet");
    driver.answer_all();
    let results = results(&driver.take_output());
    let failure = Failure {
        kind: FailureKind::ValueTooLarge,
        message: format!("batch of {} operations is over the limit of {max}; split it", max + 1),
    };
    assert_eq!(results, [(1, Ok(())), (2, Err(failure)), (3, Ok(()))]);
    driver.receive(&batch(4, max, 1));
    assert!(driver.connection.take_refusal().is_some(), "this one is decoded");
}
