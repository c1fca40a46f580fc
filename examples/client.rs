//! Talks to a running server, one call at a time and with a pipeline.
//!
//! `cargo run --example client -- 127.0.0.1:4000`, the address being the default, prints:
//!
//! ```text
//! greeting is Some("hello")
//! pipeline: Ok(Done)
//! pipeline: Ok(Value(Some([50])))
//! pipeline: Ok(Flag(true))
//! greeting was removed: true
//! ```

use std::time::Duration;

use kvs::{ClientOptions, KvsClient};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:4000");
    let options = ClientOptions::default().timeout(Duration::from_secs(10));
    let mut client = KvsClient::connect_with(address, &options)?;

    client.set("example:greeting", "hello")?;
    let value = client.get("example:greeting")?.map(String::from_utf8).transpose()?;
    println!("greeting is {value:?}");

    // A pipeline sends its requests together and waits once. Each has an outcome of its own.
    let mut pipeline = client.pipeline();
    pipeline.set("example:count", "2").get("example:count").remove("example:count");
    for reply in pipeline.send()? {
        println!("pipeline: {reply:?}");
    }

    println!("greeting was removed: {}", client.remove("example:greeting")?);
    Ok(())
}
