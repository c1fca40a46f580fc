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
        answers.into_iter().map(|answer| answer.wait().unwrap().map(|_| ())).collect()
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
