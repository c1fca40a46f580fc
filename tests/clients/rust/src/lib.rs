//! The URL of the server and its restart: what the programs in Rust share.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the URL of the server, whose port is the argument of the program.
pub fn url() -> String {
    let port = env::args().nth(1).expect("the argument is a port");
    format!("redis://127.0.0.1:{port}")
}

/// Returns a value that a client which takes it for text or lines does not bring back.
pub fn bytes() -> Vec<u8> {
    (0..=255).collect()
}

/// Kills the server, and starts it again on the same port and directory.
pub fn restart() {
    let command = env::var("KVS_RESTART").expect("it names the command");
    assert!(Command::new(command).status().expect("it can be run").success());
}

/// Calls until the result is true; what fails meanwhile is forgiven.
pub async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "nothing came of it in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
