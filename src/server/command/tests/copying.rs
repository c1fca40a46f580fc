//! Copies of keys, and other names for them, with the replies of Redis.

use super::*;

#[test]
fn a_key_is_renamed_with_its_expiry() {
    Server::new().check(&[
        ("RENAME nope a", "-ERR no such key"),
        ("RENAME nope nope", "-ERR no such key"),
        ("RENAMENX nope a", "-ERR no such key"),
        ("SET a 1 PXAT 99999999999999", "+OK"),
        ("RENAME a a", "+OK"),
        ("RENAMENX a a", ":0"),
        ("SET b 2", "+OK"),
        ("RENAMENX a b", ":0"),
        ("RENAME a b", "+OK"),
        ("MGET a b", "*2 $-1 $1 1"),
        ("PEXPIRETIME b", ":99999999999999"),
        ("RENAMENX b c", ":1"),
        ("EXISTS b", ":0"),
        ("PEXPIRETIME c", ":99999999999999"),
        ("SET d 4", "+OK"),
        ("RENAME d c", "+OK"),
        ("PEXPIRETIME c", ":-1"),
        ("DBSIZE", ":1"),
    ]);
}

#[test]
fn a_key_is_copied_and_replaces_another_only_where_that_is_said() {
    Server::new().check(&[
        ("COPY nope a", ":0"),
        ("SET a 1 PXAT 99999999999999", "+OK"),
        ("COPY a b", ":1"),
        ("COPY a b", ":0"),
        ("PEXPIRETIME b", ":99999999999999"),
        ("SET c 3", "+OK"),
        ("COPY c b REPLACE", ":1"),
        ("MGET a b c", "*3 $1 1 $1 3 $1 3"),
        ("PEXPIRETIME b", ":-1"),
        ("COPY nope b REPLACE", ":0"),
        ("COPY a a", "-ERR source and destination objects are the same"),
        ("COPY a d DB 0", ":1"),
        ("COPY a a DB 1", ":1"),
        ("COPY a a DB 1", ":0"),
        ("COPY a a DB -1", "-ERR DB index is out of range"),
        ("COPY a d DB x", "-ERR value is not an integer or out of range"),
        ("COPY a d DB", "-ERR syntax error"),
        ("COPY a d FOO", "-ERR syntax error"),
    ]);
}

#[test]
fn calls_of_a_transaction_see_the_names_that_those_before_them_gave() {
    Server::new().check(&[
        ("SET a 1", "+OK"),
        ("MULTI", "+OK"),
        ("RENAME a b", "+QUEUED"),
        ("RENAME a b", "+QUEUED"),
        ("RENAMENX nope b", "+QUEUED"),
        ("COPY b c", "+QUEUED"),
        ("MGET a b c", "+QUEUED"),
        ("EXEC", "*5 +OK -ERR no such key -ERR no such key :1 *3 $-1 $1 1 $1 1"),
    ]);
}

#[test]
fn a_name_that_is_too_long_is_refused_and_as_a_source_absent() {
    let server = Server::with(Options::new("unused").key_bytes_max(4));
    server.check(&[
        ("SET a 1", "+OK"),
        ("RENAME a toolong", "-ERR key of 7 bytes is longer than the limit of 4"),
        ("RENAME toolong a", "-ERR no such key"),
        ("RENAMENX toolong a", "-ERR no such key"),
        ("COPY toolong b", ":0"),
        ("GET a", "$1 1"),
    ]);
}
