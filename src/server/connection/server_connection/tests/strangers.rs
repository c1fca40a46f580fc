//! A client without a password: whatever it sends, nothing is read or written for it.

use super::*;
use crate::protocol::native::ByteString;
use crate::server::command;
use crate::server::connection::stranger::Stranger;

/// Returns a connection to a server with a password, whose store has a value under the key `k`.
fn guarded() -> Driver {
    Driver::over(Arc::new(Stranger::guarded_context()))
}

/// Returns words of which commands are made: names, keys, options, and what is neither.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<_> = command::counted().map(|command| command.name).collect();
    prop_oneof![
        3 => proptest::sample::select(names).prop_map(String::into_bytes),
        2 => Just(b"k".to_vec()),
        1 => Just(b"default".to_vec()),
        1 => Just(b"3".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

/// Returns the bytes of a command of any words.
fn command() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(word(), 1..12).prop_map(|words| {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        words.iter().for_each(|word| bytes.extend(bulk(word)));
        bytes
    })
}

/// Returns the bytes of a native operation.
fn operation() -> impl Strategy<Value = Vec<u8>> {
    let key = || ByteString::from(b"k");
    let all = std::ops::Bound::Unbounded;
    let operations = vec![
        RequestOperation::Ping,
        RequestOperation::Get { key: key() },
        RequestOperation::GetMany { keys: vec![key()] },
        RequestOperation::Set { key: key(), value: key(), expires_at: None, sync: None },
        RequestOperation::Remove { key: key(), sync: None },
        RequestOperation::batch(vec![native::BatchItem::Remove { key: key() }]),
        RequestOperation::Increment { key: key(), amount: 1, sync: None },
        RequestOperation::Append { key: key(), suffix: key(), sync: None },
        RequestOperation::Swap { key: key(), value: key(), sync: None },
        RequestOperation::Take { key: key(), sync: None },
        RequestOperation::Expire { key: key(), expires_at: 1, sync: None },
        RequestOperation::Persist { key: key(), sync: None },
        RequestOperation::RemoveRange { start: all.clone(), end: all.clone(), sync: None },
        RequestOperation::CountRange { start: all.clone(), end: all.clone() },
        RequestOperation::OpenKeyspace { name: "ks".to_owned(), create: true },
        RequestOperation::ListKeyspaces,
        RequestOperation::RenameKeyspace { from: "ks".to_owned(), to: "b".to_owned() },
        RequestOperation::SwapKeyspaces { first: "ks".to_owned(), second: "b".to_owned() },
        RequestOperation::DropKeyspace { name: "ks".to_owned() },
        RequestOperation::Scan {
            start: all.clone(),
            end: all,
            reverse: false,
            limit: 9,
            keys_only: false,
        },
        RequestOperation::Count,
        RequestOperation::Sync,
        RequestOperation::Clear,
        RequestOperation::Info,
        RequestOperation::Authenticate { password: key() },
    ];
    proptest::sample::select(operations).prop_map(|operation| {
        let mut bytes = Vec::new();
        RequestMessage::new(1, operation).encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
        bytes
    })
}

/// Returns what a stranger sends: requests of either protocol, with other bytes among them.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let junk = || proptest::collection::vec(any::<u8>(), 0..40);
    let mut hello = Vec::new();
    ClientHello::OURS.encode(&mut hello);
    prop_oneof![
        3 => proptest::collection::vec(prop_oneof![9 => command(), 1 => junk()], 1..20)
            .prop_map(|parts| parts.concat()),
        2 => proptest::collection::vec(prop_oneof![9 => operation(), 1 => junk()], 1..20)
            .prop_map(move |parts| [&hello[..], &parts.concat()].concat()),
        1 => junk(),
    ]
}

proptest! {
    #[test]
    fn a_stranger_reads_and_writes_nothing(
        stream in stream(),
        pieces in proptest::collection::vec(1..60_usize, 1..8),
        takes_replies: bool,
    ) {
        let stranger = Stranger::new(Arc::new(Stranger::guarded_context()));
        stranger.send(&stream, &pieces, takes_replies);
    }
}

#[test]
fn what_a_stranger_may_not_read_is_read_with_the_password() {
    let mut driver = guarded();
    driver.receive(b"GET k\r\nAUTH 'the right one'\r\nGET k\r\n");
    driver.answer_all();
    let expected = b"-NOAUTH Authentication required.\r\n+OK\r\n$8\r\ntreasure\r\n";
    assert_eq!(driver.output().escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn a_stranger_that_takes_no_replies_makes_the_server_hold_little() {
    let mut driver = guarded();
    driver.receive(&b"HELLO\n".repeat(100_000));
    driver.answer_all();
    let held = driver.output().len();
    assert!(held < STRANGER_OUTPUT_BYTES_MAX + 1024, "{held} bytes");
    // It goes on as soon as they are taken.
    driver.take_output();
    driver.advance();
    assert!(driver.output().len() > STRANGER_OUTPUT_BYTES_MAX / 2);
}
