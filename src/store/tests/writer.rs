//! The writer without a thread, over an in-memory engine that fails when told to: messages go in, answers
//! come out.

use super::*;
use crate::actor::{Actor, Mailbox, Wait};
use crate::store::writer::{Failure, Writer, WriterMessage, WriterParts};
use crate::sync::{Mutex, lock};

type Fault = Arc<Mutex<Option<Error>>>;

/// Fails every commit while there is a fault.
struct Failing(Box<dyn engine::WriteHalf>, Fault);

impl engine::WriteHalf for Failing {
    fn next_sequence(&self) -> u64 {
        self.0.next_sequence()
    }
    fn commit(&mut self, group: engine::Group, durable: bool) -> Result<()> {
        match lock(&self.1).clone() {
            Some(error) => Err(error),
            None => self.0.commit(group, durable),
        }
    }
    fn sync(&mut self) -> Result<()> {
        self.0.sync()
    }
    fn offer_sync(&mut self) -> Option<Box<dyn engine::Job>> {
        self.0.offer_sync()
    }
    fn offer_compaction(&mut self) -> Option<Box<dyn engine::Job>> {
        self.0.offer_compaction()
    }
    fn take(&mut self, delivery: engine::Delivery) -> Result<()> {
        self.0.take(delivery)
    }
    fn due(&self, now: u64, limit: usize) -> Vec<Vec<u8>> {
        self.0.due(now, limit)
    }
    fn close(&mut self) -> Result<()> {
        panic!("a store that failed is not marked as closed cleanly");
    }
}

struct Bench {
    writer: Writer,
    fault: Fault,
    reader: Arc<dyn ReadHalf>,
    jobs: Option<Mailbox<Box<dyn engine::Job>>>,
}

impl Bench {
    fn new() -> Self {
        let opened = engine::open(&Options::new("unused").engine(EngineKind::Memory)).unwrap();
        let fault = Fault::default();
        let (jobs, inbox) = mailbox(1);
        let writer = Writer::new(WriterParts {
            engine: Box::new(Failing(opened.writer, Arc::clone(&fault))),
            reader: Arc::clone(&opened.reader),
            jobs,
            clock: Clock::system(),
            limits: Limits::new(&Options::new("unused")),
            durability: Durability::Always,
            failure: Failure::default(),
        });
        Self { writer, fault, reader: opened.reader, jobs: Some(inbox) }
    }

    /// Hands the operations to the writer in one turn, each by itself.
    fn write(&mut self, operations: Vec<Operation>) -> Vec<Result<()>> {
        let message = |operation| {
            let (reply, answer) = Reply::channel();
            let batches = vec![Batch::single(operation)];
            (WriterMessage::Write { batches, reply }, answer)
        };
        let (mut messages, answers): (Vec<_>, Vec<_>) = operations.into_iter().map(message).unzip();
        self.writer.handle(&mut messages);
        assert!(messages.is_empty());
        let outcomes = answers.into_iter().flat_map(|answer| answer.wait().unwrap());
        outcomes.map(|outcome| outcome.map(|_| ())).collect()
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged() {
    let mut bench = Bench::new();
    assert!(matches!(bench.write(vec![put("a", "v"), put("b", "v")])[..], [Ok(()), Ok(())]));
    *lock(&bench.fault) = Some(Error::UnknownOutcome(Arc::new(Error::Closed)));
    let unknown = bench.write(vec![put("c", "v"), put("d", "v")]);
    assert!(matches!(unknown[..], [Err(Error::UnknownOutcome(_)), Err(Error::UnknownOutcome(_))]));
    *lock(&bench.fault) = None;
    assert!(matches!(bench.write(vec![put("e", "v")])[..], [Err(Error::Poisoned(_))]));
    bench.writer.stop();
    assert_eq!(bench.reader.count(), 2);
}

#[test]
fn without_maintenance_nothing_is_acknowledged() {
    let mut bench = Bench::new();
    bench.jobs = None;
    let answers = bench.write(vec![put("a", "v")]);
    assert!(matches!(answers[..], [Err(Error::Poisoned(_))]), "nobody would sync it: {answers:?}");
}

#[test]
fn keys_that_cannot_be_removed_on_a_full_disk_are_left_to_the_next_tick() {
    let mut bench = Bench::new();
    let expired = |n| Operation::Put { key: vec![n], value: vec![], expires_at: Some(1) };
    bench.write((0..=255).map(expired).collect());
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    *lock(&bench.fault) = Some(Error::io("append to", Path::new("log"), full));
    bench.writer.handle(&mut vec![WriterMessage::Tick]);
    assert!(matches!(bench.writer.wait(), Wait::NotAtAll));
    bench.writer.idle();
    assert!(matches!(bench.writer.wait(), Wait::Forever), "trying again at once fails again");
    *lock(&bench.fault) = None;
    bench.writer.handle(&mut vec![WriterMessage::Tick]);
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 0);
}

#[test]
fn a_sync_does_not_fail_because_of_a_write_beside_it() {
    let mut bench = Bench::new();
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    *lock(&bench.fault) = Some(Error::io("append to", Path::new("log"), full));
    let (reply, synced) = Reply::channel();
    let (write_reply, _written) = Reply::channel();
    let batches = vec![Batch::single(put("a", "v"))];
    let write = WriterMessage::Write { batches, reply: write_reply };
    bench.writer.handle(&mut vec![write, WriterMessage::Sync { reply }]);
    synced.wait().unwrap().unwrap();
}

#[test]
fn an_expiry_at_the_beginning_of_time_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(directory.path())).unwrap();
    let put = Operation::Put { key: b"a".to_vec(), value: vec![], expires_at: Some(0) };
    store.apply(Batch::single(put)).unwrap();
    assert_eq!(store.get("a").unwrap(), None);
}

#[test]
fn a_sync_beside_a_write_of_unknown_outcome_fails_with_it() {
    let mut bench = Bench::new();
    *lock(&bench.fault) = Some(Error::UnknownOutcome(Arc::new(Error::Closed)));
    let (reply, synced) = Reply::channel();
    let (write_reply, _written) = Reply::channel();
    let batches = vec![Batch::single(put("a", "v"))];
    let write = WriterMessage::Write { batches, reply: write_reply };
    bench.writer.handle(&mut vec![write, WriterMessage::Sync { reply }]);
    assert!(matches!(synced.wait().unwrap(), Err(Error::UnknownOutcome(_))));
}

#[test]
fn a_failed_sync_in_the_background_ends_writing_and_a_failed_compaction_does_not() {
    let mut bench = Bench::new();
    let failed = |kind| {
        let error = Error::io("sync", Path::new("log"), std::io::Error::other("broken"));
        WriterMessage::Delivered(engine::Delivery::Failed(kind, error), None)
    };
    bench.writer.handle(&mut vec![failed(engine::JobKind::Compaction)]);
    assert!(matches!(bench.write(vec![put("a", "v")])[..], [Ok(())]));
    bench.writer.handle(&mut vec![failed(engine::JobKind::Sync)]);
    assert!(matches!(bench.write(vec![put("b", "v")])[..], [Err(Error::Poisoned(_))]));
}

#[test]
fn many_expired_keys_are_removed_some_at_a_time() {
    let mut bench = Bench::new();
    let key = |n: u32| n.to_le_bytes().to_vec();
    let expired = |n| Operation::Put { key: key(n), value: vec![], expires_at: Some(1) };
    bench.write((0..300).map(expired).collect());
    bench.writer.handle(&mut vec![WriterMessage::Tick]);
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 44);
    assert!(matches!(bench.writer.wait(), Wait::NotAtAll), "there are more");
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 0);
    assert!(matches!(bench.writer.wait(), Wait::Forever), "there are no more");
}
