//! Tests of deadlines, of old versions, and of how far a sync in the background goes.

use super::*;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;

#[test]
fn deadlines_are_counted_and_told_in_order() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open_plain(&disk).unwrap();
    let expiring = |key: &str, time| {
        let (key, value) = (key.into(), Vec::new());
        Mutation::put(key, value, Some(time))
    };
    commit(
        &mut writer,
        &[expiring("late", UnixMillis(20)), expiring("early", UnixMillis(10)), put("never", "")],
    );
    assert_eq!(reader.expiring(), 2);
    let due =
        |now, limit| -> Vec<_> { writer.due(now, limit).into_iter().map(|(_, key)| key).collect() };
    assert!(due(UnixMillis(9), 10).is_empty());
    assert_eq!(due(UnixMillis(10), 10), [b"early"]);
    assert_eq!(due(UnixMillis(20), 10), [&b"early"[..], b"late"]);
    assert_eq!(due(UnixMillis(20), 1), [b"early"]);
    assert_eq!(writer.next_deadline(), Some(UnixMillis(10)));
    let snapshot = reader.snapshot().unwrap();
    commit(&mut writer, &[remove("early")]);
    assert_eq!((reader.expiring(), writer.next_deadline()), (1, Some(UnixMillis(20))));
    let value_type = ValueType::STRING;
    let stamp = EntryMeta { version: Sequence(1), expires_at: Some(UnixMillis(10)), value_type };
    assert_eq!(reader.metadata_at(b"early", &snapshot).unwrap(), Some(stamp));
    assert_eq!(reader.metadata_at(b"other", &snapshot).unwrap(), None);
}

#[test]
fn a_sync_in_the_background_vouches_for_what_was_written_when_it_began() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    commit(&mut writer, &[put("b", "1")]);
    let mut job = writer.offer_sync().expect("something is not synced");
    commit(&mut writer, &[put("c", "1")]);
    let JobStep::Done(delivery) = job.step().unwrap() else { panic!("it takes one step") };
    assert_eq!(delivery.synced(), Some(Sequence(2)));
}
