//! The limits of a RESP request.

/// The longest argument; a longer one is refused.
///
/// One MiB above 64 MiB, so that a value slightly over the limit of the store is answered with an
/// error about the value instead of a closed connection.
pub const BULK_BYTES_MAX: usize = 65 << 20;

/// The limits of one request; each is the largest allowed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The most arguments of one request; by default as in Redis.
    pub arguments_max: usize,
    /// The longest argument of a request array; by default [`BULK_BYTES_MAX`].
    pub bulk_bytes_max: usize,
    /// The longest request array, counted from its `*` to its last line end. The default fits one
    /// argument of the largest size with room for a key; many large values need many requests.
    pub request_bytes_max: usize,
    /// The longest inline request without its line end; by default as in Redis.
    pub inline_bytes_max: usize,
}

impl RequestLimits {
    /// The limits of clients that have not given a password: as in Redis 10 arguments of 16 KiB.
    pub const STRANGER: Self = Self {
        arguments_max: 10,
        bulk_bytes_max: 16 << 10,
        request_bytes_max: 64 << 10,
        inline_bytes_max: 16 << 10,
    };
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            arguments_max: 1 << 20,
            bulk_bytes_max: BULK_BYTES_MAX,
            request_bytes_max: 128 << 20,
            inline_bytes_max: 64 << 10,
        }
    }
}
