//! What a RESP request may cost.

/// Most arguments of one request, as in Redis; a larger count is refused.
pub const ARGUMENTS_MAX: usize = 1 << 20;

/// Longest argument; a longer one is refused.
///
/// One MiB above 64 MiB, so that a value slightly over the limit of the store is answered with an
/// error about the value instead of a closed connection.
pub const BULK_BYTES_MAX: usize = 65 << 20;

/// Longest request including its framing; a longer one is refused as soon as a length reveals it.
///
/// Fits one argument of the largest size with room for a key; many large values need many requests.
pub const REQUEST_BYTES_MAX: usize = 128 << 20;

/// Longest inline request without its line end, as in Redis; a longer one is refused.
pub const INLINE_BYTES_MAX: usize = 64 << 10;

/// Most arguments of one request before the client has authenticated.
pub const UNAUTHENTICATED_ARGUMENTS_MAX: usize = 10;

/// Longest argument, and longest inline request, before the client has authenticated.
pub const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 << 10;

/// Longest request before the client has authenticated.
pub const UNAUTHENTICATED_REQUEST_BYTES_MAX: usize = 1 << 20;

/// What one request may cost; each limit is the largest allowed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most arguments of one request.
    pub arguments_max: usize,
    /// Longest argument of a request array.
    pub bulk_bytes_max: usize,
    /// Longest request array, counted from its `*` to its last line end.
    pub request_bytes_max: usize,
    /// Longest inline request without its line end.
    pub inline_bytes_max: usize,
}

impl Limits {
    /// The limits for a client that still has to authenticate, so that strangers cannot make the
    /// server hold much memory.
    pub const UNAUTHENTICATED: Self = Self {
        arguments_max: UNAUTHENTICATED_ARGUMENTS_MAX,
        bulk_bytes_max: UNAUTHENTICATED_BULK_BYTES_MAX,
        request_bytes_max: UNAUTHENTICATED_REQUEST_BYTES_MAX,
        inline_bytes_max: UNAUTHENTICATED_BULK_BYTES_MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            arguments_max: ARGUMENTS_MAX,
            bulk_bytes_max: BULK_BYTES_MAX,
            request_bytes_max: REQUEST_BYTES_MAX,
            inline_bytes_max: INLINE_BYTES_MAX,
        }
    }
}
