//! The bytes of every reply in both versions, and that text of a client cannot forge a reply.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn encoded(value: &Value, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(version, &mut out);
    out
}

fn golden(value: &Value, resp2: &str, resp3: &str) {
    for (version, expected) in [(Version::Resp2, resp2), (Version::Resp3, resp3)] {
        let bytes = encoded(value, version);
        let text = bytes.escape_ascii().to_string();
        assert_eq!(text, expected.as_bytes().escape_ascii().to_string(), "{version:?}");
    }
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

#[test]
fn golden_bytes_of_scalars() {
    golden(&Value::Simple("OK".into()), "+OK\r\n", "+OK\r\n");
    golden(&Value::Error("ERR no".into()), "-ERR no\r\n", "-ERR no\r\n");
    golden(&bulk("a\r\nb"), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n");
    golden(&bulk(""), "$0\r\n\r\n", "$0\r\n\r\n");
    let verbatim = Value::Verbatim("é\n".to_owned());
    let mut resp3 = Vec::new();
    verbatim.encode(Version::Resp3, &mut resp3);
    assert_eq!(resp3, "=7\r\ntxt:é\n\r\n".as_bytes());
    assert_eq!(encoded(&verbatim, Version::Resp2), "$3\r\né\n\r\n".as_bytes());
    golden(&Value::Null, "$-1\r\n", "_\r\n");
    golden(&Value::NullArray, "*-1\r\n", "_\r\n");
}

#[test]
fn golden_bytes_of_collections() {
    let values = || vec![Value::Integer(1), Value::Null];
    golden(&Value::Array(values()), "*2\r\n:1\r\n$-1\r\n", "*2\r\n:1\r\n_\r\n");
    golden(&Value::Set(values()), "*2\r\n:1\r\n$-1\r\n", "~2\r\n:1\r\n_\r\n");
    golden(&Value::Array(Vec::new()), "*0\r\n", "*0\r\n");
    golden(&Value::Push(values()), "*2\r\n:1\r\n$-1\r\n", ">2\r\n:1\r\n_\r\n");
    golden(&Value::Replies(values()), ":1\r\n$-1\r\n", ":1\r\n_\r\n");
    for (version, push) in
        [(Version::Resp2, "*1\r\n$1\r\na\r\n"), (Version::Resp3, ">1\r\n$1\r\na\r\n")]
    {
        let mut out = Vec::new();
        encode_push(&[b"a"], version, &mut out);
        assert_eq!(out, push.as_bytes());
    }
    let map = Value::Map(vec![
        (bulk("k"), Value::Integer(1)),
        (bulk("l"), Value::Array(vec![Value::Map(Vec::new())])),
    ]);
    golden(
        &map,
        "*4\r\n$1\r\nk\r\n:1\r\n$1\r\nl\r\n*1\r\n*0\r\n",
        "%2\r\n$1\r\nk\r\n:1\r\n$1\r\nl\r\n*1\r\n%0\r\n",
    );
}

#[test]
fn numbers_at_their_limits_fit_the_line() {
    for value in [0, 9, 10, -1, i64::MIN, i64::MAX] {
        let expected = format!(":{value}\r\n");
        golden(&Value::Integer(value), &expected, &expected);
    }
}

#[test]
fn a_reply_is_appended_behind_earlier_ones() {
    let mut out = b"+OK\r\n".to_vec();
    encode_bulk(b"v", &mut out);
    assert_eq!(out, b"+OK\r\n$1\r\nv\r\n");
}

#[test]
fn line_ends_in_lines_become_blanks() {
    golden(&Value::Simple("a\r\nb".into()), "+a  b\r\n", "+a  b\r\n");
    golden(&Value::Error("\n+OK\r".into()), "- +OK \r\n", "- +OK \r\n");
}

/// Returns what follows the first reply of `bytes`, as a client that trusts the format reads it.
fn skip_reply(bytes: &[u8]) -> Option<&[u8]> {
    let line_length = bytes.windows(2).position(|window| window == b"\r\n")?;
    let (line, rest) = (&bytes[..line_length], &bytes[line_length + 2..]);
    let number = || std::str::from_utf8(&line[1..]).unwrap().parse::<usize>().ok();
    match line.first()? {
        b'+' | b'-' | b':' | b'_' => Some(rest),
        _ if line.get(1) == Some(&b'-') => Some(rest),
        b'$' | b'=' => rest.get(number()?..)?.strip_prefix(b"\r\n"),
        b'*' | b'~' => (0..number()?).try_fold(rest, |rest, _| skip_reply(rest)),
        b'%' => (0..2 * number()?).try_fold(rest, |rest, _| skip_reply(rest)),
        _ => None,
    }
}

fn value() -> impl Strategy<Value = Value> {
    let text = "[a\r\n:$*0-9]{0,8}";
    let scalar = prop_oneof![
        text.prop_map(|text| Value::Simple(text.into())),
        text.prop_map(|text| Value::Error(text.into())),
        any::<i64>().prop_map(Value::Integer),
        vec(any::<u8>(), 0..8).prop_map(Value::Bulk),
        text.prop_map(Value::Verbatim),
        Just(Value::Null),
        Just(Value::NullArray),
    ];
    scalar.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec(inner.clone(), 0..4).prop_map(Value::Set),
            vec((inner.clone(), inner), 0..4).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_exactly_one_reply(value in value()) {
        for version in [Version::Resp2, Version::Resp3] {
            let bytes = encoded(&value, version);
            prop_assert_eq!(skip_reply(&bytes), Some(&b""[..]), "{}", bytes.escape_ascii());
        }
    }
}
