//! Which Redis commands may follow one another without waiting.
//!
//! A request must see what the earlier requests of its connection did. Writes of one connection reach
//! the writer in order, so a write may follow writes that are not answered yet; anything else waits for
//! them. A reader that was sent a cold read may go on with the reads behind it. Commands that are not
//! listed here work alone, which is always right and only slower.

/// What may be done with a command beside others of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is answered from the outcome of its batch alone, so it may follow unanswered writes.
    Write,
    /// It changes nothing, not even the session, so a reader may do it ahead of the worker.
    Read,
    /// It waits until everything before it is answered, and is executed on the worker first.
    Alone,
}

const WRITES: [&[u8]; 13] = [
    b"SET", b"INCR", b"DEL", b"MSET", b"SETEX", b"PSETEX", b"SETNX", b"INCRBY", b"DECR", b"DECRBY",
    b"APPEND", b"UNLINK", b"GETSET",
];

const READS: [&[u8]; 9] =
    [b"GET", b"MGET", b"EXISTS", b"STRLEN", b"TTL", b"PTTL", b"TYPE", b"GETRANGE", b"PING"];

/// The kind of the command with this name, in any case.
pub(super) fn kind(name: &[u8]) -> Kind {
    let is_in = |names: &[&[u8]]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is_in(&WRITES) {
        Kind::Write
    } else if is_in(&READS) {
        Kind::Read
    } else {
        Kind::Alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_others_work_alone() {
        assert_eq!(kind(b"set"), Kind::Write);
        assert_eq!(kind(b"Get"), Kind::Read);
        assert_eq!(kind(b"HELLO"), Kind::Alone);
        assert_eq!(kind(b""), Kind::Alone);
    }
}
