//! Errors of the store as clients and the log get them.

use std::cell::RefCell;
use std::time::Instant;

use crate::Error;
use crate::server::log_limit::LogLimit;

thread_local! {
    static LIMIT: RefCell<LogLimit> = RefCell::default();
}

/// Returns the message for a client, which names no path. Logs the whole error if a read met it;
/// the writer logs those of writes.
pub(crate) fn report(error: &Error) -> String {
    let is_of_a_read = matches!(error, Error::Corrupt { .. } | Error::Io { key: None, .. });
    if is_of_a_read && !error.is_disk_full() {
        let admitted = LIMIT.with_borrow_mut(|limit| limit.admit(Instant::now()));
        if let Some(more) = admitted {
            log::error!("a request failed: {error} ({more} more not logged)");
        }
    }
    error.without_paths()
}

#[cfg(test)]
mod tests {
    use std::io::{Error as IoError, ErrorKind};
    use std::path::Path;

    use super::*;
    use crate::protocol::native::{Failure, FailureKind};
    use crate::sync::Arc;

    #[test]
    fn a_client_is_told_of_damage_and_not_of_paths() {
        let path = Path::new("/secret/place/x.log");
        let io = |kind| Error::io("read", path, IoError::from(kind));
        let unknown = Error::UnknownOutcome(Arc::new(io(ErrorKind::Other)));
        let cases = [
            (Error::corrupt(path, 7, "a checksum is wrong"), FailureKind::Corrupt, "damaged"),
            (io(ErrorKind::Other), FailureKind::Internal, "other error"),
            (io(ErrorKind::StorageFull), FailureKind::Full, "no storage space"),
            (Error::Poisoned(unknown.to_string()), FailureKind::Poisoned, "takes no more writes"),
            (unknown, FailureKind::OutcomeUnknown, "may or may not survive a crash: a file"),
        ];
        for (error, kind, part) in cases {
            let failure = Failure::from(&error);
            assert_eq!(failure.kind, kind, "{error}");
            assert!(failure.message.contains(part), "{failure}");
            assert!(!failure.message.contains("secret"), "{failure}");
        }
    }
}
