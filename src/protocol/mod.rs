//! Wire protocols: pure functions between bytes and requests or replies.
