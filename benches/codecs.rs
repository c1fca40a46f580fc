//! Bytes to requests and back, and records to bytes and back: what every operation pays at least.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kvs::internals::RecordCodec;
use kvs::protocol::native::{Answer, FRAME_BYTES_MAX, Operation, Request, Response, decode_frame};
use kvs::protocol::resp::{self, Limits, Parsed, RequestParser, Version};

mod common;

use common::keys::key;

/// How long the values are: one that fits a line of text, and one that is mostly copied.
const VALUES: [usize; 2] = [100, 4096];

/// How many requests a pipeline has.
const PIPELINE: usize = 16;

/// Measures the same work for short and long values; `work` gets what `prepare` made of the value, and
/// `size` is how many bytes it goes through.
fn compare<T>(
    criterion: &mut Criterion,
    name: &str,
    prepare: impl Fn(&[u8]) -> T,
    size: impl Fn(&T) -> usize,
    mut work: impl FnMut(&mut T),
) {
    let mut group = criterion.benchmark_group(name);
    for bytes in VALUES {
        let mut prepared = prepare(&vec![b'v'; bytes]);
        group.throughput(Throughput::Bytes(size(&prepared) as u64));
        group.bench_function(BenchmarkId::from_parameter(bytes), |bencher| {
            bencher.iter(|| work(&mut prepared));
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
    let mut parser = RequestParser::new(Limits::default());
    let mut count = 0;
    while let Ok(Parsed::Request { arguments, consumed }) = parser.parse(input) {
        count += arguments.count();
        input = &input[consumed..];
    }
    count
}

fn resp(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resp parse of 16");
    for (name, line) in [("inline", &b"GET key\r\n"[..]), ("array", &array(&[b"GET", &key(1)]))] {
        let pipeline = line.repeat(PIPELINE);
        group.throughput(Throughput::Bytes(pipeline.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(parse_all(black_box(&pipeline)), 2 * PIPELINE));
        });
    }
    group.finish();
    compare(
        criterion,
        "resp parse of 16 sets",
        |value| array(&[b"SET", &key(1), value]).repeat(PIPELINE),
        Vec::len,
        |pipeline| assert_eq!(parse_all(black_box(pipeline)), 3 * PIPELINE),
    );
    let mut out = Vec::new();
    compare(
        criterion,
        "resp encode of a bulk string",
        |value| resp::Value::Bulk(value.to_vec()),
        |value| match value {
            resp::Value::Bulk(bytes) => bytes.len(),
            _ => 0,
        },
        |value| {
            out.clear();
            black_box(&*value).encode(Version::Resp2, &mut out);
        },
    );
}

fn set(value: &[u8]) -> Request<'static> {
    let (key, value) = (key(1).to_vec().into(), value.to_vec().into());
    Request { id: 1, operation: Operation::Set { key, value, expires_at: None } }
}

fn encoded_set(value: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    set(value).encode(FRAME_BYTES_MAX, &mut frame).expect("it fits a frame");
    frame
}

fn response(value: &[u8]) -> Response<'static> {
    Response { id: 1, result: Ok(Answer::Value(Some(value.to_vec().into()))) }
}

fn native(criterion: &mut Criterion) {
    let mut out = Vec::new();
    compare(
        criterion,
        "native encode of a set",
        |value| (set(value), encoded_set(value).len()),
        |(_, bytes)| *bytes,
        |(request, _)| {
            out.clear();
            black_box(&*request).encode(FRAME_BYTES_MAX, &mut out).expect("it fits a frame");
        },
    );
    compare(criterion, "native decode of a set", encoded_set, Vec::len, |frame| {
        let frame = decode_frame(black_box(frame), FRAME_BYTES_MAX).expect("it is a frame");
        let (body, _) = frame.expect("the frame is complete");
        black_box(Request::decode(body).expect("it is a request"));
    });
    compare(
        criterion,
        "native encode of a value",
        |value| (response(value), value.len()),
        |(_, bytes)| *bytes,
        |(response, _)| {
            out.clear();
            black_box(&*response).encode(FRAME_BYTES_MAX, &mut out).expect("it fits a frame");
        },
    );
}

fn record(criterion: &mut Criterion) {
    let codec = RecordCodec::default();
    let encoded = |value: &[u8]| {
        let mut frame = Vec::new();
        assert!(codec.encode(&key(1), value, &mut frame));
        frame
    };
    let mut out = Vec::new();
    compare(
        criterion,
        "record encode",
        |value| (value.to_vec(), encoded(value).len()),
        |(_, bytes)| *bytes,
        |(value, _)| {
            out.clear();
            assert!(codec.encode(&key(1), black_box(value), &mut out));
        },
    );
    compare(criterion, "record decode", encoded, Vec::len, |frame| {
        black_box(codec.decode(black_box(frame)).expect("it was encoded"));
    });
}

criterion_group! {
    name = benches;
    config = common::settings();
    targets = resp, native, record
}
criterion_main!(benches);
