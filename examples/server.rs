//! Serves a store from within a program, which goes on using the store itself.
//!
//! `cargo run --example server` prints:
//!
//! ```text
//! the program reads what a client wrote: Some("from a client")
//! a client reads what the program wrote: Some("from the program")
//! the server has stopped, the store is still open: Some("from a client")
//! ```

use std::thread;

use kvs::{KvsClient, Listener, Options, ServerOptions, Store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    // Listening first finds a taken address before a store is made. Port 0 chooses a free one.
    let listener = Listener::bind("127.0.0.1:0")?;
    let (address, stop) = (listener.local_address().clone(), listener.stop_handle());

    let store = Store::open(Options::new(directory.path()))?;
    let server = listener.serve(store.clone(), ServerOptions::default());
    let running = thread::spawn(move || server.run());

    let mut client = KvsClient::connect(address)?;
    client.set("greeting", "from a client")?;
    let read = store.get("greeting")?;
    println!("the program reads what a client wrote: {:?}", text(read)?);

    store.set("reply", "from the program")?;
    let read = client.get("reply")?;
    println!("a client reads what the program wrote: {:?}", text(read)?);

    // The server answers what it received, closes its connections and returns.
    stop.stop();
    running.join().expect("the server does not panic")?;
    let read = store.get("greeting")?;
    println!("the server has stopped, the store is still open: {:?}", text(read)?);
    Ok(())
}

fn text(value: Option<Vec<u8>>) -> Result<Option<String>, std::string::FromUtf8Error> {
    value.map(String::from_utf8).transpose()
}
