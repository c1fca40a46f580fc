//! Values: setting, getting, changing and counting.

use super::*;

#[test]
fn a_set_value_is_read_back() {
    Server::new().check(&[
        ("GET k", "$-1"),
        ("SET k v", "+OK"),
        ("GET k", "$1 v"),
        ("get k", "$1 v"),
        ("SET k ''", "+OK"),
        ("GET k", "$0 "),
        ("STRLEN k", ":0"),
        ("STRLEN nope", ":0"),
        ("MSET a 1 b 2 a 3", "+OK"),
        ("MGET a nope b a", "*4 $1 3 $-1 $1 2 $1 3"),
        ("MSET a", "-ERR wrong number of arguments for 'mset' command"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command"),
        ("MSETNX c 1 a 1", ":0"),
        ("EXISTS c", ":0"),
        ("MSETNX c 1 d 1 c 2", ":1"),
        ("MGET c d", "*2 $1 2 $1 1"),
        ("GETSET a 4", "$1 3"),
        ("GETSET new 1", "$-1"),
        ("GETDEL a", "$1 4"),
        ("GETDEL a", "$-1"),
    ]);
}

#[test]
fn keys_and_values_are_any_bytes() {
    let server = Server::new();
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(server.run_bytes(&[b"SET", &bytes, &bytes]), Value::Simple("OK".into()));
    assert_eq!(server.run_bytes(&[b"GET", &bytes]), Value::Bulk(bytes));
}

#[test]
fn set_obeys_nx_xx_and_get() {
    Server::new().check(&[
        ("SET k 1 XX", "$-1"),
        ("EXISTS k", ":0"),
        ("SET k 1 NX", "+OK"),
        ("SET k 2 NX", "$-1"),
        ("SET k 3 xx", "+OK"),
        ("SET k 4 GET", "$1 3"),
        ("SET k 5 NX GET", "$1 4"),
        ("SET k 6 XX GET", "$1 4"),
        ("GET k", "$1 6"),
        ("SET new 1 XX GET", "$-1"),
        ("EXISTS new", ":0"),
        ("SET new 1 NX GET", "$-1"),
        ("GET new", "$1 1"),
        ("SETNX k 7", ":0"),
        ("SETNX newer 7", ":1"),
        ("MGET k newer", "*2 $1 6 $1 7"),
    ]);
}

#[test]
fn set_refuses_options_that_do_not_fit_together() {
    let server = Server::new();
    let unfit = [
        "foo",
        "EX",
        "PX",
        "EXAT",
        "PXAT",
        "NX XX",
        "XX NX",
        "EX 1 PX 1",
        "KEEPTTL EX 1",
        "EX 1 KEEPTTL",
        "PERSIST",
        "EX 1 EX",
    ];
    for options in unfit {
        server.check(&[(&format!("SET k v {options}"), "-ERR syntax error")]);
    }
    for option in ["EX", "PX", "EXAT", "PXAT"] {
        let set = |time: &str| format!("SET k v {option} {time}");
        let invalid = "-ERR invalid expire time in 'set' command";
        let not_an_integer = "-ERR value is not an integer or out of range";
        server.check(&[
            (&set("0"), invalid),
            (&set("-1"), invalid),
            (&set("x"), not_an_integer),
            (&set("9223372036854775808"), not_an_integer),
        ]);
    }
    server.check(&[
        ("SET k v EX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
        ("SET k v PX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
        ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command"),
        ("SETEX k x v", "-ERR value is not an integer or out of range"),
        ("PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command"),
        ("SET there v", "+OK"),
        ("GETEX there EX 0", "-ERR invalid expire time in 'getex' command"),
        ("GETEX nope EX 0", "$-1"),
        ("GETEX nope EX abc", "$-1"),
        ("GETEX nope foo", "-ERR syntax error"),
        ("GETEX k KEEPTTL", "-ERR syntax error"),
        ("GETEX k EX 1 PERSIST", "-ERR syntax error"),
        ("GETEX k foo", "-ERR syntax error"),
        ("EXISTS k", ":0"),
    ]);
}

#[test]
fn numbers_are_counted_up_and_down() {
    let not_an_integer = "-ERR value is not an integer or out of range";
    let overflow = "-ERR increment or decrement would overflow";
    Server::new().check(&[
        ("INCR n", ":1"),
        ("INCR n", ":2"),
        ("DECR n", ":1"),
        ("INCRBY n 41", ":42"),
        ("DECRBY n 50", ":-8"),
        ("GET n", "$2 -8"),
        ("DECR new", ":-1"),
        ("INCRBY n x", not_an_integer),
        ("INCRBY n 1.5", not_an_integer),
        ("DECRBY n 9223372036854775808", not_an_integer),
        ("DECRBY n -9223372036854775808", "-ERR decrement would overflow"),
        ("SET n 9223372036854775807", "+OK"),
        ("INCR n", overflow),
        ("DECRBY n -1", overflow),
        ("INCRBY n -1", ":9223372036854775806"),
        ("SET n -9223372036854775808", "+OK"),
        ("DECR n", overflow),
        ("INCRBY n 0", ":-9223372036854775808"),
        ("SET n 01", "+OK"),
        ("INCR n", not_an_integer),
        ("SET n ' 1'", "+OK"),
        ("INCR n", not_an_integer),
        ("SET n ''", "+OK"),
        ("INCR n", not_an_integer),
        ("GET n", "$0 "),
    ]);
}

#[test]
fn values_are_changed_in_part() {
    Server::new().check(&[
        ("APPEND k Hello", ":5"),
        ("APPEND k ' World'", ":11"),
        ("GETRANGE k 0 4", "$5 Hello"),
        ("GETRANGE k -5 -1", "$5 World"),
        ("SUBSTR k 0 -1", "$11 Hello World"),
        ("GETRANGE k 5 1", "$0 "),
        ("GETRANGE nope 0 -1", "$0 "),
        ("GETRANGE k x 1", "-ERR value is not an integer or out of range"),
        ("SETRANGE k 6 Redis", ":11"),
        ("GET k", "$11 Hello Redis"),
        ("SETRANGE k 11 !", ":12"),
        ("SETRANGE k 0 ''", ":12"),
        ("SETRANGE nope 7 ''", ":0"),
        ("EXISTS nope", ":0"),
        ("SETRANGE padded 2 x", ":3"),
        ("GET padded", "$3 \0\0x"),
        ("SETRANGE k -1 x", "-ERR offset is out of range"),
        (
            "SETRANGE k 999999999999 x",
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ),
        ("STRLEN k", ":12"),
    ]);
}

#[test]
fn keys_and_values_over_the_limits_are_refused_before_and_by_the_writer() {
    let server = Server::with(Options::new("unused").key_bytes_max(4).value_bytes_max(8));
    let value = "-ERR value of 9 bytes for key \"k\" is longer than the limit of 8";
    let key = "-ERR key of 5 bytes is longer than the limit of 4";
    server.check(&[
        ("SET k 12345678", "+OK"),
        ("SET k 123456789", value),
        ("SET k 123456789 KEEPTTL", value),
        ("GETSET k 123456789", value),
        ("APPEND k 9", value),
        ("SETRANGE k 8 9", value),
        ("MSET a 1 k 123456789", value),
        ("SET 12345 v", key),
        ("INCR 12345", key),
        ("DEL a 12345", key),
        ("GET 12345", key),
        // A key that long cannot be there, so nothing has to be refused.
        ("EXISTS 12345", ":0"),
        ("TTL 12345", ":-2"),
        ("GET k", "$8 12345678"),
        ("EXISTS a", ":0"),
    ]);
}

#[test]
fn floats_are_added_up_with_the_digits_of_redis() {
    let not_a_float = "-ERR value is not a valid float";
    Server::new().check(&[
        ("INCRBYFLOAT k 10.5", "$4 10.5"),
        ("INCRBYFLOAT k 0.1", "$4 10.6"),
        ("GET k", "$4 10.6"),
        ("SET k 5.0e3 PXAT 99999999999999", "+OK"),
        ("INCRBYFLOAT k 2.0e2", "$4 5200"),
        ("PEXPIRETIME k", ":99999999999999"),
        ("INCRBYFLOAT k x", not_a_float),
        ("INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity"),
        ("SET k text", "+OK"),
        ("INCRBYFLOAT k 1", not_a_float),
    ]);
}

#[test]
fn the_longest_common_subsequence_is_found() {
    let server = Server::new();
    let both = "-ERR If you want both the length and indexes, please just use IDX.";
    let memory = "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    server.check(&[
        ("MSET a ohmytext b mynewtext", "+OK"),
        ("LCS a b", "$6 mytext"),
        ("LCS a b LEN", ":6"),
        ("LCS a b IDX", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6"),
        (
            "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
            "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6",
        ),
        ("LCS a nope", "$0 "),
        ("LCS a nope IDX", "*4 $7 matches *0 $3 len :0"),
        ("LCS a b LEN IDX", both),
        ("LCS a b MINMATCHLEN", "-ERR syntax error"),
        ("LCS a b MINMATCHLEN x", "-ERR value is not an integer or out of range"),
        ("MULTI", "+OK"),
        ("SET a text", "+QUEUED"),
        ("LCS a b", "+QUEUED"),
        ("EXEC", "*2 +OK $4 text"),
    ]);
    server.context.store.set("long", vec![b'v'; 12_000]).unwrap();
    server.check(&[
        ("LCS long long", memory),
        ("MULTI", "+OK"),
        ("LCS long a LEN", "+QUEUED"),
        ("LCS long long", "+QUEUED"),
        ("EXEC", format!("*2 :0 {memory}").as_str()),
    ]);
}
