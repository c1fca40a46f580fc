//! Messages survive the wire whatever they hold, and no bytes of a peer do harm.

use std::ops::Bound;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::protocol::native::{
    BatchCondition, BatchItem, BatchReads, ByteString, FRAME_BYTES_MAX, FailureKind, KeyRangeRead,
    KeyRead, LIST_ITEMS_MAX, ScanEntry, VersionedValue, WatchPosition, WatchedChange, decode_frame,
};

fn bytes() -> impl Strategy<Value = ByteString<'static>> {
    vec(any::<u8>(), 0..20).prop_map(ByteString::from)
}

fn name() -> impl Strategy<Value = String> {
    ".{0,20}"
}

fn place() -> impl Strategy<Value = Place<'static>> {
    prop_oneof![
        Just(Place::Default),
        name().prop_map(|name| Place::Keyspace(name.into())),
        Just(Place::Snapshot),
        name().prop_map(|name| Place::KeyspaceSnapshot(name.into())),
    ]
}

fn bound() -> impl Strategy<Value = Bound<ByteString<'static>>> {
    prop_oneof![
        Just(Bound::Unbounded),
        bytes().prop_map(Bound::Included),
        bytes().prop_map(Bound::Excluded),
    ]
}

fn condition() -> impl Strategy<Value = BatchCondition<'static>> {
    prop_oneof![
        Just(BatchCondition::Absent),
        Just(BatchCondition::Present),
        bytes().prop_map(BatchCondition::Value),
        any::<u64>().prop_map(BatchCondition::Version),
    ]
}

fn batch_item() -> impl Strategy<Value = BatchItem<'static>> {
    prop_oneof![
        (bytes(), bytes(), any::<Option<u64>>())
            .prop_map(|(key, value, expires_at)| { BatchItem::Set { key, value, expires_at } }),
        bytes().prop_map(|key| BatchItem::Remove { key }),
        (bytes(), condition()).prop_map(|(key, condition)| BatchItem::Require { key, condition }),
        option::of(name()).prop_map(|name| BatchItem::On { name }),
        (bytes(), any::<i64>()).prop_map(|(key, amount)| BatchItem::Increment { key, amount }),
        (bytes(), bytes()).prop_map(|(key, suffix)| BatchItem::Append { key, suffix }),
        (bytes(), any::<u64>()).prop_map(|(key, expires_at)| BatchItem::Expire { key, expires_at }),
        bytes().prop_map(|key| BatchItem::Persist { key }),
        (bound(), bound()).prop_map(|(start, end)| BatchItem::RemoveRange { start, end }),
    ]
}

fn reads() -> impl Strategy<Value = BatchReads<'static>> {
    let key = (any::<u32>(), bytes(), any::<bool>())
        .prop_map(|(keyspace, key, was_there)| KeyRead { keyspace, key, was_there });
    let range = (any::<u32>(), bytes(), bytes(), any::<u64>())
        .prop_map(|(keyspace, start, end, keys)| KeyRangeRead { keyspace, start, end, keys });
    (any::<u64>(), vec(name(), 0..3), vec(key, 0..3), vec(range, 0..3))
        .prop_map(|(version, names, keys, ranges)| BatchReads { version, names, keys, ranges })
}

fn sync() -> impl Strategy<Value = Option<bool>> {
    any::<Option<bool>>()
}

fn update() -> impl Strategy<Value = RequestOperation<'static>> {
    prop_oneof![
        (bytes(), any::<i64>(), sync())
            .prop_map(|(key, amount, sync)| RequestOperation::Increment { key, amount, sync }),
        (bytes(), bytes(), sync()).prop_map(|(key, suffix, sync)| RequestOperation::Append {
            key,
            suffix,
            sync
        }),
        (bytes(), bytes(), sync()).prop_map(|(key, value, sync)| RequestOperation::Swap {
            key,
            value,
            sync
        }),
        (bytes(), sync()).prop_map(|(key, sync)| RequestOperation::Take { key, sync }),
        (bytes(), any::<u64>(), sync())
            .prop_map(|(key, expires_at, sync)| RequestOperation::Expire { key, expires_at, sync }),
        (bytes(), sync()).prop_map(|(key, sync)| RequestOperation::Persist { key, sync }),
        (bound(), bound(), sync()).prop_map(|(start, end, sync)| RequestOperation::RemoveRange {
            start,
            end,
            sync
        }),
    ]
}

fn position() -> impl Strategy<Value = WatchPosition> {
    any::<(u64, u64)>().prop_map(|(run, version)| WatchPosition { run, version })
}

fn change() -> impl Strategy<Value = WatchedChange<'static>> {
    prop_oneof![
        (bytes(), bytes(), any::<Option<u64>>())
            .prop_map(|(key, value, expires_at)| WatchedChange::Set { key, value, expires_at }),
        bytes().prop_map(|key| WatchedChange::Removed { key }),
        bytes().prop_map(|key| WatchedChange::Expired { key }),
        (bytes(), option::of(bytes()))
            .prop_map(|(start, end)| WatchedChange::RangeRemoved { start, end }),
        Just(WatchedChange::Cleared),
        Just(WatchedChange::Dropped),
    ]
}

fn operation() -> impl Strategy<Value = RequestOperation<'static>> {
    let scan = (bound(), bound(), any::<bool>(), any::<u32>(), any::<bool>());
    prop_oneof![
        Just(RequestOperation::Ping),
        bytes().prop_map(|key| RequestOperation::Get { key }),
        vec(bytes(), 0..5).prop_map(|keys| RequestOperation::GetMany { keys }),
        (bytes(), bytes(), any::<Option<u64>>(), sync()).prop_map(
            |(key, value, expires_at, sync)| RequestOperation::Set { key, value, expires_at, sync }
        ),
        (bytes(), sync()).prop_map(|(key, sync)| RequestOperation::Remove { key, sync }),
        bytes().prop_map(|key| RequestOperation::Contains { key }),
        (vec(batch_item(), 0..5), option::of(reads()), sync())
            .prop_map(|(items, reads, sync)| RequestOperation::Batch { items, reads, sync }),
        Just(RequestOperation::OpenSnapshot),
        Just(RequestOperation::CloseSnapshot),
        option::of(name()).prop_map(|name| RequestOperation::BeginBackup { name }),
        Just(RequestOperation::BackupState),
        bytes().prop_map(|key| RequestOperation::GetVersioned { key }),
        scan.prop_map(|(start, end, reverse, limit, keys_only)| RequestOperation::Scan {
            start,
            end,
            reverse,
            limit,
            keys_only,
        }),
        Just(RequestOperation::Count),
        Just(RequestOperation::Sync),
        Just(RequestOperation::Clear),
        Just(RequestOperation::Info),
        bytes().prop_map(|password| RequestOperation::Authenticate { password }),
        (name(), any::<bool>())
            .prop_map(|(name, create)| RequestOperation::OpenKeyspace { name, create }),
        Just(RequestOperation::ListKeyspaces),
        (name(), name()).prop_map(|(from, to)| RequestOperation::RenameKeyspace { from, to }),
        (name(), name())
            .prop_map(|(first, second)| RequestOperation::SwapKeyspaces { first, second }),
        name().prop_map(|name| RequestOperation::DropKeyspace { name }),
        update(),
        (bound(), bound()).prop_map(|(start, end)| RequestOperation::CountRange { start, end }),
        (bound(), bound(), option::of(position()))
            .prop_map(|(start, end, after)| RequestOperation::Watch { start, end, after }),
    ]
}

fn answer() -> impl Strategy<Value = Success<'static>> {
    let versioned = (bytes(), any::<u64>(), any::<Option<u64>>())
        .prop_map(|(value, version, expires_at)| VersionedValue { value, version, expires_at });
    let entry = (bytes(), option::of(bytes())).prop_map(|(key, value)| ScanEntry { key, value });
    prop_oneof![
        Just(Success::Done),
        option::of(bytes()).prop_map(Success::Value),
        vec(option::of(bytes()), 0..5).prop_map(Success::Values),
        any::<bool>().prop_map(Success::Removed),
        any::<bool>().prop_map(Success::Flag),
        option::of(versioned).prop_map(Success::Versioned),
        any::<u64>().prop_map(|version| Success::Applied { version }),
        (vec(entry, 0..5), any::<bool>())
            .prop_map(|(entries, more)| Success::Entries { entries, more }),
        any::<u64>().prop_map(Success::Number),
        ".{0,20}".prop_map(Success::Text),
        vec(name(), 0..5).prop_map(Success::Names),
        any::<i64>().prop_map(Success::Integer),
        position().prop_map(Success::Watching),
        (any::<u64>(), vec(change(), 0..5))
            .prop_map(|(version, changes)| Success::Changes { version, changes }),
        any::<(u64, u64)>().prop_map(|(first, last)| Success::Missed { first, last }),
    ]
}

fn request() -> impl Strategy<Value = RequestMessage<'static>> {
    (any::<u64>(), place(), operation()).prop_map(|(id, place, operation)| RequestMessage {
        id,
        place,
        operation,
    })
}

fn response() -> impl Strategy<Value = ResponseMessage<'static>> {
    let failure = (any::<u16>(), ".{0,20}")
        .prop_map(|(code, message)| Failure { kind: FailureKind::from(code), message });
    let result = prop_oneof![answer().prop_map(Ok), failure.prop_map(Err)];
    (any::<u64>(), result).prop_map(|(id, result)| ResponseMessage { id, result })
}

/// Feeds `stream` in pieces of the given sizes, in turn, as a connection would.
fn feed(stream: &[u8], piece_sizes: &[usize]) -> Vec<RequestMessage<'static>> {
    let mut buffer = Vec::new();
    let mut requests = Vec::new();
    let mut rest = stream;
    for &size in piece_sizes.iter().cycle() {
        let (piece, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        buffer.extend_from_slice(piece);
        while let Some((body, consumed)) = decode_frame(&buffer, FRAME_BYTES_MAX).unwrap() {
            let request = RequestMessage::decode(body).unwrap();
            let mut copy = Vec::new();
            request.encode(FRAME_BYTES_MAX, &mut copy).unwrap();
            assert_eq!(copy, buffer[..consumed], "one message has one encoding");
            requests.push(into_static(&copy));
            buffer.drain(..consumed);
        }
        if rest.is_empty() {
            break;
        }
    }
    assert!(buffer.is_empty());
    requests
}

/// Decodes a frame into a request that owns its bytes, by leaking none but those of a test.
fn into_static(frame: &[u8]) -> RequestMessage<'static> {
    let frame: &'static [u8] = frame.to_vec().leak();
    let (body, _) = decode_frame(frame, FRAME_BYTES_MAX).unwrap().unwrap();
    RequestMessage::decode(body).unwrap()
}

proptest! {
    #[test]
    fn requests_fed_in_any_pieces_arrive_as_they_were_sent(
        requests in vec(request(), 0..5),
        piece_sizes in vec(1_usize..40, 1..5),
    ) {
        let mut stream = Vec::new();
        for request in &requests {
            request.encode(FRAME_BYTES_MAX, &mut stream).unwrap();
        }
        prop_assert_eq!(feed(&stream, &piece_sizes), requests);
    }

    #[test]
    fn a_response_arrives_as_it_was_sent(response in response()) {
        let mut frame = Vec::new();
        response.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
        let (body, consumed) = decode_frame(&frame, FRAME_BYTES_MAX).unwrap().unwrap();
        prop_assert_eq!(consumed, frame.len());
        prop_assert_eq!(ResponseMessage::decode(body).unwrap(), response);
    }

    #[test]
    fn no_bytes_panic(body in vec(any::<u8>(), 0..200)) {
        let _ = decode_frame(&body, FRAME_BYTES_MAX);
        let _ = RequestMessage::decode(&body);
        let _ = ResponseMessage::decode(&body);
    }

    #[test]
    fn a_cut_or_extended_body_is_refused(
        request in request(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut frame = Vec::new();
        request.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
        let (body, _) = decode_frame(&frame, FRAME_BYTES_MAX).unwrap().unwrap();
        let cut = RequestMessage::decode(&body[..cut.index(body.len())]);
        prop_assert!(matches!(cut, Err(ProtocolError::MessageMalformed(_))));
        let longer = [body, b"!"].concat();
        let trailed = RequestMessage::decode(&longer);
        prop_assert_eq!(trailed, Err(ProtocolError::MessageTrailed { found: 1 }));
    }
}

#[test]
fn golden_frames_of_both_messages() {
    let mut frame = Vec::new();
    let get = || RequestOperation::Get { key: ByteString::from(b"key") };
    RequestMessage::new(300, get()).encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    assert_eq!(frame, b"\x08\x00\x00\x00\xAC\x02\x00\x01\x03key");

    frame.clear();
    let place = Place::Keyspace("ks".into());
    let request = RequestMessage { id: 1, place, operation: get() };
    request.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    assert_eq!(frame, b"\x0A\x00\x00\x00\x01\x01\x02ks\x01\x03key");

    frame.clear();
    let success = ResponseMessage { id: 1, result: Ok(Success::Flag(true)) };
    success.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    assert_eq!(frame, b"\x04\x00\x00\x00\x01\x00\x04\x01");

    frame.clear();
    let failure = Failure { kind: FailureKind::Busy, message: "later".to_owned() };
    ResponseMessage { id: 1, result: Err(failure) }.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    assert_eq!(frame, b"\x09\x00\x00\x00\x01\x01\x0B\x05later");
}

#[test]
fn a_frame_at_the_limit_is_sent_and_one_byte_more_is_not() {
    let operation = RequestOperation::Get { key: ByteString::from(b"123456") };
    let request = RequestMessage::new(0, operation);
    let mut out = Vec::new();
    request.encode(10, &mut out).unwrap();
    assert_eq!(out.len(), 14);
    let error = request.encode(9, &mut out).unwrap_err();
    assert_eq!(error, ProtocolError::FrameTooLarge { found: 10, limit: 9 });
    assert_eq!(out.len(), 14);
}

#[test]
fn a_list_that_the_peer_would_refuse_is_not_sent() {
    let keys = vec![ByteString::from(b""); LIST_ITEMS_MAX + 1];
    let mut out = Vec::new();
    let error = RequestMessage::new(0, RequestOperation::GetMany { keys })
        .encode(FRAME_BYTES_MAX, &mut out)
        .unwrap_err();
    assert_eq!(error, ProtocolError::ListTooLong { limit: LIST_ITEMS_MAX });
    assert!(out.is_empty());
}

#[test]
fn the_head_of_a_batch_is_read_without_its_items() {
    let items = vec![BatchItem::Remove { key: ByteString::from(b"k") }; 300];
    let head = |operation| {
        let mut frame = Vec::new();
        let place = Place::Keyspace("ks".into());
        RequestMessage { id: 400, place, operation }.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
        (1..frame.len()).filter_map(|length| BatchHead::read(frame.get(4..length)?)).collect()
    };
    let heads: Vec<_> = head(RequestOperation::batch(items));
    // Behind the items are the bytes that say nothing of reads and of a sync.
    assert_eq!(heads.len(), 3 * 300 + 2, "as soon as it is there");
    assert!(heads.iter().all(|head| *head == BatchHead { id: 400, items: 300 }));
    let keys = vec![ByteString::from(b"k"); 300];
    assert!(head(RequestOperation::GetMany { keys }).is_empty());
    assert!(head(RequestOperation::Clear).is_empty());
}

#[test]
fn an_announced_list_without_its_items_is_refused() {
    let body = b"\x00\x00\x02\xFF\xFF\xFF\xFF\x0F";
    assert!(matches!(RequestMessage::decode(body), Err(ProtocolError::MessageMalformed(_))));
}
