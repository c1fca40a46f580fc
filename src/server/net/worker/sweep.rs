//! The sweep of a worker, about once a second: it closes connections whose clients are late and
//! snapshots that were held for long, and frees memory that nobody uses.

use std::time::{Duration, Instant};

use super::{MUCH_FREED_BYTES, Worker};
use crate::server::net::transport::Transport;

/// The time between two sweeps, and the time after which an idle connection frees its buffers.
pub(super) const SWEEP: Duration = Duration::from_secs(1);

/// The freed bytes for which it pays to give memory back to the system.
const GIVE_BACK_BYTES: usize = 4 << 20;

impl<S: Transport> Worker<S> {
    /// Plans a sweep, because there will be something for it to do.
    pub(super) fn plan_sweep(&mut self, now: Instant) {
        self.sweep.get_or_insert(now + SWEEP);
    }

    /// Returns true if connections may go on because a pause is over.
    pub(super) fn take_end_of_pause(&mut self, now: Instant) -> bool {
        self.paused_until.take_if(|end| *end <= now).is_some()
    }

    /// Drops the connections whose deadline has passed, and sweeps if it is time to.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(ticket) = self.lingering.expire(now) {
            let place = self.connections.get(ticket.place);
            if place.is_some_and(|client| client.connection.session().id == ticket.session) {
                self.connections.remove(ticket.place);
            }
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.connections.retain(|_, client| client.connection.awaits_answer());
        }
        if self.freed() >= GIVE_BACK_BYTES {
            self.plan_sweep(now);
        }
        if let Some(sweep) = self.sweep.filter(|sweep| *sweep <= now) {
            // After a pause of the process the clients get a turn first.
            let was_paused = now > sweep + SWEEP;
            let goes_on = was_paused || {
                self.close_late_ones(now) | self.free_idle(now) | self.close_late_snapshots(now)
            };
            self.give_memory_back(GIVE_BACK_BYTES);
            self.sweep = goes_on.then(|| now + SWEEP);
        }
    }

    /// Frees what evicted connections hold before others of the same turn take as much.
    pub(super) fn free_evicted(&mut self, now: Instant) {
        let mut evicted = vec![];
        for (place, client) in &mut self.connections {
            if client.heed_session() {
                evicted.push(place);
            }
        }
        for place in evicted {
            self.note_eviction(place, now);
            self.enqueue(place);
        }
        self.give_memory_back(MUCH_FREED_BYTES);
    }

    pub(super) fn note_eviction(&mut self, place: usize, now: Instant) {
        self.context.statistics.connections_evicted.add(1);
        // Its memory is given back before others take as much.
        self.sweep = Some(now);
        if let Some(more) = self.refusals.admit(now)
            && let Some(client) = self.connections.get(place)
        {
            let (address, limit) =
                (&client.connection.session().address, self.context.clients.memory.limit());
            log::warn!(
                "closing the connection of {address}: clients hold more than {limit} bytes, and it \
                 holds most ({more} more not logged)"
            );
        }
    }

    /// Closes the connections whose clients are late. Returns true if others may become so.
    fn close_late_ones(&mut self, now: Instant) -> bool {
        let (context, mut may_be_late) = (&self.context, false);
        self.connections.retain(|_, client| {
            let deadline = client.patience.deadline(context.settings.timeout());
            let is_late = deadline.is_some_and(|deadline| deadline <= now);
            if client.is_lingering() || client.is_about_to_receive() || !is_late {
                may_be_late |= deadline.is_some();
                return true;
            }
            context.statistics.connections_timed_out.add(1);
            let (address, reason) =
                (&client.connection.session().address, client.patience.reason());
            log::debug!("closing the connection of {address}: {reason}");
            false
        });
        may_be_late
    }

    /// Closes the snapshots that were held for too long. Returns true if others may become so.
    fn close_late_snapshots(&mut self, now: Instant) -> bool {
        let limit = self.context.options.snapshot_timeout;
        let mut is_held = false;
        for (_, client) in &mut self.connections {
            let snapshot = &client.connection.session().snapshot;
            if snapshot.is_held() {
                snapshot.close_late(limit, now);
                is_held |= snapshot.is_held();
            }
        }
        is_held && limit.is_some()
    }

    /// Frees the buffers of connections that are idle. Returns true if others may become so.
    fn free_idle(&mut self, now: Instant) -> bool {
        let mut may_be_idle = false;
        for (_, client) in &mut self.connections {
            if now.saturating_duration_since(client.patience.progress()) >= SWEEP {
                client.connection.free();
            } else {
                may_be_idle |= client.connection.keeps_memory();
            }
        }
        may_be_idle
    }

    /// Returns the bytes that connections freed since memory was given back.
    fn freed(&self) -> usize {
        self.context.clients.memory.freed_in_large().wrapping_sub(self.given_back)
    }

    /// Gives the memory that this thread and the readers freed back to the system, if it is that
    /// much.
    pub(super) fn give_memory_back(&mut self, bytes_min: usize) {
        if self.freed() < bytes_min {
            return;
        }
        self.given_back = self.context.clients.memory.freed_in_large();
        if let Some(give_back) = self.context.options.give_memory_back {
            give_back();
            self.outbox.tell_readers(give_back);
        }
    }
}
