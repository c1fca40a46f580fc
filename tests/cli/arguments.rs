//! Arguments: what is refused, and keys and values that look like options.

use super::*;

#[test]
fn invalid_arguments_are_refused_on_standard_error() {
    let client: [&[&str]; 9] = [
        &[],
        &["get"],
        &["get", "a", "b"],
        &["set", "a"],
        &["set", "a", "b", "c"],
        &["rm"],
        &["unknown", "a"],
        &["get", "a", "--unknown"],
        &["get", "a", "--addr", "not-an-address"],
    ];
    let server: [&[&str]; 5] = [
        &["--engine", "unknown"],
        &["--addr", "not-an-address"],
        &["--addr", "192.0.2.1:1"],
        &["--durability", "sometimes"],
        &["extra"],
    ];
    for (program, cases) in [(CLIENT, &client[..]), (LOCAL, &client[..8]), (SERVER, &server)] {
        for arguments in cases {
            let directory = TempDir::new().unwrap();
            let output = Command::new(program)
                .args(*arguments)
                .current_dir(directory.path())
                .output()
                .unwrap();
            assert!(!output.status.success(), "{program} {arguments:?}");
            assert!(!output.stderr.is_empty(), "{program} {arguments:?}");
            assert!(output.stdout.is_empty(), "{program} {arguments:?}");
        }
    }
}

impl Tool<'_> {
    /// Sets, gets and removes the key, with its place after each of the first arguments in turn.
    fn set_get_remove(&self, escape: &[&OsStr], key: &OsStr, value: &OsStr) {
        for place_at in 0..=1 {
            let with = |command: &'static str, words: &[&OsStr]| {
                let arguments = [&[OsStr::new(command)], escape, words].concat();
                let output = self.run(&arguments, place_at);
                assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
                assert!(output.status.success(), "{arguments:?}: {output:?}");
                output.stdout
            };
            assert_eq!(with("set", &[key, value]), b"");
            assert_eq!(with("get", &[key]), [value.as_bytes(), b"\n"].concat());
            assert_eq!(with("rm", &[key]), b"");
            assert_eq!(with("get", &[key]), b"Key not found\n");
        }
    }
}

#[test]
fn negative_numbers_and_a_dash_are_keys_and_values() {
    let words = ["-5", "-5.5", "-0", "-1e10", "-", "", "a b", "5-", "="].map(OsStr::new);
    with_both_tools(|tool| {
        for word in words {
            tool.set_get_remove(&[], OsStr::new("key"), word);
            tool.set_get_remove(&[], word, OsStr::new("value"));
        }
        tool.set_get_remove(&[], OsStr::new("-5"), OsStr::new("-6"));
        tool.set_get_remove(&[], OsStr::new("-"), OsStr::new("-"));
        // The place may also be the last of the arguments.
        assert!(tool.run(&["set", "-5", "-6"], 3).status.success());
        assert_eq!(tool.run(&["get", "-5"], 2).stdout, b"-6\n");
    });
}

#[test]
fn everything_after_two_dashes_is_taken_as_it_is() {
    let words = ["--a", "--dir", "--addr", "--", "-x", "-V", "--help", "-5", "set", "--a=b"];
    with_both_tools(|tool| {
        let escape = [OsStr::new("--")];
        for word in words.map(OsStr::new) {
            tool.set_get_remove(&escape, OsStr::new("key"), word);
            tool.set_get_remove(&escape, word, OsStr::new("--value"));
        }
        assert!(tool.run(&["set", "key", "--", "--value"], 2).status.success());
        assert_eq!(tool.run(&["get", "key"], 0).stdout, b"--value\n");
        // Whatever looks like the place of a store is a word too many by then.
        let output = tool.run(&["get", "--", "key"], 3);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    });
}

#[test]
fn bytes_that_are_no_text_are_keys_and_values() {
    let words: [&[u8]; 5] = [b"\xFF", b"a\xFEb", b"\xC3\x28", b"=\xFF", b"5\x80"];
    with_both_tools(|tool| {
        for word in words.map(OsStr::from_bytes) {
            tool.set_get_remove(&[], word, word);
        }
        let escape = [OsStr::new("--")];
        for word in [&b"-\xFF"[..], b"--\xFF", b"-5\xFF"].map(OsStr::from_bytes) {
            tool.set_get_remove(&escape, word, word);
            let output = tool.run(&[OsStr::new("set"), OsStr::new("key"), word], 0);
            assert_eq!(output.status.code(), Some(2), "{output:?}");
        }
    });
}

#[test]
fn words_that_look_like_options_are_refused() {
    let cases: [&[&str]; 12] = [
        &["set", "key", "--unknown"],
        &["set", "--unknown", "value"],
        &["set", "key", "value", "--unknown"],
        &["set", "key", "--unknown=value"],
        &["set", "key", "-x"],
        &["set", "key", "-5x"],
        &["get", "--unknown"],
        &["get", "-x"],
        &["rm", "--unknown"],
        &["--unknown", "get", "key"],
        &["-5", "get", "key"],
        &["-", "get", "key"],
    ];
    with_both_tools(|tool| {
        for arguments in cases {
            let output = tool.run(arguments, 0);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
            assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
            assert!(text(&output.stderr).contains("Usage: "), "{arguments:?}: {output:?}");
        }
        assert_eq!(tool.run(&["get", "key"], 0).stdout, b"Key not found\n");
    });
}
