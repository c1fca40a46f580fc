//! Random bytes of the operating system, which are fit for secrets.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Returns so many random bytes; `None` where the system has none.
pub(crate) fn random_bytes(count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    // A signal may cut more than 256 bytes short.
    while filled < count {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(bytes)
}
