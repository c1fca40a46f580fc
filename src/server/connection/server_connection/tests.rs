//! Replies come in the order of the requests, and each request sees the ones before it, however the
//! network splits the bytes and whenever the writer and the readers answer.

mod channels;
#[cfg(feature = "sled")]
mod clearing;
mod large_batches;
mod snapshots;
mod strangers;

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::protocol::native::{
    self, ClientHello, FRAME_BYTES_MAX, FailureKind, RequestMessage, RequestOperation,
    ResponseMessage, ServerHello, Success, decode_frame,
};
use crate::server::connection::reply_queue::REPLIES_MAX;
use crate::server::execute::execution::KEYS_ON_WORKER_MAX;
use crate::server::testing;
use crate::store::Batch;
use crate::store::read::SHORT_READ_BYTES;

/// A connection with a writer and a reader that answer when they are told to.
struct Driver {
    context: Arc<Context>,
    connection: ServerConnection,
    unwritten: VecDeque<Batch>,
    asked: Option<Ask>,
}

impl Driver {
    fn new() -> Self {
        Self::over(testing::context())
    }

    fn over(context: Arc<Context>) -> Self {
        let connection = ServerConnection::new(testing::session(&context));
        Self { context, connection, unwritten: VecDeque::new(), asked: None }
    }

    fn advance(&mut self) {
        let mut intake = Intake::default();
        let ask = self.connection.advance(&self.context, &mut intake);
        self.unwritten.extend(intake.batches);
        if ask.is_some() {
            assert!(self.asked.is_none(), "one thing is asked at a time");
            self.asked = ask;
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.connection.receive(bytes);
        self.advance();
    }

    /// Answers one thing that is owed; false if nothing is.
    fn answer(&mut self) -> bool {
        if let Some(batch) = self.unwritten.pop_front() {
            self.connection.written(self.context.store.apply(batch));
        } else {
            match self.asked.take() {
                None => return false,
                Some(Ask::Delay) => self.connection.end_delay(),
                Some(Ask::Watch) => {}
                Some(Ask::Sync) => self.connection.synced(self.context.store.sync()),
                Some(Ask::Read(read)) => {
                    let replies = read.execute(&self.context, self.connection.session());
                    self.connection.read(replies, &mut Intake::default());
                }
            }
        }
        self.advance();
        true
    }

    fn answer_all(&mut self) {
        while self.answer() {}
    }

    fn output(&self) -> &[u8] {
        self.connection.output.as_slice()
    }

    fn take_output(&mut self) -> Vec<u8> {
        let output = self.output().to_vec();
        self.connection.output().consume(output.len());
        output
    }
}

/// A request of the mixed pipelines; keys are few, so that they meet.
#[derive(Debug, Clone)]
enum Asked {
    Set(u8, Vec<u8>),
    Get(u8),
    Ping,
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        3 => (0..4_u8, proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(key, value)| Asked::Set(key, value)),
        3 => (0..4_u8).prop_map(Asked::Get),
        1 => Just(Asked::Ping),
    ]
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("${}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

/// Returns the bytes of the requests in RESP, and of the replies to them.
fn resp(requests: &[Asked]) -> (Vec<u8>, Vec<u8>) {
    let (mut input, mut output, mut model) = (Vec::new(), Vec::new(), BTreeMap::new());
    for request in requests {
        match request {
            Asked::Set(key, value) => {
                input.extend(b"*3\r\n$3\r\nSET\r\n");
                input.extend(bulk(&[*key]));
                input.extend(bulk(value));
                output.extend(b"+OK\r\n");
                model.insert(*key, value);
            }
            Asked::Get(key) => {
                input.extend(b"*2\r\n$3\r\nGET\r\n");
                input.extend(bulk(&[*key]));
                match model.get(key) {
                    Some(value) => output.extend(bulk(value)),
                    None => output.extend(b"$-1\r\n"),
                }
            }
            Asked::Ping => {
                input.extend(b"PING\r\n");
                output.extend(b"+PONG\r\n");
            }
        }
    }
    (input, output)
}

/// Returns the same for the native protocol; every other read is a scan, which only a reader may
/// do.
fn native(requests: &[Asked]) -> (Vec<u8>, Vec<u8>) {
    let (mut input, mut output, mut model) = (Vec::new(), Vec::new(), BTreeMap::new());
    ClientHello::OURS.encode(&mut input);
    ServerHello::answer(&ClientHello::OURS, FRAME_BYTES_MAX).encode(&mut output);
    let mut version = 0;
    for (id, request) in (1..).zip(requests) {
        let (operation, answer) = match request {
            Asked::Set(key, value) => {
                version += 1;
                model.insert(vec![*key], value.clone());
                let operation = RequestOperation::Set {
                    key: vec![*key].into(),
                    value: value.clone().into(),
                    expires_at: None,
                    sync: None,
                };
                (operation, Success::Applied { version })
            }
            Asked::Get(key) if id % 2 == 0 => {
                let entries = model.range(vec![*key]..).take(2);
                let entries: Vec<_> = entries
                    .map(|(key, value)| native::ScanEntry {
                        key: key.clone().into(),
                        value: Some(value.clone().into()),
                    })
                    .collect();
                let operation = RequestOperation::Scan {
                    start: std::ops::Bound::Included(vec![*key].into()),
                    end: std::ops::Bound::Unbounded,
                    reverse: false,
                    limit: 2,
                    keys_only: false,
                };
                let more = entries.len() == 2;
                (operation, Success::Entries { entries, more })
            }
            Asked::Get(key) => {
                let value = model.get(&vec![*key]).map(|value| value.clone().into());
                let key = vec![*key].into();
                (RequestOperation::Get { key }, Success::Value(value))
            }
            Asked::Ping => (RequestOperation::Ping, Success::Done),
        };
        let request = RequestMessage::new(id, operation);
        request.encode(FRAME_BYTES_MAX, &mut input).unwrap();
        let result = Ok(answer);
        let response = ResponseMessage { id, result };
        response.encode(FRAME_BYTES_MAX, &mut output).unwrap();
    }
    (input, output)
}

/// Feeds the input in pieces, answering some of what is owed in between.
fn replies_match((input, output): &(Vec<u8>, Vec<u8>), pieces: &[(usize, usize)]) {
    let mut driver = Driver::new();
    let mut rest = &input[..];
    for (length, answers) in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*length).clamp(1, rest.len()));
        driver.receive(piece);
        rest = behind;
        for _ in 0..*answers {
            driver.answer();
        }
    }
    driver.answer_all();
    assert_eq!(driver.output().escape_ascii().to_string(), output.escape_ascii().to_string());
    assert!(!driver.connection.awaits_answer() && driver.connection.wants_input());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn replies_are_right_and_in_order_however_the_bytes_come(
        requests in proptest::collection::vec(asked(), 0..40),
        pieces in proptest::collection::vec((1..90_usize, 0..4_usize), 1..20),
    ) {
        replies_match(&resp(&requests), &pieces);
        replies_match(&native(&requests), &pieces);
    }
}

#[test]
fn writes_follow_unanswered_writes_and_a_read_waits_for_them() {
    let mut driver = Driver::new();
    driver.receive(b"SET a 1\r\nSET b 2\r\nGET a\r\nSET a 3\r\n");
    assert_eq!(driver.unwritten.len(), 2, "the read holds up what follows it");
    assert!(!driver.connection.wants_input(), "its socket is not read meanwhile");
    assert!(driver.answer());
    assert_eq!(driver.output(), b"+OK\r\n");
    assert!(driver.answer());
    assert_eq!(driver.output(), b"+OK\r\n+OK\r\n$1\r\n1\r\n");
    assert!(driver.answer());
    assert_eq!(driver.output(), b"+OK\r\n+OK\r\n$1\r\n1\r\n+OK\r\n");
}

#[test]
fn an_error_behind_an_unanswered_write_waits_for_its_turn() {
    let mut driver = Driver::new();
    driver.receive(b"SET a 1\r\nSET a\r\n");
    assert_eq!(driver.output(), b"");
    driver.answer_all();
    assert!(driver.output().starts_with(b"+OK\r\n-ERR "));
}

#[test]
fn invalid_bytes_are_answered_behind_pending_replies_and_end_the_connection() {
    let mut driver = Driver::new();
    driver.receive(b"SET a 1\r\n*1\r\n!rest\r\nPING\r\n");
    assert_eq!(driver.output(), b"");
    assert!(!driver.connection.is_finished());
    driver.answer_all();
    assert_eq!(driver.take_output(), b"+OK\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    assert!(driver.connection.take_refusal().is_some());
    assert!(driver.connection.is_finished() && !driver.connection.wants_input());
}

#[test]
fn a_browser_gets_no_reply() {
    let mut driver = Driver::new();
    driver.receive(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(driver.connection.is_aborted());
    assert_eq!(driver.output(), b"");
}

#[test]
fn requests_before_the_end_of_the_input_are_answered() {
    let mut driver = Driver::new();
    driver.receive(b"SET a 1\r\nGET a\r\nGET");
    driver.connection.end_by_client();
    driver.advance();
    assert!(!driver.connection.is_finished());
    driver.answer_all();
    assert_eq!(driver.take_output(), b"+OK\r\n$1\r\n1\r\n");
    assert!(driver.connection.is_finished() && !driver.connection.may_receive());
}

#[test]
fn a_client_that_takes_no_replies_is_not_served_any_more() {
    let mut driver = Driver::new();
    driver.connection.output.tail().resize(OUTPUT_BYTES_MAX, 0);
    driver.receive(b"PING\r\n");
    assert_eq!(driver.connection.output.len(), OUTPUT_BYTES_MAX);
    assert!(driver.connection.is_blocked_by_output() && !driver.connection.wants_input());
    driver.take_output();
    driver.advance();
    assert_eq!(driver.output(), b"+PONG\r\n");
}

#[test]
fn only_so_many_replies_are_owed_at_once() {
    let mut driver = Driver::new();
    driver.receive(&b"SET a 1\r\n".repeat(REPLIES_MAX + 10));
    assert_eq!(driver.unwritten.len(), REPLIES_MAX);
    assert!(!driver.connection.wants_input());
    driver.answer_all();
    assert_eq!(driver.output(), b"+OK\r\n".repeat(REPLIES_MAX + 10));
}

#[test]
fn writes_that_reply_with_what_is_stored_wait_for_room_in_the_output() {
    let mut driver = Driver::new();
    driver.context.store.set("k", vec![0; 1 << 20]).unwrap();
    driver.receive(&b"SET k v NX GET\r\n".repeat(200));
    driver.answer_all();
    assert!(driver.output().len() < OUTPUT_BYTES_MAX + (2 << 20), "{}", driver.output().len());
}

/// Returns the responses in the output of a native connection, behind the hello.
fn failures(output: &[u8]) -> Vec<(u64, FailureKind)> {
    let (_, mut start) = ServerHello::decode(output).unwrap().unwrap();
    let mut failures = Vec::new();
    while let Some((body, bytes)) = decode_frame(&output[start..], FRAME_BYTES_MAX).unwrap() {
        let response = ResponseMessage::decode(body).unwrap();
        failures.push((response.id, response.result.unwrap_err().kind));
        start += bytes;
    }
    failures
}

#[test]
fn a_native_client_is_told_why_its_bytes_were_refused() {
    for bad in [&b"\xFF\xFF\xFF\xFF"[..], b"\x01\x00\x00\x00\xFF"] {
        let mut driver = Driver::new();
        let mut bytes = Vec::new();
        ClientHello::OURS.encode(&mut bytes);
        bytes.extend_from_slice(bad);
        driver.receive(&bytes);
        assert_eq!(failures(driver.output()), [(0, FailureKind::Protocol)]);
        driver.take_output();
        assert!(driver.connection.is_finished());
    }
}

#[test]
fn limits_of_the_store_are_told_without_asking_the_writer() {
    let mut driver = Driver::new();
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    let operation = RequestOperation::Set {
        key: vec![7; (64 << 10) + 1].into(),
        value: vec![].into(),
        expires_at: None,
        sync: None,
    };
    let request = RequestMessage::new(9, operation);
    request.encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    driver.receive(&bytes);
    assert!(driver.unwritten.is_empty());
    assert_eq!(failures(driver.output()), [(9, FailureKind::KeyTooLarge)]);
}

#[test]
fn a_sync_waits_for_the_writes_before_it() {
    let mut driver = Driver::new();
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    let set = RequestOperation::Set {
        key: b"k".into(),
        value: b"v".into(),
        expires_at: None,
        sync: None,
    };
    for (id, operation) in [(1, set), (2, RequestOperation::Sync), (3, RequestOperation::Ping)] {
        let request = RequestMessage::new(id, operation);
        request.encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    }
    driver.receive(&bytes);
    assert!(driver.asked.is_none() && driver.unwritten.len() == 1);
    assert!(driver.answer());
    assert!(matches!(driver.asked, Some(Ask::Sync)));
    driver.answer_all();
    let mut output = &driver.take_output()[16..];
    for expected in 1..=3 {
        let (body, bytes) = decode_frame(output, FRAME_BYTES_MAX).unwrap().unwrap();
        let response = ResponseMessage::decode(body).unwrap();
        assert_eq!(response.id, expected);
        assert!(response.result.is_ok());
        output = &output[bytes..];
    }
    assert!(output.is_empty());
}

#[test]
fn a_read_of_all_keys_is_long_also_behind_a_short_one() {
    let mut driver = Driver::new();
    driver.receive(b"SCAN 0\r\nKEYS *\r\nSCAN 0\r\n");
    let lengths = lengths_of_reads(&mut driver);
    // The reader of the long one executes the read behind it as well, which waits for it anyway.
    assert_eq!(lengths, [ReadLength::Short, ReadLength::Long]);
    assert_eq!(driver.output().iter().filter(|byte| **byte == b'*').count(), 5);
}

/// Returns the lengths of the reads that readers are asked for until everything is answered.
fn lengths_of_reads(driver: &mut Driver) -> Vec<ReadLength> {
    let mut lengths = Vec::new();
    while let Some(ask) = &driver.asked {
        let Ask::Read(read) = ask else { panic!("a read is asked for") };
        lengths.push(read.length());
        driver.answer();
    }
    lengths
}

#[test]
fn a_large_value_is_a_long_read_also_behind_a_short_one() {
    let mut driver = Driver::new();
    driver.context.store.set("large", vec![b'v'; SHORT_READ_BYTES + 1]).unwrap();
    driver.receive(b"SCAN 0\r\nGET large\r\nSTRLEN large\r\nSCAN 0\r\n");
    let lengths = lengths_of_reads(&mut driver);
    assert_eq!(lengths, [ReadLength::Short, ReadLength::Long, ReadLength::Long]);
    let output = driver.take_output();
    assert!(output.windows(10).any(|bytes| bytes == b":1048577\r\n"));
}

#[test]
fn values_that_are_large_together_are_left_to_the_long_reader() {
    let mut driver = Driver::new();
    let keys = KEYS_ON_WORKER_MAX + 1;
    let value = vec![b'v'; SHORT_READ_BYTES / keys + 1];
    for key in 0..keys {
        driver.context.store.set(format!("k{key}"), value.clone()).unwrap();
    }
    let names: String = (0..keys).map(|key| format!(" k{key}")).collect();
    driver.receive(format!("PING\r\nMGET{names}\r\nPING\r\n").as_bytes());
    // The reader of short reads looked up the first of them, and gave up.
    assert_eq!(lengths_of_reads(&mut driver), [ReadLength::Short, ReadLength::Long]);
    let mut expected = format!("+PONG\r\n*{keys}\r\n").into_bytes();
    for _ in 0..keys {
        expected.extend(bulk(&value));
    }
    expected.extend(b"+PONG\r\n");
    assert!(driver.output() == expected);
}

#[test]
fn a_connection_that_is_aborted_holds_nothing() {
    let mut driver = Driver::new();
    driver.context.store.set("k", vec![7; 1 << 20]).unwrap();
    driver.receive(b"GET k\r\n*2\r\n$3\r\nGET");
    assert!(driver.connection.charged() > 1 << 20);
    driver.connection.abort();
    driver.advance();
    assert!(!driver.connection.keeps_memory());
    assert!(driver.connection.charged() < 16 << 10);
    assert!(driver.connection.is_aborted());
}

#[test]
fn a_connection_that_ends_waits_for_no_turn() {
    let mut driver = Driver::new();
    driver.receive(&b"PING\r\n".repeat(usize::try_from(TURN_REQUESTS).unwrap() + 1));
    assert!(driver.connection.is_interrupted());
    driver.take_output();
    driver.connection.evict();
    assert!(driver.output().starts_with(b"-OOM "));
    assert!(!driver.connection.is_interrupted());
}
