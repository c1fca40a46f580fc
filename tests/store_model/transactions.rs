//! Transactions that stay open while other things happen.

use std::collections::BTreeSet;
use std::ops::{Bound, RangeBounds};

use kvs::{Error, Transaction};

use super::Run;
use super::any_write::{FUTURE, bound, key};
use super::model::{Entries, Model};

const TRANSACTIONS_MAX: usize = 3;

/// A transaction with the model of what it sees.
pub struct OpenTransaction {
    transaction: Transaction,
    /// What was there when it began, with its own writes.
    seen: Model,
    /// The step at which it began.
    began: usize,
    /// The reads before the first write, which the commit has to find as they were.
    reads: Vec<(Read, Shown)>,
    writes: Vec<Write>,
    /// The numbers of the keyspaces that it used.
    used: BTreeSet<usize>,
}

enum Read {
    Key(usize, Vec<u8>),
    Range(usize, Range),
}

enum Write {
    Set(usize, Vec<u8>, (Vec<u8>, bool)),
    Remove(usize, Vec<u8>),
    RemoveRange(usize, Range),
}

/// Keys with their values.
type Shown = Vec<(Vec<u8>, Vec<u8>)>;

type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Read {
    /// Returns what it shows.
    fn show(&self, model: &Model) -> Shown {
        let (Self::Key(number, _) | Self::Range(number, _)) = self;
        let entries = model.keyspaces[*number].iter().filter(|(key, _)| match self {
            Self::Key(_, read) => read == *key,
            Self::Range(_, range) => range.contains(*key),
        });
        entries.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
    }
}

impl Write {
    fn number(&self) -> usize {
        let (Self::Set(number, ..) | Self::Remove(number, _) | Self::RemoveRange(number, _)) = self;
        *number
    }

    fn apply(&self, entries: &mut Entries) {
        match self {
            Self::Set(_, key, entry) => {
                entries.insert(key.clone(), entry.clone());
            }
            Self::Remove(_, key) => {
                entries.remove(key);
            }
            Self::RemoveRange(_, range) => entries.retain(|key, _| !range.contains(key)),
        }
    }
}

impl OpenTransaction {
    /// Compares a read with what the transaction should see.
    fn check(&mut self, read: Read, shown: Shown, at: &str) {
        assert_eq!(shown, read.show(&self.seen), "{at}");
        if self.writes.is_empty() {
            self.reads.push((read, shown));
        }
    }
}

impl Run {
    /// Begins a transaction, if the engine has those.
    pub fn begin(&mut self) {
        let transaction = match self.store.begin() {
            Ok(transaction) => transaction,
            Err(Error::Unsupported { engine: "sled", .. }) => {
                return assert_eq!(self.engine.name(), "sled");
            }
            Err(error) => panic!("{}: {error}", self.at()),
        };
        let (seen, began) = (self.model.clone(), self.step);
        let (reads, writes, used) = (Vec::new(), Vec::new(), BTreeSet::new());
        self.transactions.push(OpenTransaction { transaction, seen, began, reads, writes, used });
        if self.transactions.len() > TRANSACTIONS_MAX {
            let position = self.below(TRANSACTIONS_MAX);
            self.transactions.remove(position);
        }
    }

    /// Reads or writes in one of the transactions.
    pub fn work_in_transaction(&mut self) {
        if self.transactions.is_empty() {
            return;
        }
        let position = self.below(self.transactions.len());
        let (keyspace, number, _) = self.handle();
        let range = (bound(&mut self.random), bound(&mut self.random));
        let key = key(&mut self.random);
        let (choice, value, at) = (self.below(8), self.value(), self.at());
        let open = &mut self.transactions[position];
        let part = open.transaction.of(&keyspace).unwrap();
        open.used.insert(number);
        if open.seen.keyspaces.len() <= number {
            // It was made later, so nothing is in it.
            open.seen.keyspaces.resize(number + 1, Entries::new());
        }
        let write = match choice {
            0 | 1 => {
                let found = part.get(&key).unwrap().map(|value| (key.clone(), value));
                return open.check(Read::Key(number, key), Vec::from_iter(found), &at);
            }
            2 | 3 => {
                let shown: Vec<_> = part.scan(range.clone()).map(Result::unwrap).collect();
                assert_eq!(part.last(range.clone()).unwrap().as_ref(), shown.last(), "{at}");
                assert_eq!(part.count(range.clone()).unwrap(), shown.len() as u64, "{at}");
                return open.check(Read::Range(number, range), shown, &at);
            }
            4 => {
                part.remove(&key[..]);
                Write::Remove(number, key)
            }
            5 => {
                part.remove_range(range.clone());
                Write::RemoveRange(number, range)
            }
            6 => {
                part.set_expiring(&key[..], &value[..], FUTURE);
                Write::Set(number, key, (value, true))
            }
            _ => {
                part.set(&key[..], &value[..]);
                Write::Set(number, key, (value, false))
            }
        };
        write.apply(&mut open.seen.keyspaces[number]);
        open.writes.push(write);
    }

    /// Commits one of the transactions: what it read is as it was, or it is refused because
    /// something was changed where it read.
    pub fn commit(&mut self) {
        if self.transactions.is_empty() {
            return;
        }
        let position = self.below(self.transactions.len());
        let OpenTransaction { transaction, began, reads, writes, used, .. } =
            self.transactions.remove(position);
        let is_taken = writes.iter().all(|write| self.model.is_named(write.number()));
        let at = self.at();
        match transaction.commit() {
            Ok(()) if writes.is_empty() => {}
            Ok(()) => {
                assert!(is_taken, "{at}");
                for (read, shown) in reads {
                    assert_eq!(shown, read.show(&self.model), "{at}: what it read has changed");
                }
                for write in writes {
                    write.apply(&mut self.model.keyspaces[write.number()]);
                    self.model.changed[write.number()] = self.step;
                }
                self.tally.committed += 1;
            }
            Err(Error::KeyspaceDropped { .. }) => {
                let is_dropped = |number: &usize| !self.model.is_named(*number);
                assert!(used.iter().any(is_dropped), "{at}");
            }
            Err(Error::TransactionConflict) => {
                let is_changed = |number: &usize| self.model.changed[*number] > began;
                assert!(used.iter().any(is_changed), "{at}: nothing was changed");
                self.tally.conflicts += 1;
            }
            Err(error) => panic!("{at}: {error}"),
        }
    }
}
