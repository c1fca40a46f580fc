//! One connection without its socket.

pub(crate) mod blocking_read;
pub(crate) mod buffer;
pub(crate) mod protocol_state;
pub(crate) mod reply_queue;
pub(crate) mod server_connection;
