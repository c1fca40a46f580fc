//! `COMMAND INFO`, `DOCS` and `GETKEYSANDFLAGS` describe every command as Redis does, byte for
//! byte.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use common::redis_pair::RedisPair;
use common::text;

#[test]
fn commands_are_described_as_redis_describes_them() {
    let Some(mut pair) = RedisPair::start() else { return };
    let [_, listed] = pair.replies(&[b"COMMAND", b"LIST"]);
    let listed = text(&listed);
    let names: Vec<_> = listed.lines().filter(|line| !line.starts_with(['*', '$'])).collect();
    // Redis gives subcommands of a container in any order, and has these since 7.2.
    let is_container = |name: &&&str| names.iter().any(|it| it.starts_with(&format!("{name}|")));
    let is_newer = |name: &&&str| ["client|no-touch", "client|setinfo"].contains(*name);
    let compared = names.iter().filter(|name| !is_container(name) && !is_newer(name));
    for name in compared {
        pair.compare_lines(&format!("COMMAND INFO {name}\nCOMMAND DOCS {name}"));
    }
    pair.compare_lines(
        "
        COMMAND GETKEYSANDFLAGS set a b
        COMMAND GETKEYSANDFLAGS set a b get ex 1
        COMMAND GETKEYSANDFLAGS mset a 1 b 2
        COMMAND GETKEYSANDFLAGS del a b c
        COMMAND GETKEYSANDFLAGS rename a b
        COMMAND GETKEYSANDFLAGS copy a b db 1
        COMMAND GETKEYSANDFLAGS bitop and c a b
        COMMAND GETKEYSANDFLAGS bitfield a get u8 0
        COMMAND GETKEYSANDFLAGS bitfield a overflow fail get u8 0 get u8 8
        COMMAND GETKEYSANDFLAGS bitfield a get u8 0 incrby u8 0 1
        COMMAND GETKEYSANDFLAGS bitfield a get u8
        COMMAND GETKEYSANDFLAGS sort a by x store b get # store c limit store 1
        COMMAND GETKEYSANDFLAGS sort_ro a by x store b
        COMMAND GETKEYSANDFLAGS lcs a b len
        COMMAND GETKEYSANDFLAGS memory usage a
        COMMAND GETKEYSANDFLAGS object encoding a
        COMMAND GETKEYSANDFLAGS ping a
        COMMAND GETKEYSANDFLAGS ssubscribe a
        COMMAND GETKEYSANDFLAGS get a b
        ",
    );
    assert!(pair.requests() > 400, "{} requests were compared", pair.requests());
}
