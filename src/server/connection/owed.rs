//! The next thing that a client owes the server, such as the rest of its request.

/// A thing that the server waits for its client to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    /// None: the server is at work.
    Nothing,
    /// To give a password.
    Password,
    /// To send a first request.
    FirstRequest,
    /// To send the rest of the request behind so many executed ones.
    Rest { executed: u64 },
    /// To take replies.
    Room,
    /// To send another request behind so many executed ones, which it may do whenever it likes.
    Request { executed: u64 },
}
