//! A bounded queue of messages with one owner and many senders.
//!
//! The mailbox closes for its owner when the last [`Address`] is gone and every message was taken.
//! A [`ReturnAddress`] holds the sending end only while it sends.
//!
//! When the owner goes, every message that it did not take is dropped, so that the replies inside
//! tell their callers. The channel alone would keep such messages until the last sender goes. The
//! owner therefore sets `gone` and then sweeps, and a sender that finds `gone` set after it sent
//! sweeps too, so that the second of them finds the message ([Dekker's algorithm][dekker]). The
//! loom model `full_mailbox` checks it.
//!
//! [dekker]: https://en.wikipedia.org/wiki/Dekker%27s_algorithm

use std::time::Duration;

use crate::bugs::{Bug, planted, unless_planted};
use crate::sync::{
    AdaptiveSpin, Arc, AtomicBool, Ordering, Receiver, RecvTimeoutError, Sender, TryRecvError,
    TrySendError, Weak, await_message, await_message_for, bounded,
};

/// Returns a mailbox for up to `capacity` messages, and its address.
pub(crate) fn mailbox<M>(capacity: usize) -> (Address<M>, Mailbox<M>) {
    let (sender, receiver) = bounded(capacity);
    let shared = Arc::new(SharedQueue { receiver, gone: AtomicBool::new(false) });
    let outlet = Outlet { sender, shared: Arc::clone(&shared) };
    (Address(Arc::new(outlet)), Mailbox { shared, spin: AdaptiveSpin::default() })
}

/// The receiving end of the channel, which senders need too if the owner goes.
struct SharedQueue<M> {
    receiver: Receiver<M>,
    /// The owner takes no more messages.
    gone: AtomicBool,
}

impl<M> SharedQueue<M> {
    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Gives up every message, those that are there and those that still come.
    fn abandon(&self) {
        self.gone.store(true, Ordering::SeqCst);
        unless_planted!(SkipOwnerSweep => self.sweep());
    }

    /// Drops every message.
    fn sweep(&self) {
        while self.receiver.try_recv().is_ok() {}
    }
}

/// The sending end, which all addresses share. Dropping it closes the channel.
struct Outlet<M> {
    sender: Sender<M>,
    shared: Arc<SharedQueue<M>>,
}

impl<M> Outlet<M> {
    /// Delivers a message with `send`. Returns it if there is no owner or `send` returns it.
    fn deliver(
        &self,
        message: M,
        send: impl FnOnce(&Sender<M>, M) -> Result<(), M>,
    ) -> Result<(), M> {
        if self.is_gone() {
            return Err(message);
        }
        send(&self.sender, message)?;
        if self.is_gone() && !planted(Bug::SkipSenderSweep) {
            self.shared.sweep();
        }
        Ok(())
    }

    fn send(&self, message: M) -> Result<(), M> {
        self.deliver(message, |sender, message| sender.send(message).map_err(|error| error.0))
    }

    fn try_send(&self, message: M) -> Result<(), M> {
        self.deliver(message, |sender, message| {
            sender.try_send(message).map_err(TrySendError::into_inner)
        })
    }

    fn is_gone(&self) -> bool {
        self.shared.is_gone()
    }
}

/// An address of an actor. The mailbox stays open while one exists.
pub(crate) struct Address<M>(Arc<Outlet<M>>);

impl<M> Address<M> {
    /// Delivers the message. Blocks while the mailbox is full. Returns the message if the actor is
    /// gone.
    pub(crate) fn send(&self, message: M) -> Result<(), M> {
        self.0.send(message)
    }

    /// Delivers the message. Returns it if the mailbox is full or the actor is gone.
    pub(crate) fn try_send(&self, message: M) -> Result<(), M> {
        self.0.try_send(message)
    }

    /// Returns true if the actor is gone, so that no message will ever be delivered again.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_gone()
    }

    /// Returns true if no message waits to be taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.shared.receiver.is_empty()
    }

    /// Returns the number of messages that wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.0.shared.receiver.len()
    }

    /// Does for an owner that cannot what it does when it goes: drops every message, those that
    /// still come among them.
    pub(super) fn abandon(&self) {
        self.0.shared.abandon();
    }

    /// Returns an address that does not keep the mailbox open.
    pub(crate) fn downgrade(&self) -> ReturnAddress<M> {
        ReturnAddress(Arc::downgrade(&self.0))
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// An address that does not keep the mailbox open, for the results of an actor's peer.
pub(crate) struct ReturnAddress<M>(Weak<Outlet<M>>);

impl<M> ReturnAddress<M> {
    /// Delivers the message. Blocks while the mailbox is full. Returns the message if the mailbox
    /// is closed or the actor is gone.
    pub(crate) fn send(&self, message: M) -> Result<(), M> {
        match self.0.upgrade() {
            Some(outlet) => outlet.send(message),
            None => Err(message),
        }
    }

    /// Delivers the message. Returns it if the mailbox is full or closed, or the actor is gone.
    pub(crate) fn try_send(&self, message: M) -> Result<(), M> {
        match self.0.upgrade() {
            Some(outlet) => outlet.try_send(message),
            None => Err(message),
        }
    }

    /// Returns true if the mailbox is closed or the actor is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.upgrade().is_none_or(|outlet| outlet.is_gone())
    }

    /// Returns the number of messages that wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.0.upgrade().map_or(0, |outlet| outlet.shared.receiver.len())
    }
}

/// The result of waiting for messages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// There was at least one message.
    Messages,
    /// The time passed first.
    Nothing,
    /// Every address is gone and every message was taken.
    Closed,
}

/// The owner's end.
pub(crate) struct Mailbox<M> {
    shared: Arc<SharedQueue<M>>,
    spin: AdaptiveSpin,
}

impl<M> Mailbox<M> {
    /// Blocks until there is a message, then takes up to `limit` that are there.
    pub(crate) fn receive(&mut self, into: &mut Vec<M>, limit: usize) -> Received {
        let receiver = &self.shared.receiver;
        let first = self.spin.attempt(|| receiver.try_recv().ok());
        match first.map_or_else(|| receiver.recv(), Ok) {
            Ok(first) => self.take(first, into, limit),
            Err(_) => Received::Closed,
        }
    }

    /// Blocks for up to `wait` until there is a message, then takes up to `limit` that are there.
    pub(crate) fn receive_for(
        &mut self,
        wait: Duration,
        into: &mut Vec<M>,
        limit: usize,
    ) -> Received {
        let receiver = &self.shared.receiver;
        let first = self.spin.attempt(|| receiver.try_recv().ok());
        match first.map_or_else(|| receiver.recv_timeout(wait), Ok) {
            Ok(first) => self.take(first, into, limit),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Closed,
        }
    }

    /// Blocks until there is a message, and leaves it there, or until the mailbox is closed. It may
    /// return sooner.
    pub(super) fn await_message(&mut self) {
        let receiver = &self.shared.receiver;
        if self.spin.attempt(|| (!receiver.is_empty()).then_some(())).is_none() {
            await_message(receiver);
        }
    }

    /// Does the same, but no longer than this; returns false if the time passed first.
    pub(super) fn await_message_for(&mut self, wait: Duration) -> bool {
        let receiver = &self.shared.receiver;
        let found = self.spin.attempt(|| (!receiver.is_empty()).then_some(()));
        found.is_some() || await_message_for(receiver, wait)
    }

    /// Takes up to `limit` messages that are there.
    pub(crate) fn receive_now(&mut self, into: &mut Vec<M>, limit: usize) -> Received {
        match self.shared.receiver.try_recv() {
            Ok(first) => self.take(first, into, limit),
            Err(TryRecvError::Empty) => Received::Nothing,
            Err(TryRecvError::Disconnected) => Received::Closed,
        }
    }

    fn take(&self, first: M, into: &mut Vec<M>, limit: usize) -> Received {
        into.push(first);
        let rest = std::iter::from_fn(|| self.shared.receiver.try_recv().ok());
        into.extend(rest.take(limit.saturating_sub(1)));
        Received::Messages
    }
}

impl<M> Drop for Mailbox<M> {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Reply;

    #[test]
    fn a_message_left_in_the_mailbox_is_dropped_with_its_owner() {
        let (address, mailbox) = mailbox(8);
        let (reply, answer) = Reply::<u8>::channel();
        assert!(address.send(reply).is_ok());
        drop(mailbox);
        assert!(answer.wait().is_err(), "the address still exists, but nobody will answer");
    }

    #[test]
    fn no_message_is_stranded_by_an_owner_that_goes_while_it_is_sent() {
        for _ in 0..2000 {
            let (address, mailbox) = mailbox(1);
            let (reply, answer) = Reply::<u8>::channel();
            let owner = crate::sync::ThreadBuilder::new().spawn(move || drop(mailbox)).unwrap();
            let _ = address.send(reply);
            assert!(answer.wait().is_err());
            owner.join().unwrap();
        }
    }

    #[test]
    fn messages_sent_before_the_last_address_went_still_arrive() {
        let (address, mut mailbox) = mailbox(8);
        let second = address.clone();
        address.send(1).unwrap();
        drop(address);
        second.send(2).unwrap();
        drop(second);
        let mut taken = Vec::new();
        assert_eq!(mailbox.receive(&mut taken, 10), Received::Messages);
        assert_eq!(taken, [1, 2]);
        assert_eq!(mailbox.receive(&mut taken, 10), Received::Closed);
        assert_eq!(mailbox.receive_now(&mut taken, 10), Received::Closed);
    }

    #[test]
    fn a_return_address_does_not_keep_the_mailbox_open() {
        let (address, mut mailbox) = mailbox::<u8>(8);
        let back = address.downgrade();
        drop(address);
        assert_eq!(mailbox.receive(&mut Vec::new(), 1), Received::Closed);
        assert_eq!(back.send(1), Err(1), "nobody waits for a late result");
    }

    #[test]
    fn a_full_mailbox_gives_the_message_back() {
        let (address, mut mailbox) = mailbox(1);
        address.try_send(1).unwrap();
        assert_eq!((address.waiting(), address.downgrade().waiting()), (1, 1));
        assert_eq!(address.try_send(2), Err(2));
        let mut taken = Vec::new();
        assert_eq!(mailbox.receive_now(&mut taken, 1), Received::Messages);
        assert_eq!(mailbox.receive_now(&mut taken, 1), Received::Nothing);
        address.try_send(3).unwrap();
        assert!(!address.is_gone(), "a full mailbox has an owner");
        drop(mailbox);
        assert!(address.is_gone());
        assert_eq!(address.try_send(4), Err(4));
        assert_eq!(address.send(4), Err(4));
    }

    #[test]
    fn a_batch_takes_no_more_than_its_limit() {
        let (address, mut mailbox) = mailbox(8);
        for n in 0..5 {
            address.send(n).unwrap();
        }
        let mut taken = Vec::new();
        mailbox.receive(&mut taken, 3);
        assert_eq!(taken, [0, 1, 2]);
    }
}
