//! One caller with keys of its own, so that it knows what each of them has to hold.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use kvs::KvsClient;

use crate::common::connection::redis::{RedisConnection, Reply};
use crate::common::connection::{self, Connection};
use crate::common::linearizability::specification::{StoreAnswer, StoreOperation};
use crate::common::linearizability::workload::Dice;
use crate::common::text;

/// The number of keys of each client.
const KEYS: usize = 2000;

/// The longest value.
const VALUE_BYTES_MAX: usize = 2048;

/// Longer than a soak takes, so that a key with an expiry is never gone.
const EXPIRY_SECONDS: &str = "100000000";

/// The value of a key, and its time to live.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    value: String,
    expires: bool,
}

/// The entries of the keys of a write after it; `None` for a removed one.
type Effects = Vec<(String, Option<Entry>)>;

/// A caller, and what it knows of its keys.
pub struct Client {
    prefix: String,
    dice: Dice,
    model: BTreeMap<String, Entry>,
    /// The effects of a write that was not answered.
    unanswered: Option<Effects>,
    /// The bytes of all values that were written.
    pub written_bytes: u64,
}

/// A server's connections of every kind to one client.
pub struct Connections {
    redis: RedisConnection,
    native: Box<dyn Connection>,
    client: KvsClient,
}

impl Connections {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let redis = RedisConnection::open(address)?;
        let native = connection::open(1, address)?;
        let client = KvsClient::connect(address).map_err(io::Error::other)?;
        Ok(Self { redis, native, client })
    }

    /// Returns the number of keys that the server holds.
    pub fn count(&mut self) -> u64 {
        self.client.len().unwrap()
    }

    fn command(&mut self, words: &[&str]) -> Option<Reply> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.redis.call(&[words]).ok()?.pop()
    }
}

/// Returns the answer, or `None` if the network failed, after which nobody knows what was done. Any
/// other error fails the test.
fn unless_broken<T>(result: kvs::ClientResult<T>) -> Option<T> {
    match result {
        Ok(answer) => Some(answer),
        Err(error) if error.is_disconnected() => None,
        Err(error) => panic!("{error}"),
    }
}

impl Client {
    pub fn new(seed: u64, number: u64) -> Self {
        Self {
            prefix: format!("client{number}"),
            dice: Dice::new(seed, number),
            model: BTreeMap::new(),
            unanswered: None,
            written_bytes: 0,
        }
    }

    /// Returns the number of keys that the client expects.
    pub fn count(&self) -> usize {
        self.model.len()
    }

    /// Returns the bytes of the keys and values that the client expects.
    pub fn live_bytes(&self) -> u64 {
        let bytes: usize =
            self.model.iter().map(|(key, entry)| key.len() + entry.value.len()).sum();
        bytes as u64
    }

    /// Does one random operation; `None` if the connection broke.
    pub fn turn(&mut self, connections: &mut Connections) -> Option<()> {
        match self.dice.roll(32) {
            0..=8 => self.set(connections),
            9..=10 => self.set_with_expiry(connections),
            11..=13 => self.remove(connections),
            14..=15 => self.set_many(connections),
            16..=18 => self.batch(connections),
            19..=21 => self.increment(connections),
            22..=27 => self.get(connections),
            28..=29 => self.get_many(connections),
            _ => self.scan(connections),
        }
    }

    fn number(&mut self) -> usize {
        self.dice.roll(KEYS)
    }

    fn key(&mut self) -> String {
        let number = self.number();
        connection::key(&self.prefix, number)
    }

    /// Returns some keys, each once.
    fn keys(&mut self) -> Vec<String> {
        let (first, count) = (self.number(), 1 + self.dice.roll(8));
        let numbers = (0..count).map(|n| (first + n * 7) % KEYS);
        numbers.map(|number| connection::key(&self.prefix, number)).collect()
    }

    fn value(&mut self) -> String {
        let number = self.dice.roll(1 << 30);
        let length = self.dice.roll(VALUE_BYTES_MAX);
        if number.is_multiple_of(4) { number.to_string() } else { format!("{number:.>length$}") }
    }

    /// Sends a write, and takes note of its effects once it is answered.
    fn write<T>(
        &mut self,
        effects: Effects,
        send: impl FnOnce(&Effects) -> Option<T>,
        check: impl FnOnce(T),
    ) -> Option<()> {
        let written = effects.iter().filter_map(|(_, entry)| entry.as_ref());
        self.written_bytes += written.map(|entry| entry.value.len() as u64).sum::<u64>();
        let answer = send(&effects);
        let effects = self.unanswered.insert(effects);
        check(answer?);
        let effects = std::mem::take(effects);
        self.unanswered = None;
        self.apply(effects);
        Some(())
    }

    fn apply(&mut self, effects: Effects) {
        for (key, entry) in effects {
            match entry {
                Some(entry) => self.model.insert(key, entry),
                None => self.model.remove(&key),
            };
        }
    }

    fn set(&mut self, connections: &mut Connections) -> Option<()> {
        let (key, value) = (self.key(), self.value());
        let effects = vec![(key.clone(), Some(Entry { value: value.clone(), expires: false }))];
        self.write(effects, |_| unless_broken(connections.client.set(key, value)), |()| {})
    }

    fn set_with_expiry(&mut self, connections: &mut Connections) -> Option<()> {
        let (key, value) = (self.key(), self.value());
        let effects = vec![(key.clone(), Some(Entry { value: value.clone(), expires: true }))];
        let command = ["SET", &key, &value, "EX", EXPIRY_SECONDS];
        self.write(effects, |_| connections.command(&command), is_ok)
    }

    fn remove(&mut self, connections: &mut Connections) -> Option<()> {
        let key = self.key();
        let was_there = self.model.contains_key(&key);
        let check = |removed| assert_eq!(removed, was_there, "removing {key}");
        let effects = vec![(key.clone(), None)];
        self.write(effects, |_| unless_broken(connections.client.remove(&key)), check)
    }

    fn set_many(&mut self, connections: &mut Connections) -> Option<()> {
        let keys = self.keys();
        let entry = |key| (key, Some(Entry { value: self.value(), expires: false }));
        let effects: Effects = keys.into_iter().map(entry).collect();
        let send = |effects: &Effects| {
            let mut words = vec!["MSET"];
            for (key, entry) in effects {
                words.extend([key.as_str(), entry.as_ref().map_or("", |entry| &entry.value)]);
            }
            connections.command(&words)
        };
        self.write(effects, send, is_ok)
    }

    /// Sends a batch of the native protocol that writes some keys and removes others.
    fn batch(&mut self, connections: &mut Connections) -> Option<()> {
        let (first, count) = (self.number(), 2 + self.dice.roll(6));
        let write = (0..count).map(|n| {
            let number = i64::try_from(self.dice.roll(1 << 30)).unwrap();
            ((first + n * 11) % KEYS, (self.dice.roll(4) > 0).then_some(number))
        });
        let write: Vec<_> = write.collect();
        let effects = write.iter().map(|(key, value)| {
            let entry = value.map(|value| Entry { value: value.to_string(), expires: false });
            (connection::key(&self.prefix, *key), entry)
        });
        let (effects, prefix) = (effects.collect(), self.prefix.clone());
        let operation = StoreOperation::Batch { require: vec![], write };
        self.write(
            effects,
            |_| connections.native.exchange(&prefix, &[operation]).pop(),
            |answer| assert_eq!(answer, StoreAnswer::Applied(true)),
        )
    }

    /// Increments a key that is absent or holds a number; sets it to one if it holds something
    /// else.
    fn increment(&mut self, connections: &mut Connections) -> Option<()> {
        let key = self.key();
        let old = self.model.get(&key).cloned();
        let expires = old.as_ref().is_some_and(|entry| entry.expires);
        let number = old.map_or(Ok(0), |entry| entry.value.parse::<i64>());
        let Ok(number) = number else {
            let effects = vec![(key.clone(), Some(Entry { value: "1".into(), expires: false }))];
            return self.write(effects, |_| connections.command(&["SET", &key, "1"]), is_ok);
        };
        let sum = number + 17;
        let effects = vec![(key.clone(), Some(Entry { value: sum.to_string(), expires }))];
        let check = |reply| assert_eq!(reply, Reply::Integer(sum), "incrementing {key}");
        self.write(effects, |_| connections.command(&["INCRBY", &key, "17"]), check)
    }

    fn expected(&self, key: &str) -> Option<Vec<u8>> {
        self.model.get(key).map(|entry| entry.value.clone().into_bytes())
    }

    fn get(&mut self, connections: &mut Connections) -> Option<()> {
        let key = self.key();
        let found = if self.dice.roll(2) == 0 {
            unless_broken(connections.client.get(&key))?
        } else {
            match connections.command(&["GET", &key])? {
                Reply::Bulk(value) => value,
                other => panic!("GET {key} was answered {other:?}"),
            }
        };
        assert_eq!(found, self.expected(&key), "reading {key}");
        Some(())
    }

    fn get_many(&mut self, connections: &mut Connections) -> Option<()> {
        let keys = self.keys();
        let found = unless_broken(connections.client.get_many(&keys))?;
        let expected: Vec<_> = keys.iter().map(|key| self.expected(key)).collect();
        assert_eq!(found, expected, "reading {keys:?}");
        Some(())
    }

    fn scan(&mut self, connections: &mut Connections) -> Option<()> {
        let (from, limit) = (self.key(), 1 + self.dice.roll(20));
        let found = self.scanned(connections, &from, limit)?;
        let expected: Vec<_> = self.expected_scan(&from).take(limit).collect();
        assert_eq!(found, expected, "scanning from {from}");
        Some(())
    }

    /// Returns the first keys from this one on with their values.
    fn scanned(
        &self,
        connections: &mut Connections,
        from: &str,
        limit: usize,
    ) -> Option<Vec<(String, String)>> {
        // A slash follows the point that ends the prefix.
        let range = from.as_bytes().to_vec()..format!("{}/", self.prefix).into_bytes();
        let found = unless_broken(connections.client.scan(range, limit))?;
        Some(found.into_iter().map(|(key, value)| (text(&key), text(&value))).collect())
    }

    fn expected_scan(&self, from: &str) -> impl Iterator<Item = (String, String)> {
        let range = self.model.range(from.to_owned()..);
        range.map(|(key, entry)| (key.clone(), entry.value.clone()))
    }

    /// Finds out whether a write that was not answered was done: all of it was, or nothing.
    pub fn settle(&mut self, connections: &mut Connections) -> Result<(), String> {
        let Some(effects) = self.unanswered.take() else { return Ok(()) };
        let mut found = vec![];
        for (key, _) in &effects {
            found.push((key.clone(), read(connections, key)));
        }
        if found == effects {
            self.apply(effects);
            return Ok(());
        }
        let before = effects.iter().map(|(key, _)| (key.clone(), self.model.get(key).cloned()));
        if found == before.collect::<Effects>() {
            return Ok(());
        }
        Err(format!("{found:?} is found after a write that was not answered, of {effects:?}"))
    }

    /// Compares everything that the server holds of this client with the model.
    pub fn compare(&self, connections: &mut Connections) -> Result<(), String> {
        let from = format!("{}.", self.prefix);
        let found = self.scanned(connections, &from, usize::MAX).ok_or("the connection broke")?;
        let found: BTreeMap<_, _> = found.into_iter().collect();
        for key in (0..KEYS).map(|number| connection::key(&self.prefix, number)) {
            let expected = self.model.get(&key);
            let value = found.get(&key);
            if value != expected.map(|entry| &entry.value) {
                return Err(format!("{key} is {value:?}, it has to be {expected:?}"));
            }
        }
        if found.len() != self.model.len() {
            return Err(format!("{} keys are found, not {}", found.len(), self.model.len()));
        }
        let keys: Vec<_> = self.model.keys().collect();
        for keys in keys.chunks(500) {
            let commands: Vec<_> =
                keys.iter().map(|key| vec!["PTTL".to_owned(), (*key).clone()]).collect();
            let replies = connections.redis.call(&commands).map_err(|error| error.to_string())?;
            for (key, reply) in keys.iter().zip(replies) {
                if matches!(reply, Reply::Integer(left) if left > 0) != self.model[*key].expires {
                    return Err(format!("the expiry of {key} is {reply:?}"));
                }
            }
        }
        Ok(())
    }
}

fn is_ok(reply: Reply) {
    assert_eq!(reply, Reply::Simple("OK".to_owned()));
}

/// Returns the entry of a key as the server has it.
fn read(connections: &mut Connections, key: &str) -> Option<Entry> {
    let value = match connections.command(&["GET", key]) {
        Some(Reply::Bulk(value)) => text(&value?),
        other => panic!("GET {key} was answered {other:?}"),
    };
    let left = connections.command(&["PTTL", key]);
    Some(Entry { value, expires: matches!(left, Some(Reply::Integer(left)) if left > 0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::process::Server;
    use tempfile::TempDir;

    #[test]
    fn lost_changed_and_half_applied_writes_are_noticed() {
        let directory = TempDir::new().unwrap();
        let server = Server::start(directory.path(), &[]);
        let mut connections = Connections::open(server.address).unwrap();
        let mut client = Client::new(1, 1);
        for _ in 0..200 {
            client.turn(&mut connections).unwrap();
        }
        client.compare(&mut connections).unwrap();
        let key = client.model.keys().next().unwrap().clone();
        for command in [["SET", &key, "changed"].as_slice(), &["DEL", &key]] {
            let before = client.model[&key].clone();
            connections.command(command).unwrap();
            client.compare(&mut connections).unwrap_err();
            connections.command(&["SET", &key, &before.value]).unwrap();
        }
        let entry = |value: &str| Some(Entry { value: value.to_owned(), expires: false });
        client.apply(vec![(key.clone(), entry("before"))]);
        connections.command(&["SET", &key, "after"]).unwrap();
        let effects = |other| vec![(key.clone(), entry("after")), ("other".to_owned(), other)];
        client.unanswered = Some(effects(entry("missing")));
        client.settle(&mut connections).unwrap_err();
        client.unanswered = Some(effects(None));
        client.settle(&mut connections).unwrap();
        assert_eq!(client.model[&key].value, "after");
    }
}
