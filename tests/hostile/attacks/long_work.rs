//! Requests that cost the server more than their client.

use crate::attacker::{Attacker, Target, in_parallel};
use crate::common::connection::redis::{RedisConnection, Reply};
use crate::common::form::by_form;

/// The most keys that one `MSET` may write.
const BATCH_MAX: usize = 65_536;

/// The number of keys that are written, listed and removed: about as many as one request can name.
fn keys_max() -> usize {
    by_form([BATCH_MAX, 1_000_000, 1_000_000])
}

fn key(number: usize) -> Vec<u8> {
    format!("long:{number:07}").into_bytes()
}

fn ok() -> Reply {
    Reply::Simple("OK".to_owned())
}

/// Returns an `MSET` of the keys with these numbers.
fn mset(numbers: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
    let pairs = numbers.flat_map(|number| [key(number), b"value".to_vec()]);
    [b"MSET".to_vec()].into_iter().chain(pairs).collect()
}

/// Writes many keys, as many at once as may be; more are refused.
pub fn largest_batches(target: &Target) -> Vec<Attacker> {
    let numbers: Vec<_> = (0..keys_max()).collect();
    for part in numbers.chunks(BATCH_MAX) {
        assert_eq!(target.call(mset(part.iter().copied())), ok());
    }
    let Reply::Error(error) = target.call(mset(0..BATCH_MAX + 1)) else {
        panic!("a batch over the limit was taken");
    };
    assert!(error.contains("batch of 65537 operations is over the limit of 65536"), "{error}");
    vec![]
}

/// Four clients begin thousands of iterations and finish none: more than there are cursors.
pub fn unfinished_scans(target: &Target) -> Vec<Attacker> {
    in_parallel(vec![(); 4], |()| {
        let mut connection = RedisConnection::open(target.address).unwrap();
        for _ in 0..by_form([4, 85, 85]) {
            let scans = vec![vec!["SCAN".to_owned(), "0".to_owned()]; 100];
            let replies = connection.call(&scans).unwrap();
            let cursors: Vec<_> = replies.into_iter().map(cursor).collect();
            assert!(cursors.iter().all(|cursor| cursor != "0"), "an iteration ended early");
            let scans: Vec<_> =
                cursors.into_iter().map(|cursor| vec!["SCAN".to_owned(), cursor]).collect();
            connection.call(&scans).unwrap().into_iter().for_each(|reply| drop(cursor(reply)));
        }
    });
    vec![]
}

/// Returns the cursor in a reply to `SCAN`.
fn cursor(reply: Reply) -> String {
    let Reply::Array(parts) = reply else { panic!("SCAN was answered {reply:?}") };
    match &parts[..] {
        [Reply::Bulk(Some(cursor)), Reply::Array(_)] => String::from_utf8(cursor.clone()).unwrap(),
        other => panic!("SCAN was answered {other:?}"),
    }
}

/// Two clients list all keys again and again.
pub fn lists_of_all_keys(target: &Target) -> Vec<Attacker> {
    in_parallel(vec![(); 2], |()| {
        let mut connection = RedisConnection::open(target.address).unwrap();
        for _ in 0..by_form([2, 5, 5]) {
            let replies = connection.call(&[vec!["KEYS", "long:*"]]).unwrap();
            let [Reply::Array(keys)] = &replies[..] else { panic!("KEYS was not answered") };
            assert_eq!(keys.len(), keys_max());
        }
    });
    vec![]
}

/// One request removes all of the keys.
pub fn removal_of_many_keys(target: &Target) -> Vec<Attacker> {
    let keys = (0..keys_max()).map(key);
    let reply = target.call([b"DEL".to_vec()].into_iter().chain(keys).collect());
    assert_eq!(reply, Reply::Integer(i64::try_from(keys_max()).unwrap()));
    vec![]
}

/// Two clients remove all keys, of which there are many the first time.
pub fn removals_of_everything(target: &Target) -> Vec<Attacker> {
    largest_batches(target);
    target.crowd(2, |attacker| {
        for _ in 0..by_form([5, 100, 100]) {
            assert!(attacker.send(b"FLUSHALL\r\n"));
            assert_eq!(attacker.line().unwrap(), "+OK\\r\\n");
        }
    })
}
