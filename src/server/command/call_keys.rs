//! The keys of a call, as `COMMAND GETKEYS` finds them.

use super::command_document::CommandDocument;
use super::word::is;

/// A key among the arguments of a call, with the flags of its access.
pub(super) struct CallKey<'a> {
    /// The key.
    pub(super) key: &'a [u8],
    /// The flags of the access, such as `RO` and `update`.
    pub(super) flags: Vec<&'static str>,
}

/// Returns the keys of a call of a command, whose name comes first.
pub(super) fn call_keys<'a>(name: &str, arguments: &[&'a [u8]]) -> Vec<CallKey<'a>> {
    let specs = CommandDocument::of(name).map_or(&[][..], |document| &document.key_specs);
    let mut found = Vec::new();
    for spec in specs.iter().filter(|spec| spec.finds_keys()) {
        let flags = || match flags_of_arguments(name, arguments) {
            Some(flags) => flags.to_vec(),
            None => spec.flags.iter().map(String::as_str).collect(),
        };
        let keys = spec.positions(arguments.len()).map(|position| arguments[position]);
        found.extend(keys.map(|key| CallKey { key, flags: flags() }));
    }
    if let Some(key) = destination(arguments).filter(|_| name == "sort") {
        found.push(CallKey { key, flags: vec!["OW", "update"] });
    }
    found
}

/// Returns the flags of the access to the key, if the arguments decide them.
fn flags_of_arguments(name: &str, arguments: &[&[u8]]) -> Option<&'static [&'static str]> {
    match name {
        "set" if arguments.iter().skip(3).any(|option| is(option, "GET")) => {
            Some(&["RW", "access", "update"])
        }
        "set" => Some(&["OW", "update"]),
        "bitfield" if only_reads_fields(arguments) => Some(&["RO", "access"]),
        "bitfield" => Some(&["RW", "access", "update"]),
        _ => None,
    }
}

/// Returns true if a call of `BITFIELD` writes nothing.
fn only_reads_fields(arguments: &[&[u8]]) -> bool {
    let mut rest = arguments.get(2..).unwrap_or_default();
    while let Some(word) = rest.first() {
        let count = match word {
            _ if is(word, "GET") => 3,
            _ if is(word, "OVERFLOW") => 2,
            _ => return false,
        };
        let Some(behind) = rest.get(count..) else { return false };
        rest = behind;
    }
    true
}

/// Returns the key behind the last `STORE` among the arguments of a call of `SORT`.
fn destination<'a>(arguments: &[&'a [u8]]) -> Option<&'a [u8]> {
    let mut arguments = arguments.iter().skip(2).copied().peekable();
    let mut destination = None;
    while let Some(option) = arguments.next() {
        if is(option, "STORE") {
            destination = arguments.peek().copied().or(destination);
        }
        // Their values are no options.
        if is(option, "LIMIT") {
            arguments.nth(1);
        } else if is(option, "GET") || is(option, "BY") {
            arguments.next();
        }
    }
    destination
}
