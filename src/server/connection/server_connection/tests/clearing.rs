//! Clearing a store of many keys, slice by slice where an engine needs it.

use tempfile::TempDir;

use super::*;
use crate::Error;
use crate::store::WriteOperation;

/// More keys than are cleared at once.
const KEYS: u64 = 24_000;

/// Returns a connection to a server whose store has many keys, which it removes one by one.
fn filled(directory: &TempDir) -> Driver {
    let driver = Driver::over(testing::sled_context(directory.path()));
    fill(&driver);
    driver
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn fill(driver: &Driver) {
    let put = |number: u64| WriteOperation::Put {
        key: number.to_be_bytes().to_vec(),
        value: vec![],
        expires_at: None,
    };
    driver.context.store.apply((0..KEYS).map(put).collect()).unwrap();
}

fn count(driver: &Driver) -> u64 {
    driver.context.store.len().unwrap()
}

/// Lets the writes before it and the reader answer, until the first slice is at the writer.
fn begin(driver: &mut Driver) {
    while count(driver) >= KEYS
        && !matches!(driver.connection.waiting_for, WaitingFor::Removal { .. })
    {
        assert!(driver.answer());
    }
    assert_eq!(driver.unwritten.len(), 1);
}

/// Returns the bytes of native requests, and of the replies that say that they were done.
fn native(operations: Vec<(RequestOperation<'_>, Success<'_>)>) -> (Vec<u8>, Vec<u8>) {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    ClientHello::OURS.encode(&mut input);
    ServerHello::answer(&ClientHello::OURS, FRAME_BYTES_MAX).encode(&mut output);
    for (id, (operation, success)) in (1..).zip(operations) {
        RequestMessage::new(id, operation).encode(FRAME_BYTES_MAX, &mut input).unwrap();
        let response = ResponseMessage { id, result: Ok(success) };
        response.encode(FRAME_BYTES_MAX, &mut output).unwrap();
    }
    (input, output)
}

#[test]
fn a_clear_sees_the_requests_before_it_and_no_one_behind_it() {
    let set = |key: &'static [u8]| RequestOperation::Set {
        key: key.into(),
        value: b"v".into(),
        expires_at: None,
        sync: None,
    };
    // The store has the version 1; the slices and the clear have those between the sets.
    let slices = KEYS / 4096;
    let over_native = native(vec![
        (set(b"a"), Success::Applied { version: 2 }),
        (RequestOperation::Clear, Success::Done),
        (set(b"b"), Success::Applied { version: 2 + slices + 2 }),
        (RequestOperation::Count, Success::Number(1)),
    ]);
    let resp = |clear: &str| {
        let input = format!("SET a v\r\n{clear}\r\nSET b v\r\nDBSIZE\r\n");
        (input.into_bytes(), b"+OK\r\n+OK\r\n+OK\r\n:1\r\n".to_vec())
    };
    for (input, output) in [resp("FLUSHALL"), resp("FLUSHDB ASYNC"), over_native] {
        let directory = directory();
        let mut driver = filled(&directory);
        driver.receive(&input);
        driver.answer_all();
        let text = driver.output().escape_ascii().to_string();
        assert_eq!(text, output.escape_ascii().to_string());
        assert!(driver.context.store.get("b").unwrap().is_some());
    }
}

#[test]
fn a_slice_removes_few_keys_and_the_last_one_what_was_set_meanwhile() {
    let directory = directory();
    let mut driver = filled(&directory);
    driver.receive(b"FLUSHALL\r\n");
    begin(&mut driver);
    let mut slices = 0;
    while !driver.unwritten.is_empty() {
        let before = count(&driver);
        assert!(driver.answer());
        let is_last = driver.unwritten.is_empty();
        assert_eq!(is_last, count(&driver) == 0);
        assert!(before - count(&driver) <= 4096 + slices, "{} of {before}", count(&driver));
        if !is_last {
            assert_eq!(driver.output(), b"");
            driver.context.store.set("\0", "below all").unwrap();
            driver.context.store.set(format!("above all {slices}"), "").unwrap();
        }
        slices += 1;
    }
    assert_eq!(slices, KEYS / 4096 + 1);
    assert_eq!(driver.output(), b"+OK\r\n");
    driver.context.store.set("later", "").unwrap();
    assert_eq!(count(&driver), 1);
}

#[test]
fn keys_that_are_set_all_the_time_are_removed_in_slices_too_and_not_for_ever() {
    let directory = directory();
    let mut driver = filled(&directory);
    driver.receive(b"FLUSHALL\r\n");
    begin(&mut driver);
    let (mut slices, mut removed_last) = (0, 0);
    while !driver.unwritten.is_empty() {
        fill(&driver);
        assert!(driver.answer());
        removed_last = KEYS - count(&driver);
        slices += 1;
    }
    assert_eq!((slices, removed_last), (3 * (KEYS / 4096) + 1, KEYS));
    assert_eq!(driver.output(), b"+OK\r\n");
}

#[test]
fn few_keys_are_cleared_by_one_batch_and_many_where_that_takes_no_longer() {
    let directory = directory();
    let memory = Driver::new();
    fill(&memory);
    for mut driver in [Driver::over(testing::sled_context(directory.path())), memory] {
        driver.receive(b"SET a 1\r\nFLUSHALL\r\nSET b 1\r\n");
        assert_eq!((driver.unwritten.len(), driver.asked.is_some()), (3, false));
        driver.answer_all();
        assert_eq!((driver.output(), count(&driver)), (&b"+OK\r\n+OK\r\n+OK\r\n"[..], 1));
    }
}

#[test]
fn a_slice_that_fails_is_answered_with_its_error_and_ends_the_clearing() {
    let directory = directory();
    let mut driver = filled(&directory);
    driver.receive(b"FLUSHALL\r\nSET b 1\r\n");
    begin(&mut driver);
    assert!(driver.answer());
    driver.unwritten.clear();
    driver.connection.written(Err(Error::Closed));
    driver.advance();
    driver.answer_all();
    let output = driver.take_output();
    assert!(output.starts_with(b"-ERR ") && output.ends_with(b"\r\n+OK\r\n"), "{output:?}");
    assert_eq!(count(&driver), KEYS - 4095 + 1);
    driver.receive(b"FLUSHALL\r\nFLUSHALL\r\nDBSIZE\r\n");
    driver.answer_all();
    assert_eq!(driver.output(), b"+OK\r\n+OK\r\n:0\r\n");
}

#[test]
fn a_client_that_leaves_leaves_a_part() {
    let directory = directory();
    let mut driver = filled(&directory);
    driver.receive(b"FLUSHALL\r\n");
    begin(&mut driver);
    assert!(driver.answer());
    let Driver { context, connection, unwritten, .. } = driver;
    drop(connection);
    // The slices at the writer are still applied, and answered to nobody.
    unwritten.into_iter().for_each(|slice| drop(context.store.apply(slice)));
    let mut driver = Driver::over(context);
    assert_eq!(count(&driver), KEYS - 4095 - 4096);
    driver.receive(b"SET c 1\r\nFLUSHALL\r\nDBSIZE\r\n");
    driver.answer_all();
    assert_eq!(driver.output(), b"+OK\r\n+OK\r\n:0\r\n");
}

#[test]
fn an_engine_that_clears_in_steps_refuses_that_in_a_transaction() {
    let directory = directory();
    let mut driver = filled(&directory);
    driver.receive(b"MULTI\r\nFLUSHALL\r\nEXEC\r\n");
    driver.answer_all();
    let refusal = "-ERR this engine removes all keys in several steps, so not in a transaction";
    let replies = format!("+OK\r\n+QUEUED\r\n*1\r\n{refusal}\r\n");
    assert_eq!(driver.output(), replies.as_bytes());
    assert_eq!(count(&driver), KEYS);
}
