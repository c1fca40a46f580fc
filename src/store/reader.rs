//! The reader actors, which execute the reads of a server that may wait for the disk.
//!
//! One more reader does the reads that are long, one after the other: no other read waits behind
//! them, and what they hold is held once.
//!
//! | channel | from | carries | bound and what happens at it |
//! |---|---|---|---|
//! | mailbox of each | connection workers | [`ReadTask`] | [`MAILBOX_TASKS`]; the next reader is tried, then the worker keeps the task and stops reading that socket |
//!
//! A task answers through what it captured, which must not block.

use super::read::Access;
use crate::actor::{Actor, ActorThread, Address, mailbox, spawn};
use crate::sync::{AtomicUsize, Ordering};

/// The most tasks that wait for one reader.
const MAILBOX_TASKS: usize = 256;

/// Reads that may block, executed by one reader.
pub(crate) type ReadTask = Box<dyn FnOnce() + Send>;

/// The time that a read takes, as far as that is known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadLength {
    /// That of a few records, or of a page of keys.
    Short,
    /// That of all keys there are, or of a large value, or of many values that are large together.
    Long,
}

impl ReadLength {
    /// Returns the permission of the reads of a reader of this length.
    pub(crate) fn access(self) -> Access {
        match self {
            Self::Short => Access::Short,
            Self::Long => Access::Blocking,
        }
    }

    /// Returns true if a read of this length is allowed.
    pub(crate) fn is_allowed(self, access: Access) -> bool {
        match access {
            Access::Blocking => true,
            Access::Short => self == Self::Short,
            Access::MemoryOnly => false,
        }
    }
}

/// A reader actor. It has no state of its own: a task holds all that it uses.
struct Reader;

impl Actor for Reader {
    type Message = ReadTask;
    const MESSAGES_MAX: usize = 1;

    fn handle(&mut self, messages: &mut Vec<ReadTask>) {
        for task in messages.drain(..) {
            task();
        }
    }
}

/// The running readers; dropping it waits for the tasks they have.
pub(crate) struct Readers {
    addresses: Vec<Address<ReadTask>>,
    /// The address of the reader of long reads.
    long: Address<ReadTask>,
    next: AtomicUsize,
    /// After the addresses, so that they are gone when the threads are waited for.
    _threads: Vec<ActorThread>,
}

impl Readers {
    /// Starts `count` readers, at least one, and the one of long reads.
    pub(crate) fn start(count: usize) -> std::io::Result<Self> {
        let (long, inbox) = mailbox(MAILBOX_TASKS);
        let _threads = vec![spawn("kvs-reader-long", Reader, inbox)?];
        let mut readers = Self { addresses: vec![], long, next: AtomicUsize::new(0), _threads };
        for number in 0..count.max(1) {
            let (address, inbox) = mailbox(MAILBOX_TASKS);
            readers.addresses.push(address);
            readers._threads.push(spawn(&format!("kvs-reader-{number}"), Reader, inbox)?);
        }
        Ok(readers)
    }

    /// Sends the task to a reader with room for it; gives it back if none has.
    pub(crate) fn try_send(&self, mut task: ReadTask, length: ReadLength) -> Result<(), ReadTask> {
        if length == ReadLength::Long {
            return self.long.try_send(task);
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for offset in 0..self.addresses.len() {
            let chosen = first.wrapping_add(offset) % self.addresses.len();
            match self.addresses[chosen].try_send(task) {
                Ok(()) => return Ok(()),
                Err(refused) => task = refused,
            }
        }
        Err(task)
    }

    /// Returns the number of tasks that wait for a reader.
    pub(crate) fn waiting(&self) -> usize {
        self.addresses.iter().chain([&self.long]).map(Address::waiting).sum()
    }

    /// Sends a task to every reader with room for it.
    pub(crate) fn tell_all(&self, task: fn()) {
        for address in self.addresses.iter().chain([&self.long]) {
            // A reader with a full mailbox is told another time.
            let _ = address.try_send(Box::new(task));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Arc, bounded};

    #[test]
    fn every_task_is_done_whichever_reader_gets_it() {
        let readers = Readers::start(2).unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        for number in 0..100 {
            let counted = Arc::clone(&done);
            let task = Box::new(move || {
                counted.fetch_add(1, Ordering::Relaxed);
            });
            let length = if number % 2 == 0 { ReadLength::Short } else { ReadLength::Long };
            assert!(readers.try_send(task, length).is_ok());
        }
        drop(readers);
        assert_eq!(done.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn no_short_read_waits_for_a_long_one() {
        let readers = Readers::start(1).unwrap();
        let (release, released) = bounded::<()>(0);
        // It ends once the sender is gone.
        let long = Box::new(move || released.recv().unwrap_or_default());
        assert!(readers.try_send(long, ReadLength::Long).is_ok());
        let (done, is_done) = bounded(1);
        let short = Box::new(move || done.send(()).unwrap());
        assert!(readers.try_send(short, ReadLength::Short).is_ok());
        is_done.recv().unwrap();
        // Behind the one that is being done.
        assert!(readers.try_send(Box::new(|| ()), ReadLength::Long).is_ok());
        assert!(readers.waiting() >= 1);
        drop(release);
    }
}
