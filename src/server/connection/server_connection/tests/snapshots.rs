//! The snapshot of a connection, and reads of it.

use super::*;
use crate::bugs::{Bug, plant};
use crate::protocol::native::Place;

/// A connection that has said hello, with its requests one after the other.
struct NativeDriver(Driver);

impl NativeDriver {
    fn new() -> Self {
        let mut driver = Driver::new();
        let mut hello = Vec::new();
        ClientHello::OURS.encode(&mut hello);
        driver.receive(&hello);
        driver.take_output();
        Self(driver)
    }

    /// Returns the answer to a request, or the kind of its failure.
    fn ask(
        &mut self,
        place: Place<'_>,
        operation: RequestOperation<'_>,
    ) -> std::result::Result<Success<'static>, FailureKind> {
        let mut request = Vec::new();
        let message = RequestMessage { id: 1, place, operation };
        message.encode(FRAME_BYTES_MAX, &mut request).unwrap();
        self.0.receive(&request);
        self.0.answer_all();
        let output = self.0.take_output();
        let (body, _) = decode_frame(&output, FRAME_BYTES_MAX).unwrap().unwrap();
        match ResponseMessage::decode(body).unwrap().result {
            Ok(Success::Names(names)) => Ok(Success::Names(names)),
            Ok(Success::Number(number)) => Ok(Success::Number(number)),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => Err(failure.kind),
        }
    }

    fn store(&self) -> &crate::Store {
        &self.0.context.store
    }
}

fn names(names: &[&str]) -> std::result::Result<Success<'static>, FailureKind> {
    Ok(Success::Names(names.iter().map(|name| (*name).to_owned()).collect()))
}

#[test]
fn names_are_listed_whatever_keyspace_the_place_names() {
    let mut driver = NativeDriver::new();
    driver.store().keyspace("a").unwrap();
    let missing = || "missing".into();
    let list = || RequestOperation::ListKeyspaces;
    for place in [Place::Snapshot, Place::KeyspaceSnapshot(missing())] {
        assert_eq!(driver.ask(place, list()), Err(FailureKind::NoSnapshot));
    }
    assert!(driver.ask(Place::Default, RequestOperation::OpenSnapshot).is_ok());
    driver.store().keyspace("b").unwrap();
    for place in [Place::Default, Place::Keyspace(missing()), Place::Keyspace("a".into())] {
        assert_eq!(driver.ask(place, list()), names(&["a", "b", "default"]));
    }
    for place in [Place::Snapshot, Place::KeyspaceSnapshot(missing())] {
        assert_eq!(driver.ask(place, list()), names(&["a", "default"]));
    }
}

/// Counts the key of a keyspace at a snapshot behind which it was dropped and made anew.
fn count_of_dropped() -> std::result::Result<Success<'static>, FailureKind> {
    let mut driver = NativeDriver::new();
    driver.store().keyspace("a").unwrap().set("k", "v").unwrap();
    assert!(driver.ask(Place::Default, RequestOperation::OpenSnapshot).is_ok());
    driver.store().drop_keyspace("a").unwrap();
    driver.store().keyspace("a").unwrap();
    driver.ask(Place::KeyspaceSnapshot("a".into()), RequestOperation::Count)
}

#[test]
fn a_snapshot_is_held_over_a_drop_of_its_keyspace() {
    assert_eq!(count_of_dropped(), Ok(Success::Number(1)));
}

#[test]
fn a_name_that_is_looked_up_at_present_is_caught() {
    let _planted = plant(Some(Bug::NameByPresent));
    assert_eq!(count_of_dropped(), Ok(Success::Number(0)));
}
