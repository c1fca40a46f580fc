//! Subscriptions that change in a transaction, while its batch is at the writer.

use super::*;
use crate::server::execute::subscriptions::SubscriptionKind::Channel;

const MESSAGE: &str = ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n";

/// Returns a connection of RESP3.
fn greeted() -> Driver {
    let mut driver = Driver::new();
    driver.receive(b"HELLO 3\r\n");
    driver.take_output();
    driver
}

/// Serves the connection, and compares what it has sent.
fn expect_output(driver: &mut Driver, expected: &[&str]) {
    driver.advance();
    let output = driver.output().escape_ascii().to_string();
    assert_eq!(output, expected.concat().as_bytes().escape_ascii().to_string());
}

fn publish(driver: &Driver) -> usize {
    driver.context.channels.publish(Channel, b"c", b"m")
}

#[test]
fn messages_come_behind_the_reply_that_confirms_a_subscription() {
    let mut driver = greeted();
    driver.receive(b"MULTI\r\nSET k v\r\nSUBSCRIBE c\r\nEXEC\r\n");
    driver.take_output();
    assert_eq!(publish(&driver), 0, "nothing is confirmed yet");
    driver.answer_all();
    assert_eq!(publish(&driver), 1);
    let reply = "*2\r\n+OK\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    expect_output(&mut driver, &[reply, MESSAGE]);
}

#[test]
fn messages_come_before_the_reply_that_confirms_the_end_of_a_subscription() {
    let mut driver = greeted();
    driver.receive(b"SUBSCRIBE c\r\nMULTI\r\nSET k v\r\nUNSUBSCRIBE c\r\nEXEC\r\n");
    driver.take_output();
    assert_eq!(publish(&driver), 1, "it is still subscribed");
    driver.answer_all();
    assert_eq!(publish(&driver), 0);
    let reply = "*2\r\n+OK\r\n>3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n";
    expect_output(&mut driver, &[MESSAGE, reply]);
}
