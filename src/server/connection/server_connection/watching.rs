//! Output without a request: the changes of a connection's watch, and the lines and messages of its
//! feed.
//!
//! Both come between the replies to requests, which go on, and are taken only while the output is
//! short. But the feed is emptied with each reply, however long the output is: a client gets the
//! messages of a subscription behind the reply that begins it, and before the one that ends it.

use super::{ConnectionPhase, ServerConnection};
use crate::protocol::native::{Failure, FailureKind, ResponseMessage};
use crate::server::connection::intake::Ask;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::connection_watch::{ConnectionWatch, Told, WATCH_OUTPUT_BYTES};
use crate::server::execute::context::Context;
use crate::store::change_alarm::ChangeAlarm;
use crate::store::wake_list::Wake;
use crate::sync::Arc;

impl ServerConnection {
    /// Begins a watch, unless there is one.
    pub(super) fn begin_watch(
        &mut self,
        watch: Box<ConnectionWatch>,
        context: &Context,
    ) -> Option<Ask> {
        if self.watch.is_some() {
            let failure = Failure {
                kind: FailureKind::Unsupported,
                message: "this connection has a watch already; open another one".to_owned(),
            };
            let response = ResponseMessage { id: watch.id(), result: Err(failure) };
            self.answer(&ClientReply::Native(response));
            return None;
        }
        self.answer(&ClientReply::Native(watch.begin(context.run)));
        (self.watch, self.has_more_to_tell) = (Some(watch), true);
        Some(Ask::Watch)
    }

    /// Appends what was committed since the last call to the output, if it is short.
    pub(super) fn tell_changes(&mut self, context: &Context) {
        let is_open = matches!(self.phase, ConnectionPhase::Open { .. });
        let Some(watch) = self.watch.as_mut().filter(|_| is_open) else { return };
        let unread_bytes = self.output.len();
        if unread_bytes >= WATCH_OUTPUT_BYTES {
            self.has_more_to_tell = true;
            return;
        }
        let told = watch.tell(self.output.tail(), unread_bytes);
        self.has_more_to_tell = told == Told::Part;
        if told == Told::Last {
            self.watch = None;
        }
        self.recharge();
        context.clients.relieve();
    }

    /// Appends what was pushed to its client to the output, if that is short.
    pub(super) fn take_pushed(&mut self) {
        if self.output.len() < WATCH_OUTPUT_BYTES && self.has_pushed() {
            self.output.append(self.session.take_pushed());
            self.recharge();
        }
    }

    /// Appends a reply to the output, and what was pushed to its client on both sides of it.
    pub(super) fn append(&mut self, reply: &ClientReply) {
        if !self.has_pushed() && !self.session.feed.is_marked() {
            return reply.encode(&self.session, self.output.tail());
        }
        let (before, behind) = self.session.take_pushed_around_reply();
        self.output.append(before);
        reply.encode(&self.session, self.output.tail());
        self.output.append(behind);
        self.recharge();
    }

    fn has_pushed(&self) -> bool {
        self.session.feed.waiting() > 0 && matches!(self.phase, ConnectionPhase::Open { .. })
    }

    /// Returns true if its client is told what others do.
    pub(super) fn looks_on(&self) -> bool {
        let session = &self.session;
        self.watch.is_some() || session.is_monitor() || session.subscriptions.is_any()
    }

    /// Returns true if it has a watch.
    pub(crate) fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// Returns true if there may be more to tell its client, and there is room for it.
    pub(crate) fn may_tell_more(&mut self) -> bool {
        let has_more = self.has_more_to_tell && self.watch.is_some();
        (has_more || self.has_pushed()) && self.output.len() < WATCH_OUTPUT_BYTES / 2
    }

    /// Returns an alarm for the store that it watches, if it does.
    pub(crate) fn alarm(&self, wake: Arc<dyn Wake>) -> Option<ChangeAlarm> {
        self.watch.as_ref().map(|watch| watch.watch().alarm(wake))
    }
}
