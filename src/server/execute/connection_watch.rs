//! The watch of a connection: changes on their way from the ring of the store into the output.

use crate::protocol::native::{
    FRAME_BYTES_MAX, Failure, ResponseMessage, Success, WatchPosition, WatchedChange,
};
use crate::store::watch::WatchStep;
use crate::{Change, CommittedBatch, Watch, WatchEvent};

/// The bytes of output at which no more changes are taken, until the client has taken half of them.
///
/// A client that is too slow holds no more than these and one batch; what it does not take in time
/// leaves the ring, and it is told so.
pub(crate) const WATCH_OUTPUT_BYTES: usize = 256 << 10;

/// The most batches that a watch looks at in a turn, so that other connections are served.
const TURN_BATCHES: usize = 1024;

/// The batches of no concern behind which a client is told how far the watch is: one that comes
/// back then misses nothing for their sake.
const SILENT_BATCHES: usize = 4096;

/// The watch of a connection.
pub(crate) struct ConnectionWatch {
    /// The number of the request, which every response carries.
    id: u64,
    watch: Watch,
    /// The batches that it passed since it last told something.
    passed: usize,
}

/// The work that a watch left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing: the client knows everything.
    Everything,
    /// There may be more, for the next turn with room in the output.
    Part,
    /// Nothing any more: it has ended, and the client was told.
    Last,
}

impl ConnectionWatch {
    /// Returns the watch of the request with this number, to tell what comes after this version, if
    /// one is given.
    pub(crate) fn new(id: u64, watch: Watch, after: Option<u64>) -> Self {
        let watch = match after {
            Some(version) => watch.after(version),
            None => watch,
        };
        Self { id, watch, passed: 0 }
    }

    /// Returns its first response.
    pub(crate) fn begin(&self, run: u64) -> ResponseMessage<'static> {
        let position = WatchPosition { run, version: self.watch.version() };
        ResponseMessage { id: self.id, result: Ok(Success::Watching(position)) }
    }

    /// Returns the number of the request.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns the watch of the store.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Returns the bytes of memory that it holds, about.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.watch.memory()
    }

    /// Appends what was committed meanwhile to the output, as far as there is room.
    pub(crate) fn tell(&mut self, output: &mut Vec<u8>, unread_bytes: usize) -> Told {
        let end = output.len() + WATCH_OUTPUT_BYTES.saturating_sub(unread_bytes);
        for _ in 0..TURN_BATCHES {
            if output.len() >= end {
                return Told::Part;
            }
            match self.watch.step() {
                Ok(WatchStep::Nothing) => return Told::Everything,
                Ok(WatchStep::Passed) => self.pass(output),
                Ok(WatchStep::Event(event)) => {
                    self.passed = 0;
                    self.respond(&event, output);
                }
                Err(error) => {
                    let result = Err(Failure::from(&error));
                    encode(&ResponseMessage { id: self.id, result }, output);
                    return Told::Last;
                }
            }
        }
        Told::Part
    }

    /// Notes that a batch was of no concern.
    fn pass(&mut self, output: &mut Vec<u8>) {
        self.passed += 1;
        if self.passed == SILENT_BATCHES {
            self.passed = 0;
            let version = self.watch.version();
            let result = Ok(Success::Changes { version, changes: Vec::new() });
            encode(&ResponseMessage { id: self.id, result }, output);
        }
    }

    fn respond(&self, event: &WatchEvent, output: &mut Vec<u8>) {
        let missed = |first, last| Ok(Success::Missed { first, last });
        let result = match event {
            WatchEvent::Committed(batch) => Ok(changes(batch)),
            WatchEvent::Missed { first, last } => missed(*first, *last),
        };
        if encode(&ResponseMessage { id: self.id, result }, output) {
            return;
        }
        // What no frame can hold is missed.
        let version = self.watch.version();
        encode(&ResponseMessage { id: self.id, result: missed(version, version) }, output);
    }
}

/// Appends a response. Returns false if no frame can hold it.
fn encode(response: &ResponseMessage<'_>, output: &mut Vec<u8>) -> bool {
    response.encode(FRAME_BYTES_MAX, output).is_ok()
}

fn changes(batch: &CommittedBatch) -> Success<'_> {
    let changes = batch.changes().map(|change| match change {
        Change::Set { key, value, expires_at } => {
            WatchedChange::Set { key: key.into(), value: value.into(), expires_at }
        }
        Change::Removed { key } => WatchedChange::Removed { key: key.into() },
        Change::Expired { key } => WatchedChange::Expired { key: key.into() },
        Change::RangeRemoved { start, end } => {
            WatchedChange::RangeRemoved { start: start.into(), end: end.map(Into::into) }
        }
        Change::Cleared => WatchedChange::Cleared,
        Change::Dropped => WatchedChange::Dropped,
    });
    Success::Changes { version: batch.version(), changes: changes.collect() }
}
