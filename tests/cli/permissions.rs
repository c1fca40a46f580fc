//! Directories and files that the user of the tools may not use.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;

use common::tool::output;

use super::*;

/// A user who owns nothing.
const NOBODY: u32 = 65_534;

/// Places that belong to the user of the tool, which is another one than root.
struct Places {
    directory: TempDir,
    is_root: bool,
}

impl Places {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let is_root = output(Command::new("id").arg("-u")).trim() == "0";
        let places = Self { directory, is_root };
        set_mode(places.directory.path(), 0o755);
        if is_root {
            // The other user may not look into the directory that it was built in.
            fs::copy(LOCAL, places.program()).unwrap();
            set_mode(&places.program(), 0o755);
        }
        fs::create_dir(places.home()).unwrap();
        places.give(&places.home());
        places
    }

    fn program(&self) -> PathBuf {
        if self.is_root { self.directory.path().join("kvs") } else { LOCAL.into() }
    }

    /// Returns the directory in which the user may do everything.
    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn place(&self, name: &str) -> String {
        self.home().join(name).to_str().unwrap().to_owned()
    }

    fn give(&self, path: &Path) {
        if self.is_root {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    /// Runs the tool as its user, whose right the modes decide on: they do not for root.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.program());
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        command.args(arguments).output().unwrap()
    }

    /// Runs a command that is refused: with code 1, and one line that has these words.
    fn refused(&self, arguments: &[&str], words: &[&str]) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        let complaint = text(&output.stderr);
        assert_eq!(complaint.lines().count(), 1, "{arguments:?}: {complaint}");
        for word in words {
            assert!(complaint.contains(word), "{arguments:?}: {word} is missing from {complaint}");
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_that_may_not_be_entered_is_named_by_every_verb() {
    let places = Places::new();
    let (data, file) = (places.place("data"), places.place("file"));
    let set = places.run(&["set", "key", "value", "--dir", &data]);
    assert!(set.status.success(), "{set:?}");
    fs::write(&file, "").unwrap();
    let (new, closed) = (places.place("new"), Path::new(&data));
    set_mode(closed, 0o000);
    for verb in [
        &["get", "key"][..],
        &["set", "key", "value"],
        &["rm", "key"],
        &["scan"],
        &["count"],
        &["keyspaces"],
        &["stats"],
        &["verify"],
        &["compact"],
        &["export"],
        &["import", &file],
        &["backup", &new],
        &["get", "key", "--read-only"],
    ] {
        places.refused(&[verb, &["--dir", &data]].concat(), &[&data, "Permission denied"]);
    }
    places.refused(&["restore", &data, "--dir", &new], &[&data, "Permission denied"]);
    assert!(!Path::new(&new).exists(), "something was made for nothing");
    set_mode(closed, 0o700);
    let get = places.run(&["get", "key", "--dir", &data]);
    assert_eq!(text(&get.stdout), "value\n", "{get:?}");
}

#[test]
fn places_that_may_not_be_written_to_are_named_and_left_as_they_are() {
    let places = Places::new();
    let (data, closed) = (places.place("data"), places.place("closed"));
    assert!(places.run(&["set", "key", "value", "--dir", &data]).status.success());
    let backup = places.place("backup");
    assert!(places.run(&["backup", &backup, "--dir", &data]).status.success());
    fs::create_dir(&closed).unwrap();
    places.give(Path::new(&closed));
    let unreadable = places.place("unreadable");
    fs::write(&unreadable, "{\"format\":\"kvs-export\",\"version\":1}\n{\"keys\":0}\n").unwrap();
    places.give(Path::new(&unreadable));
    set_mode(Path::new(&unreadable), 0o000);
    set_mode(Path::new(&closed), 0o500);
    let inside = |name: &str| format!("{closed}/{name}");
    let denied = "Permission denied";
    places.refused(&["backup", &closed, "--dir", &data], &[&closed, denied]);
    places.refused(&["backup", &inside("new"), "--dir", &data], &[&closed, denied]);
    places.refused(&["restore", &backup, "--dir", &inside("new")], &[&closed, denied]);
    places.refused(&["export", &inside("file"), "--dir", &data], &[&inside("file"), denied]);
    places.refused(&["set", "key", "value", "--dir", &inside("new")], &[&closed, denied]);
    places.refused(&["set", "key", "value", "--dir", &closed], &[&closed, denied]);
    let new = places.place("new");
    places.refused(&["import", &unreadable, "--dir", &new], &[&unreadable, denied]);
    assert!(!Path::new(&new).exists(), "a store was made for nothing");
    set_mode(Path::new(&closed), 0o700);
    assert_eq!(fs::read_dir(&closed).unwrap().count(), 0);
}
