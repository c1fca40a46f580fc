//! Clients that know no password.

use kvs::protocol::native::STRANGER_FRAME_BYTES_MAX;

use super::request;
use crate::attacker::{Attacker, Target};
use crate::common::form::by_form;

/// The password that they do not know.
pub const PASSWORD: &str = "correct-horse";

/// The number of wrong passwords that end a connection.
const GUESSES_MAX: usize = 3;

/// Each guesses: a wrong password is refused, and the third one ends the connection.
pub fn guesses(target: &Target) -> Vec<Attacker> {
    let mut attackers = vec![];
    for _ in 0..by_form([1, 3, 3]) {
        attackers = target.crowd(by_form([10, 100, 100]), |attacker| {
            // Those of the short form are not patient enough for more than one refusal.
            let guesses = by_form([1, GUESSES_MAX, GUESSES_MAX]);
            assert!(attacker.send(&b"AUTH wrong\r\n".repeat(GUESSES_MAX + 1)));
            for _ in 0..guesses {
                let reply = attacker.line().unwrap();
                assert!(reply.starts_with("-WRONGPASS"), "{reply}");
            }
            if guesses == GUESSES_MAX {
                assert_eq!(attacker.last_bytes(), b"");
            }
        });
    }
    attackers
}

/// Each sends a request that is larger than a stranger's may be, of each kind.
pub fn oversized_requests(target: &Target) -> Vec<Attacker> {
    let large = vec![b'v'; 1 << 20];
    let by_value = request(&[b"SET", b"key", &large]);
    let by_count = request(&[&large[..1]; 11]);
    let by_line = vec![b'a'; 1 << 20];
    let reasons = [
        (&by_value, "unauthenticated bulk length"),
        (&by_count, "unauthenticated multibulk length"),
        (&by_line, "too big inline request"),
    ];
    let mut attackers = vec![];
    for (bytes, reason) in reasons {
        attackers.extend(target.crowd(by_form([4, 100, 100]), |attacker| {
            attacker.send(bytes);
            let last = attacker.last_bytes().escape_ascii().to_string();
            // Whoever goes on sending may lose the reply.
            let expected = format!("-ERR Protocol error: {reason}\\r\\n");
            assert!(last.is_empty() || last == expected, "{last}");
        }));
    }
    let length = (STRANGER_FRAME_BYTES_MAX + 1).to_le_bytes();
    attackers.extend(target.crowd(by_form([4, 100, 100]), |attacker| {
        attacker.greet();
        attacker.send(&length);
        let failure = attacker.failure().unwrap();
        assert!(failure.message.contains("is over the limit of 16384 bytes"), "{failure}");
        assert_eq!(attacker.last_bytes(), b"");
    }));
    attackers
}

/// Each sends many requests that are refused, and does not read that they are.
pub fn refusals_that_nobody_reads(target: &Target) -> Vec<Attacker> {
    let requests = b"GET key\r\n".repeat(by_form([10_000, 1_000_000, 1_000_000]));
    target.crowd(by_form([4, 50, 50]), |attacker| {
        attacker.send(&requests);
    })
}
