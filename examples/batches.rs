//! Moves money between two accounts with batches, while another thread reads both accounts.
//!
//! A batch is applied whole or not at all, so no reader ever sees the money of one account gone and
//! the other one without it.
//!
//! `cargo run --example batches` prints:
//!
//! ```text
//! after 1000 transfers: alice has 0, bob has 1000
//! a reader beside them always saw a total of 1000
//! ```

use std::thread;

use kvs::{Options, Store, WriteBatch};

const TRANSFERS: u64 = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let store = Store::open(Options::new(directory.path()))?;
    write_balances(&store, TRANSFERS, 0)?;

    // Handles are cheap to clone and work from any thread.
    let writer = store.clone();
    let transfers = thread::spawn(move || -> kvs::Result<()> {
        for moved in 1..=TRANSFERS {
            write_balances(&writer, TRANSFERS - moved, moved)?;
        }
        Ok(())
    });
    let mut totals = vec![total(&store)?];
    while !transfers.is_finished() {
        totals.push(total(&store)?);
    }
    transfers.join().expect("the writing thread does not panic")?;

    let [alice, bob] = balances(&store)?;
    println!("after {TRANSFERS} transfers: alice has {alice}, bob has {bob}");
    totals.dedup();
    let totals: Vec<_> = totals.iter().map(u64::to_string).collect();
    println!("a reader beside them always saw a total of {}", totals.join(", then "));
    Ok(())
}

fn write_balances(store: &Store, alice: u64, bob: u64) -> kvs::Result<()> {
    let mut batch = WriteBatch::new();
    batch.set("account:alice", alice.to_string());
    batch.set("account:bob", bob.to_string());
    store.write(batch)
}

/// Returns both balances at one point in time: a scan reads a snapshot.
fn balances(store: &Store) -> Result<[u64; 2], Box<dyn std::error::Error>> {
    let mut balances = [0; 2];
    for (balance, account) in balances.iter_mut().zip(store.scan_prefix("account:")) {
        let (_, value) = account?;
        *balance = String::from_utf8(value)?.parse()?;
    }
    Ok(balances)
}

fn total(store: &Store) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(balances(store)?.iter().sum())
}
