//! Commits whose reads are not what they say, and snapshots that stay open.

use kvs::protocol::native::{
    BatchItem, BatchReads, FRAME_BYTES_MAX, FailureKind, KeyRangeRead, KeyRead, Place, READS_MAX,
    RequestMessage, RequestOperation, Success,
};

use crate::attacker::{Attacker, Target};
use crate::common::form::by_form;

/// Each opens a snapshot and commits what it says to have read, with counts, keyspaces and versions
/// that lie. None of it is written, and all of them go on.
pub fn lying_reads(target: &Target) -> Vec<Attacker> {
    target.crowd(by_form([4, 40, 40]), |attacker| {
        attacker.greet();
        for _ in 0..by_form([2, 20, 20]) {
            let version = open_snapshot(attacker);
            for (reads, place, expected) in lies(version) {
                let items = vec![BatchItem::Set {
                    key: b"lied".into(),
                    value: b"v".into(),
                    expires_at: None,
                }];
                let operation = RequestOperation::Batch { items, reads: Some(reads), sync: None };
                ask(attacker, place, operation);
                let failure = attacker.failure().unwrap();
                assert_eq!(failure.kind, expected, "{failure}");
            }
        }
    })
}

/// Returns reads that are refused, each with the kind of its failure.
fn lies(version: u64) -> Vec<(BatchReads<'static>, Place<'static>, FailureKind)> {
    let reads = || BatchReads { version, ..BatchReads::default() };
    let key = |keyspace| KeyRead { keyspace, key: vec![b'k'; 9].into(), was_there: true };
    let range = |end: &'static [u8], keys| KeyRangeRead {
        keyspace: 0,
        start: b"z".into(),
        end: end.into(),
        keys,
    };
    let huge = vec![key(0); READS_MAX];
    let empty_ranges = vec![range(b"a", 0); READS_MAX];
    let names = |count| vec!["nobody made this".to_owned(); count];
    vec![
        (BatchReads { keys: huge, ..reads() }, Place::Default, FailureKind::TransactionTooLarge),
        (
            BatchReads { ranges: vec![range(b"", u64::MAX); 2], ..reads() },
            Place::Default,
            FailureKind::TransactionTooLarge,
        ),
        (
            BatchReads { ranges: empty_ranges, ..reads() },
            Place::Default,
            FailureKind::TransactionTooLarge,
        ),
        (
            BatchReads { ranges: vec![range(b"", 9999)], ..reads() },
            Place::Default,
            FailureKind::TransactionConflict,
        ),
        (
            BatchReads { keys: vec![key(0)], ..reads() },
            Place::Default,
            FailureKind::TransactionConflict,
        ),
        (BatchReads { keys: vec![key(1)], ..reads() }, Place::Default, FailureKind::Protocol),
        (
            BatchReads { keys: vec![key(u32::MAX)], ..reads() },
            Place::Default,
            FailureKind::Protocol,
        ),
        (
            BatchReads { names: names(READS_MAX), ..reads() },
            Place::Default,
            FailureKind::NoSuchKeyspace,
        ),
        (
            BatchReads { version: version.wrapping_sub(1), ..reads() },
            Place::Default,
            FailureKind::NoSnapshot,
        ),
        (BatchReads { version: u64::MAX, ..reads() }, Place::Default, FailureKind::NoSnapshot),
        (reads(), Place::Snapshot, FailureKind::Unsupported),
        (reads(), Place::Keyspace("nobody made this".into()), FailureKind::NoSuchKeyspace),
        (reads(), Place::KeyspaceSnapshot("".into()), FailureKind::InvalidKeyspaceName),
    ]
}

/// Each opens a snapshot again and again, and leaves the last one open.
pub fn open_snapshots(target: &Target) -> Vec<Attacker> {
    target.crowd(by_form([8, 200, 200]), |attacker| {
        attacker.greet();
        for _ in 0..by_form([20, 200, 200]) {
            open_snapshot(attacker);
        }
    })
}

/// Opens a snapshot; returns its version.
fn open_snapshot(attacker: &mut Attacker) -> u64 {
    ask(attacker, Place::Default, RequestOperation::OpenSnapshot);
    match attacker.success().unwrap() {
        Success::Number(version) => version,
        other => panic!("{other:?}"),
    }
}

fn ask(attacker: &mut Attacker, place: Place<'_>, operation: RequestOperation<'_>) {
    let mut frame = Vec::new();
    RequestMessage { id: 1, place, operation }.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    assert!(attacker.send(&frame));
}
