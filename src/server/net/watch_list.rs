//! The connections of a worker that watch.

use crate::server::net::worker_inbox::Ticket;
use crate::store::change_alarm::ChangeAlarm;

/// The connections of a worker that watch, and what wakes it for them.
#[derive(Default)]
pub(crate) struct WatchList {
    /// Their names; some of them may have ended.
    pub(crate) tickets: Vec<Ticket>,
    /// The alarm; none while nobody watches.
    pub(crate) alarm: Option<ChangeAlarm>,
}
