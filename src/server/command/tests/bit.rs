//! Bits of values, with the replies of Redis.

use super::*;

#[test]
fn bits_are_set_and_read() {
    Server::new().check(&[
        ("SETBIT k 7 1", ":0"),
        ("SETBIT k 7 0", ":1"),
        ("SETBIT k 1 1", ":0"),
        ("GET k", "$1 @"),
        ("GETBIT k 1", ":1"),
        ("GETBIT k 0", ":0"),
        ("GETBIT k 800", ":0"),
        ("GETBIT nope 3", ":0"),
        ("SETBIT k 23 0", ":0"),
        ("STRLEN k", ":3"),
        ("GETBIT k -1", "-ERR bit offset is not an integer or out of range"),
        ("GETBIT k x", "-ERR bit offset is not an integer or out of range"),
        ("GETBIT k 4294967296", "-ERR bit offset is not an integer or out of range"),
        ("GETBIT k 4294967295", ":0"),
        ("SETBIT k x 2", "-ERR bit offset is not an integer or out of range"),
        ("SETBIT k 1 2", "-ERR bit is not an integer or out of range"),
        ("SETBIT k 1 x", "-ERR bit is not an integer or out of range"),
    ]);
}

#[test]
fn ones_are_counted_in_bytes_and_bits() {
    Server::new().check(&[
        ("SET k foobar", "+OK"),
        ("BITCOUNT k", ":26"),
        ("BITCOUNT k 0 0", ":4"),
        ("BITCOUNT k 1 1", ":6"),
        ("BITCOUNT k 1 1 BYTE", ":6"),
        ("BITCOUNT k 5 30 BIT", ":17"),
        ("BITCOUNT k -2 -1", ":7"),
        ("BITCOUNT k 3 1", ":0"),
        ("BITCOUNT k -1 -3", ":0"),
        ("BITCOUNT k -1 -9", ":0"),
        ("BITCOUNT k -1 -3 NIBBLE", ":0"),
        ("BITCOUNT k -3 -1 NIBBLE", "-ERR syntax error"),
        ("BITCOUNT k -1 -3 BIT x", "-ERR syntax error"),
        ("BITCOUNT k 0 -1 bit", ":26"),
        ("BITCOUNT k 1 1 NIBBLE", "-ERR syntax error"),
        ("BITCOUNT k 0", "-ERR syntax error"),
        ("BITCOUNT k 0 1 BIT x", "-ERR syntax error"),
        ("BITCOUNT k x 1", "-ERR value is not an integer or out of range"),
        ("BITCOUNT nope", ":0"),
        ("BITCOUNT nope 0", ":0"),
    ]);
}

#[test]
fn the_first_bit_of_a_kind_is_found() {
    let server = Server::new();
    for (key, value) in
        [("mixed", b"\xFF\xF0\x00".as_slice()), ("ones", b"\xFF\xFF"), ("zeros", b"\0")]
    {
        assert_eq!(server.run_bytes(&[b"SET", key.as_bytes(), value]), Value::Simple("OK".into()));
    }
    server.check(&[
        ("BITPOS mixed 0", ":12"),
        ("BITPOS mixed 1", ":0"),
        ("BITPOS mixed 1 1", ":8"),
        ("BITPOS mixed 1 2", ":-1"),
        ("BITPOS mixed 0 0 0", ":-1"),
        ("BITPOS mixed 1 7 15 BIT", ":7"),
        ("BITPOS mixed 0 13 -1 BIT", ":13"),
        ("BITPOS ones 0", ":16"),
        ("BITPOS ones 0 1", ":16"),
        ("BITPOS ones 0 0 -1", ":-1"),
        ("BITPOS ones 0 5", ":-1"),
        ("BITPOS zeros 1", ":-1"),
        ("BITPOS nope 0", ":0"),
        ("BITPOS nope 1", ":-1"),
        ("BITPOS nope 1 x", ":-1"),
        ("BITPOS ones 2", "-ERR The bit argument must be 1 or 0."),
        ("BITPOS ones x", "-ERR value is not an integer or out of range"),
        ("BITPOS ones 1 x", "-ERR value is not an integer or out of range"),
        ("BITPOS ones 1 0 1 x", "-ERR syntax error"),
        ("BITPOS ones 1 0 1 BIT x", "-ERR syntax error"),
    ]);
}

#[test]
fn values_are_combined_bit_by_bit() {
    Server::new().check(&[
        ("MSET a abc b ab", "+OK"),
        ("BITOP AND d a b", ":3"),
        ("GET d", "$3 ab\0"),
        ("BITOP XOR d a b", ":3"),
        ("GET d", "$3 \0\0c"),
        ("BITOP OR d a nope", ":3"),
        ("GET d", "$3 abc"),
        ("BITOP NOT d d", ":3"),
        ("BITOP not d d", ":3"),
        ("GET d", "$3 abc"),
        ("EXPIRE d 100", ":1"),
        ("BITOP OR d a", ":3"),
        ("TTL d", ":-1"),
        ("BITOP OR d nope nope", ":0"),
        ("EXISTS d", ":0"),
        ("BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key."),
        ("BITOP FOO d a", "-ERR syntax error"),
        ("MULTI", "+OK"),
        ("SET a 1", "+QUEUED"),
        ("BITOP OR d a", "+QUEUED"),
        ("GET d", "+QUEUED"),
        ("EXEC", "*3 +OK :1 $1 1"),
    ]);
}

#[test]
fn fields_are_read_and_changed() {
    let invalid = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                   supported but i64 is.";
    let offset = "-ERR bit offset is not an integer or out of range";
    let integer = "-ERR value is not an integer or out of range";
    Server::new().check(&[
        ("BITFIELD k", "*0"),
        ("BITFIELD k GET u8 0", "*1 :0"),
        ("EXISTS k", ":0"),
        ("BITFIELD k SET u8 0 255 GET i4 2 INCRBY u4 4 1", "*3 :0 :-1 :0"),
        ("BITFIELD k OVERFLOW SAT INCRBY u8 0 200 OVERFLOW FAIL INCRBY u8 0 1", "*2 :255 $-1"),
        ("BITFIELD k SET i5 #3 -1 GET u5 15", "*2 :0 :31"),
        ("BITFIELD fresh OVERFLOW FAIL SET u8 8 256", "*1 $-1"),
        ("STRLEN fresh", ":2"),
        ("BITFIELD_RO k GET u8 0", "*1 :255"),
        ("BITFIELD_RO k SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
        ("BITFIELD k OVERFLOW FOO", "-ERR Invalid OVERFLOW type specified"),
        ("BITFIELD k OVERFLOW", "-ERR syntax error"),
        ("BITFIELD k SET u8 0", "-ERR syntax error"),
        ("BITFIELD k GET u64 0", invalid),
        ("BITFIELD k GET i65 0", invalid),
        ("BITFIELD k GET u0 0", invalid),
        ("BITFIELD k GET U8 0", invalid),
        ("BITFIELD k GET u8 -1", offset),
        ("BITFIELD k GET u8 #x", offset),
        ("BITFIELD k GET u8 4294967296", offset),
        ("BITFIELD k SET u8 0 x", integer),
        ("MULTI", "+OK"),
        ("BITFIELD k SET u8 0 7", "+QUEUED"),
        ("BITFIELD k GET u8 0", "+QUEUED"),
        ("EXEC", "*2 *1 :255 *1 :7"),
    ]);
}
