//! Progress bars: on a terminal and nowhere else.

use std::fs::{self, File};
use std::sync::{Arc, Mutex};

use common::tool::has;
use kvs::{Options, Store, WriteBatch};

use super::*;

const KEYS: usize = 20_000;

/// A store, and a pipe with a name, by which its export goes as slowly as the test reads it.
struct SlowExport {
    places: TempDir,
}

impl SlowExport {
    fn new() -> Self {
        let slow = Self { places: TempDir::new().unwrap() };
        let store = Store::open(Options::new(slow.path("data"))).unwrap();
        for from in (0..KEYS).step_by(1000) {
            let mut batch = WriteBatch::new();
            for number in from..from + 1000 {
                batch.set(format!("key{number:05}"), format!("{number};").repeat(20));
            }
            store.write(batch).unwrap();
        }
        let made = Command::new("mkfifo").arg(slow.path("pipe")).status().unwrap();
        assert!(made.success());
        slow
    }

    fn path(&self, name: &str) -> PathBuf {
        self.places.path().join(name)
    }

    /// Returns a shell command that exports to the pipe.
    fn command(&self) -> String {
        let (data, pipe) = (self.path("data"), self.path("pipe"));
        format!("{LOCAL} export --dir {} > {}", data.display(), pipe.display())
    }

    /// Reads the export in small parts until it was enough, and then all of it.
    fn read(&self, mut is_enough: impl FnMut(usize) -> bool) -> Vec<u8> {
        let mut pipe = File::open(self.path("pipe")).unwrap();
        let mut export = Vec::new();
        let mut part = [0; 4 << 10];
        for number in 0.. {
            let bytes = pipe.read(&mut part).unwrap();
            export.extend_from_slice(&part[..bytes]);
            if bytes == 0 || is_enough(number) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        pipe.read_to_end(&mut export).unwrap();
        export
    }
}

fn assert_is_whole(export: &[u8]) {
    let export = text(export);
    assert!(export.starts_with("{\"format\":"), "{:.100}", export);
    assert!(export.ends_with(&format!("{{\"keys\":{KEYS}}}\n")));
    assert!(!export.contains("exporting"));
}

#[test]
fn long_work_shows_a_bar_on_a_terminal_with_its_rate_and_the_time_that_is_left() {
    // Of util-linux: it runs a command on a terminal of its own.
    if !has("script", &["--version"]) {
        return;
    }
    let slow = SlowExport::new();
    let shell = format!("stty cols 120 rows 30; {}", slow.command());
    let mut script = Command::new("script")
        .args(["-qec", &shell, "/dev/null"])
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let mut terminal = script.stdout.take().unwrap();
    let reader = thread::spawn({
        let shown = Arc::clone(&shown);
        move || {
            let mut part = [0; 1 << 10];
            while let Ok(bytes @ 1..) = terminal.read(&mut part) {
                shown.lock().unwrap().extend_from_slice(&part[..bytes]);
            }
        }
    });
    let shows = |words: &str| String::from_utf8_lossy(&shown.lock().unwrap()).contains(words);
    let export = slow.read(|_| shows("exporting [") && shows(" left"));
    assert!(script.wait().unwrap().success());
    reader.join().unwrap();
    assert_is_whole(&export);
    let shown = String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
    let bar = shown.rsplit("exporting [").next().unwrap();
    for words in ["] ", " of 20,000 keys, ", "/s, ", "s left"] {
        assert!(bar.contains(words), "{words} is missing from {bar:?} of {shown:?}");
    }
    // It goes with the work.
    let after = bar.rsplit("s left").next().unwrap();
    assert!(after.contains("\u{1b}[2K"), "{after:?}");
}

#[test]
fn without_a_terminal_nothing_of_a_bar_is_shown() {
    let slow = SlowExport::new();
    let mut tool = Command::new("sh");
    tool.args(["-c", &slow.command()]).stderr(Stdio::piped());
    let tool = tool.spawn().unwrap();
    // Longer than the time after which there would be a bar.
    let export = slow.read(|number| number == 100);
    assert_is_whole(&export);
    let output = tool.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(fs::metadata(slow.path("pipe")).is_ok());
}
