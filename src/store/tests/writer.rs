//! The writer without a thread, over an in-memory engine that fails when told to: messages go in,
//! answers come out.

use super::*;
use crate::actor::{Actor, Mailbox, Wait};
use crate::store::clock::manual;
use crate::store::compaction_calls::{CompactionCall, SharedProgress};
use crate::store::expiry_schedule::EXPIRY_INTERVAL;
use crate::store::health::Health;
use crate::store::maintenance_message::MaintenanceMessage;
use crate::store::memory_limit::MemoryLimit;
use crate::store::writer::{Writer, WriterParts};
use crate::store::writer_message::WriterMessage;
use crate::sync::{Mutex, lock};

type Fault = Arc<Mutex<Option<Error>>>;

pub(super) struct Bench {
    pub(super) writer: Writer,
    pub(super) fault: Fault,
    pub(super) reader: Arc<dyn ReadHalf>,
    pub(super) jobs: Option<Mailbox<MaintenanceMessage>>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let opened = engine::open(&Options::new("unused").engine(EngineKind::Memory)).unwrap();
        let fault = Fault::default();
        let (jobs, inbox) = mailbox(1);
        // While there is a fault, every commit fails.
        let raised = Arc::clone(&fault);
        let failing = FailingWriter {
            writer: opened.writer,
            fault: Box::new(move || lock(&raised).clone()),
            may_close: false,
        };
        let parts = WriterParts {
            engine: Box::new(failing),
            reader: Arc::clone(&opened.reader),
            clock: Clock::manual(),
            limits: SizeLimits::new(&Options::new("unused")),
            durability: Durability::Always,
            health: Arc::new(Health::default()),
            memory: Arc::new(MemoryLimit::new(&Options::new("unused"), crate::sync::now())),
            removed: Arc::default(),
            seed: 1,
            catalogue_version: Arc::default(),
            watch_bytes: 1 << 20,
        };
        let writer = Writer::new(parts, jobs);
        Self { writer, fault, reader: opened.reader, jobs: Some(inbox) }
    }

    /// Hands the operations to the writer in one turn, each by itself.
    pub(super) fn write(&mut self, operations: Vec<WriteOperation>) -> Vec<Result<()>> {
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
fn a_compaction_that_is_waited_for_is_answered_whatever_has_become_of_maintenance() {
    let mut bench = Bench::new();
    let ask = |bench: &mut Bench| {
        let (reply, answer) = Reply::channel();
        let call = CompactionCall { reply, progress: SharedProgress::default() };
        bench.writer.handle(&mut vec![WriterMessage::Compact(call)]);
        answer.wait().unwrap()
    };
    assert_eq!(ask(&mut bench).unwrap(), None, "nothing is compacted in memory");
    bench.jobs = None;
    assert!(matches!(ask(&mut bench), Err(Error::Poisoned(_))));
}

/// Returns a key that expires at this time.
pub(super) fn expiring(number: u32, expires_at: u64) -> WriteOperation {
    let key = number.to_le_bytes().to_vec();
    WriteOperation::Put { key, value: vec![], expires_at: Some(UnixMillis(expires_at)) }
}

#[test]
fn keys_that_cannot_be_removed_on_a_full_disk_are_left_to_the_next_look() {
    let mut bench = Bench::new();
    bench.write((0..=255).map(|n| expiring(n, 1)).collect());
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    *lock(&bench.fault) = Some(Error::io("append to", Path::new("log"), full));
    manual::pass(EXPIRY_INTERVAL);
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 256);
    assert!(
        matches!(bench.writer.wait(), Wait::For(EXPIRY_INTERVAL)),
        "trying again at once fails again"
    );
    *lock(&bench.fault) = None;
    manual::pass(EXPIRY_INTERVAL);
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
    let put =
        WriteOperation::Put { key: b"a".to_vec(), value: vec![], expires_at: Some(UnixMillis(0)) };
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
        WriterMessage::JobFailed(kind, error)
    };
    bench.writer.handle(&mut vec![failed(engine::JobKind::Compaction)]);
    assert!(matches!(bench.write(vec![put("a", "v")])[..], [Ok(())]));
    bench.writer.handle(&mut vec![failed(engine::JobKind::Sync)]);
    assert!(matches!(bench.write(vec![put("b", "v")])[..], [Err(Error::Poisoned(_))]));
}

#[test]
fn many_expired_keys_are_removed_some_at_a_time() {
    let mut bench = Bench::new();
    bench.write((0..300).map(|n| expiring(n, 1)).collect());
    manual::pass(EXPIRY_INTERVAL);
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 44);
    assert!(matches!(bench.writer.wait(), Wait::NotAtAll), "there are more");
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 0);
    assert!(matches!(bench.writer.wait(), Wait::Forever), "there are no more");
}

#[test]
fn a_stream_of_writes_does_not_hold_off_expiry() {
    let mut bench = Bench::new();
    bench.write((0..300).map(|n| expiring(n, 1)).collect());
    // The mailbox is never empty, so the writer is never idle.
    bench.write(vec![put("a", "v")]);
    assert_eq!(bench.reader.count(), 301, "the time to look has not come");
    manual::pass(EXPIRY_INTERVAL);
    bench.write(vec![put("a", "v")]);
    assert_eq!(bench.reader.count(), 45);
    bench.write(vec![put("a", "v")]);
    assert_eq!(bench.reader.count(), 1);
}

#[test]
fn one_request_of_many_groups_does_not_hold_off_expiry() {
    let mut bench = Bench::new();
    bench.write(vec![expiring(0, 1)]);
    manual::pass(EXPIRY_INTERVAL);
    let large =
        |n: u8| WriteOperation::Put { key: vec![n], value: vec![n; 5 << 20], expires_at: None };
    let reader = Arc::clone(&bench.reader);
    let update = Probe::look(move || {
        WriteAnswer::Flag(reader.metadata(&0_u32.to_le_bytes()).unwrap().is_none())
    });
    let look = WriteOperation::Update { key: b"look".to_vec(), update };
    let batches = vec![large(1), large(2), large(3), look];
    let (reply, answer) = Reply::channel();
    let batches = batches.into_iter().map(Batch::single).collect();
    bench.writer.handle(&mut vec![WriterMessage::Write { batches, reply }]);
    let outcome = answer.wait().unwrap().pop().unwrap().unwrap();
    assert_eq!(outcome.answers[..], [WriteAnswer::Flag(true)]);
}

#[test]
fn the_writer_wakes_up_by_itself_only_while_a_key_expires_and_never_by_the_time_of_day() {
    let mut bench = Bench::new();
    bench.write(vec![put("a", "v")]);
    assert!(matches!(bench.writer.wait(), Wait::Forever));
    let hour = 3_600_000;
    for (time, expires_at) in [(10 * hour, 10 * hour + 1), (hour, 20 * hour), (9 * hour, 1)] {
        manual::set(time);
        bench.write(vec![expiring(0, expires_at)]);
        let Wait::For(wait) = bench.writer.wait() else { panic!("a key expires") };
        assert!(wait <= EXPIRY_INTERVAL, "{wait:?}");
    }
    bench.write(vec![WriteOperation::clear()]);
    while bench.writer.engine.is_draining() {
        assert!(matches!(bench.writer.wait(), Wait::For(_)), "what was cleared is taken apart");
        bench.writer.idle();
    }
    assert!(matches!(bench.writer.wait(), Wait::Forever));
}

#[test]
fn a_key_set_after_the_clock_came_back_has_its_time() {
    let mut bench = Bench::new();
    let (now, hour) = (manual::now(), 3_600_000);
    manual::set(now + hour);
    bench.write(vec![expiring(1, now + hour + 1_500)]);
    manual::pass(EXPIRY_INTERVAL);
    bench.writer.idle();
    manual::set(now);
    bench.write(vec![expiring(2, now + 1_500)]);
    manual::pass(EXPIRY_INTERVAL);
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 2, "neither has expired");
    manual::set(now + 1_500);
    manual::pass(EXPIRY_INTERVAL);
    bench.writer.idle();
    assert_eq!(bench.reader.count(), 1, "the second has, whatever time it once was");
}

#[test]
fn a_group_that_was_not_synced_fails_with_its_keys() {
    use crate::storage::fs::simulated::{Failure, Fault as DiskFault, SimulatedDisk, State};
    let directory = tempfile::tempdir().unwrap();
    let disk = SimulatedDisk::new(State::default());
    let options = Options::new(directory.path()).durability(Durability::Always);
    let opened = engine::open_in(&options, Arc::new(disk.clone())).unwrap();
    let store = Store::start(opened, options).unwrap();
    store.set("a", "1").unwrap();
    // The write succeeds, and the sync that follows does not.
    disk.fail(DiskFault { call: 1, failure: Failure::Input, forever: true }, 0);
    let failed = store.set("k", "2").unwrap_err();
    assert!(failed.to_string().contains("key \"k\""), "{failed}");
}
