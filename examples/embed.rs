//! Embeds a store in a program: writes, reads, lists a range, closes and opens it again.
//!
//! `cargo run --example embed` prints:
//!
//! ```text
//! user:2 is bob
//! user:1 is alice
//! user:2 is bob
//! user:1 is removed: true
//! after reopening: user:1 is None, user:2 is Some("bob")
//! ```

use kvs::{Durability, Options, Store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    // `Always` makes an acknowledged write survive a power loss, too.
    let options = Options::new(directory.path()).durability(Durability::Always);

    let store = Store::open(options.clone())?;
    store.set("user:2", "bob")?;
    store.set("user:1", "alice")?;
    if let Some(value) = store.get("user:2")? {
        println!("user:2 is {}", value.escape_ascii());
    }

    // Keys are ordered, so those that begin with `user:` lie side by side.
    for entry in store.scan_prefix("user:") {
        let (key, value) = entry?;
        println!("{} is {}", key.escape_ascii(), value.escape_ascii());
    }
    println!("user:1 is removed: {}", store.remove("user:1")?);

    // The last handle syncs the log, records a clean shutdown and unlocks the directory.
    drop(store);
    let store = Store::open(options)?;
    let text = |key| -> kvs::Result<Option<String>> {
        Ok(store.get(key)?.map(|value| value.escape_ascii().to_string()))
    };
    println!("after reopening: user:1 is {:?}, user:2 is {:?}", text("user:1")?, text("user:2")?);
    Ok(())
}
