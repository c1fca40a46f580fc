//! Bytes to requests and back, and records to bytes and back: what every operation pays at least.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kvs::internals::RecordCodec;
use kvs::protocol::native::{
    FRAME_BYTES_MAX, RequestMessage, RequestOperation, ResponseMessage, Success, decode_frame,
};
use kvs::protocol::resp::{self, Parsed, RequestLimits, RequestParser, Version};

mod common;

use common::keys::key;

/// The lengths of values: one that fits a line of text, and one that is mostly copied.
const VALUES: [usize; 2] = [100, 4096];

/// The number of requests of a pipeline.
const PIPELINE: usize = 16;

/// Measures the same work for short and long values, of which `prepare` makes what `work` needs;
/// one turn is about that many messages.
fn compare<T>(
    criterion: &mut Criterion,
    name: &str,
    messages: usize,
    prepare: impl Fn(&[u8]) -> T,
    mut work: impl FnMut(&T),
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(messages as u64));
    for bytes in VALUES {
        let prepared = prepare(&vec![b'v'; bytes]);
        group.bench_function(BenchmarkId::from_parameter(bytes), |bencher| {
            bencher.iter(|| work(black_box(&prepared)));
        });
    }
    group.finish();
}

fn array(arguments: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
    arguments.iter().for_each(|argument| resp::encode_bulk(argument, &mut request));
    request
}

/// Parses every request of a pipeline; how many arguments they have.
fn parse_all(mut input: &[u8]) -> usize {
    let mut parser = RequestParser::new(RequestLimits::default());
    let mut count = 0;
    while let Ok(Parsed::Request { arguments, consumed }) = parser.parse(input) {
        count += arguments.count();
        input = &input[consumed..];
    }
    count
}

fn resp(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resp parse of 16 gets");
    group.throughput(Throughput::Elements(PIPELINE as u64));
    for (name, get) in [("inline", &b"GET key\r\n"[..]), ("array", &array(&[b"GET", &key(1)]))] {
        let pipeline = get.repeat(PIPELINE);
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(parse_all(black_box(&pipeline)), 2 * PIPELINE));
        });
    }
    group.finish();
    compare(
        criterion,
        "resp parse of 16 sets",
        PIPELINE,
        |value| array(&[b"SET", &key(1), value]).repeat(PIPELINE),
        |pipeline| assert_eq!(parse_all(pipeline), 3 * PIPELINE),
    );
    let mut out = Vec::new();
    let bulk = |value: &[u8]| resp::Value::Bulk(value.to_vec());
    compare(criterion, "resp encode of a value", 1, bulk, |value| {
        out.clear();
        value.encode(Version::Resp2, &mut out);
    });
}

fn set(value: &[u8]) -> RequestMessage<'static> {
    let (key, value) = (key(1).to_vec().into(), value.to_vec().into());
    RequestMessage::new(1, RequestOperation::Set { key, value, expires_at: None, sync: None })
}

fn encoded_set(value: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    set(value).encode(FRAME_BYTES_MAX, &mut frame).expect("it fits a frame");
    frame
}

fn native(criterion: &mut Criterion) {
    let mut out = Vec::new();
    compare(criterion, "native encode of a set", 1, set, |request| {
        out.clear();
        request.encode(FRAME_BYTES_MAX, &mut out).expect("it fits a frame");
    });
    compare(criterion, "native decode of a set", 1, encoded_set, |frame| {
        let frame = decode_frame(frame, FRAME_BYTES_MAX).expect("it is a frame");
        let (body, _) = frame.expect("the frame is complete");
        black_box(RequestMessage::decode(body).expect("it is a request"));
    });
    let response = |value: &[u8]| {
        let value = value.to_vec().into();
        ResponseMessage { id: 1, result: Ok(Success::Value(Some(value))) }
    };
    compare(criterion, "native encode of a value", 1, response, |response| {
        out.clear();
        response.encode(FRAME_BYTES_MAX, &mut out).expect("it fits a frame");
    });
}

fn record(criterion: &mut Criterion) {
    let codec = RecordCodec::default();
    let mut out = Vec::new();
    compare(criterion, "record encode", 1, <[u8]>::to_vec, |value| {
        out.clear();
        assert!(codec.encode(&key(1), value, &mut out));
    });
    let encoded = |value: &[u8]| {
        let mut frame = Vec::new();
        assert!(codec.encode(&key(1), value, &mut frame));
        frame
    };
    compare(criterion, "record decode", 1, encoded, |frame| {
        black_box(codec.decode(frame).expect("it was encoded"));
    });
}

criterion_group! {
    name = benches;
    config = common::settings();
    targets = resp, native, record
}
criterion_main!(benches);
