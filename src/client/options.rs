//! The options of a client.

use std::fmt;
use std::time::Duration;

/// The options of a client; each has a default.
#[derive(Clone)]
pub struct ClientOptions {
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) reconnect_timeout: Duration,
    pub(super) password: Option<Vec<u8>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            reconnect_timeout: Duration::from_secs(5),
            password: None,
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientOptions")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("reconnect_timeout", &self.reconnect_timeout)
            .finish_non_exhaustive()
    }
}

/// The shortest wait: the operating system takes zero for no limit.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// The longest wait, about a century: the end of a longer one is beyond what a clock can tell.
const TIMEOUT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl ClientOptions {
    /// Sets the longest time that connecting once may take; the default is five seconds. The time
    /// that the system takes to look a host name up is not counted.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX);
        self
    }

    /// Sets the longest time that one call may take, connecting again included; the default is
    /// thirty seconds. Sending a pipeline counts as one call for each part of it that is sent
    /// before responses are read.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX);
        self
    }

    /// Sets the longest time for which a call tries again once it cannot reach the server; the
    /// default is five seconds. With zero a lost connection is still made anew, but by the next
    /// call and with one attempt.
    #[must_use]
    pub fn reconnect_timeout(mut self, timeout: Duration) -> Self {
        self.reconnect_timeout = timeout.min(TIMEOUT_MAX);
        self
    }

    /// Sets the password for a server that wants one; one that wants none takes any. A wrong one is
    /// answered after a second, so a shorter [`timeout`](Self::timeout) ends before that.
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(password.into());
        self
    }
}
