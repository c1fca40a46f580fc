//! The machine and the versions that the figures were measured with.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The lock file that chose the versions of everything in this program.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Facts about the machine, its system and the disk that a directory is on.
pub fn facts(directory: &Path) -> Vec<(String, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let facts = [
        ("date", output("date", &["-u", "+%Y-%m-%d"])),
        ("processor", format!("{}, {cores} cores", processor())),
        ("memory", memory()),
        ("kernel", output("uname", &["-sr"])),
        ("file system", file_system(directory)),
        ("compiler", output("rustc", &["--version"])),
        ("kvs", kvs()),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the version of a package in the lock file.
pub fn version(package: &str) -> String {
    let entry = LOCK.split_once(&format!("name = \"{package}\"\nversion = \""));
    let version = entry.and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("unknown").to_owned()
}

/// Returns the output of a command, on one line.
pub fn output(command: &str, arguments: &[&str]) -> String {
    match Command::new(command).args(arguments).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().replace('\n', " ")
        }
        _ => "unknown".to_owned(),
    }
}

fn kvs() -> String {
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    format!("{}, commit {commit}", version("kvs"))
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    model.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown").to_owned()
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = text.lines().next().and_then(|line| line.split_whitespace().nth(1));
    match field.and_then(|field| field.parse::<u64>().ok()) {
        Some(kibibytes) => format!("{} GiB", (kibibytes + (1 << 19)) >> 20),
        None => "unknown".to_owned(),
    }
}

/// Returns the type of the file system that holds the directory: of the longest mount point above
/// it.
fn file_system(directory: &Path) -> String {
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = fields.filter(|(point, _)| directory.starts_with(point));
    above.max_by_key(|(point, _)| point.len()).map_or("unknown", |(_, kind)| kind).to_owned()
}
