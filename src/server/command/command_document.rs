//! Descriptions of commands for clients, which no command's execution depends on.
//!
//! `command_documents.json` has a command, or a subcommand behind a bar, in each line. The contents
//! are those of the files in which Redis 7.0 describes its commands; `command_documents.license` is
//! their licence.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::reply_value::{bulk, map, simple};
use crate::protocol::resp::Value;
use crate::sync::LazyLock;

/// The documents of all commands by name, parsed when the first is asked for.
static DOCUMENTS: LazyLock<BTreeMap<String, CommandDocument>> = LazyLock::new(|| {
    let parsed = serde_json::from_str(include_str!("command_documents.json"));
    // A test parses the file.
    parsed.unwrap_or_default()
});

/// The description of a command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandDocument {
    /// A line that says what the command does.
    pub(super) summary: String,
    since: String,
    group: String,
    complexity: Option<String>,
    #[serde(default)]
    doc_flags: Vec<String>,
    deprecated_since: Option<String>,
    replaced_by: Option<String>,
    #[serde(default)]
    history: Vec<(String, String)>,
    #[serde(default)]
    arguments: Vec<ArgumentDocument>,
    /// The categories of access control.
    pub(super) categories: Vec<String>,
    /// Hints for clients and proxies.
    #[serde(default)]
    pub(super) tips: Vec<String>,
    /// The ways to find the keys of a call.
    #[serde(default)]
    pub(super) key_specs: Vec<KeySpecification>,
}

/// The description of an argument, or of several that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgumentDocument {
    name: String,
    #[serde(rename = "type")]
    argument_type: String,
    key_spec_index: Option<i64>,
    token: Option<String>,
    since: Option<String>,
    deprecated_since: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    arguments: Vec<Self>,
}

/// A way to find keys among the arguments of a call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeySpecification {
    notes: Option<String>,
    /// The flags of the access to these keys, such as `RO` and `update`.
    pub(super) flags: Vec<String>,
    begin_search: BeginSearch,
    find_keys: FindKeys,
}

/// The way to find the first key.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "spec", rename_all = "lowercase")]
enum BeginSearch {
    Index { index: usize },
    Unknown {},
}

/// The way to find the keys behind the first.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "spec", rename_all = "lowercase")]
enum FindKeys {
    Range { lastkey: i64, keystep: usize, limit: i64 },
    Unknown {},
}

impl CommandDocument {
    /// Returns the document of the command of this name; every command has one.
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        DOCUMENTS.get(name)
    }

    /// Returns true if keys of a call are found by it.
    pub(super) fn has_keys(&self) -> bool {
        self.key_specs.iter().any(KeySpecification::finds_keys)
    }

    /// Returns this document as `COMMAND DOCS` has it, without subcommands.
    pub(super) fn pairs(&self) -> Vec<(Value, Value)> {
        let history = self
            .history
            .iter()
            .map(|(version, change)| Value::Array(vec![bulk(version), bulk(change)]));
        let pairs = [
            ("summary", Some(bulk(&self.summary))),
            ("since", Some(bulk(&self.since))),
            ("group", Some(bulk(&self.group))),
            ("complexity", self.complexity.as_ref().map(bulk)),
            ("doc_flags", names(&self.doc_flags)),
            ("deprecated_since", self.deprecated_since.as_ref().map(bulk)),
            ("replaced_by", self.replaced_by.as_ref().map(bulk)),
            ("history", (!self.history.is_empty()).then(|| Value::Set(history.collect()))),
            ("arguments", arguments(&self.arguments)),
        ];
        present(pairs)
    }
}

impl ArgumentDocument {
    fn to_value(&self) -> Value {
        let pairs = [
            ("name", Some(bulk(&self.name))),
            ("type", Some(bulk(&self.argument_type))),
            ("key_spec_index", self.key_spec_index.map(Value::Integer)),
            ("token", self.token.as_ref().map(bulk)),
            ("since", self.since.as_ref().map(bulk)),
            ("deprecated_since", self.deprecated_since.as_ref().map(bulk)),
            ("flags", names(&self.flags)),
            ("arguments", arguments(&self.arguments)),
        ];
        Value::Map(present(pairs))
    }
}

impl KeySpecification {
    /// Returns true if it finds keys, and not channels, in fixed places.
    pub(super) fn finds_keys(&self) -> bool {
        matches!(self.begin_search, BeginSearch::Index { .. })
            && !self.flags.iter().any(|flag| flag == "not_key")
    }

    /// Returns the positions of the keys of a call of so many arguments, the name included.
    pub(super) fn positions(&self, arguments: usize) -> impl Iterator<Item = usize> {
        match (&self.begin_search, &self.find_keys) {
            (BeginSearch::Index { index }, FindKeys::Range { lastkey, keystep, .. }) => {
                let distance = usize::try_from(lastkey.unsigned_abs()).unwrap_or(usize::MAX);
                // A negative one counts from the end.
                let end = match lastkey {
                    ..0 => (arguments + 1).saturating_sub(distance),
                    0.. => index.saturating_add(distance).saturating_add(1),
                };
                (*index..end.min(arguments)).step_by((*keystep).max(1))
            }
            _ => (0..0).step_by(1),
        }
    }

    /// Returns the specification as `COMMAND INFO` has it.
    pub(super) fn to_value(&self) -> Value {
        let (begin, begin_spec) = match self.begin_search {
            BeginSearch::Index { index } => ("index", map([("index", integer(index))])),
            BeginSearch::Unknown {} => ("unknown", map([])),
        };
        let (find, find_spec) = match self.find_keys {
            FindKeys::Range { lastkey, keystep, limit } => {
                let spec = [
                    ("lastkey", Value::Integer(lastkey)),
                    ("keystep", integer(keystep)),
                    ("limit", Value::Integer(limit)),
                ];
                ("range", map(spec))
            }
            FindKeys::Unknown {} => ("unknown", map([])),
        };
        Value::Map(present([
            ("notes", self.notes.as_ref().map(bulk)),
            ("flags", Some(Value::Set(simple_all(&self.flags)))),
            ("begin_search", Some(map([("type", bulk(begin)), ("spec", begin_spec)]))),
            ("find_keys", Some(map([("type", bulk(find)), ("spec", find_spec)]))),
        ]))
    }
}

/// Returns simple strings of texts.
fn simple_all(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| simple(text)).collect()
}

/// Returns a set of names, unless there are none.
fn names(names: &[String]) -> Option<Value> {
    (!names.is_empty()).then(|| Value::Set(simple_all(names)))
}

fn arguments(documents: &[ArgumentDocument]) -> Option<Value> {
    let values = documents.iter().map(ArgumentDocument::to_value).collect();
    (!documents.is_empty()).then_some(Value::Array(values))
}

/// Returns the pairs whose value is there.
fn present<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Vec<(Value, Value)> {
    pairs.into_iter().filter_map(|(name, value)| Some((bulk(name), value?))).collect()
}

fn integer(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::table::TABLE;
    use super::*;

    #[test]
    fn every_command_and_no_other_has_a_document() {
        let text = include_str!("command_documents.json");
        serde_json::from_str::<BTreeMap<String, CommandDocument>>(text).unwrap();
        let mut names = Vec::new();
        for row in TABLE.rows() {
            names.push(row.name.to_owned());
            names.extend(row.subcommands.iter().map(|sub| row.full_name(sub)));
        }
        names.sort();
        assert_eq!(names, DOCUMENTS.keys().cloned().collect::<Vec<_>>());
    }

    #[test]
    fn keys_are_found_at_the_start_up_to_the_end_and_in_steps() {
        let positions = |name: &str, arguments| {
            let specs = &CommandDocument::of(name).unwrap().key_specs;
            specs.iter().flat_map(|it| it.positions(arguments)).collect::<Vec<_>>()
        };
        assert_eq!(positions("get", 2), [1]);
        assert_eq!(positions("mset", 5), [1, 3]);
        assert_eq!(positions("bitop", 6), [2, 3, 4, 5]);
        assert_eq!(positions("rename", 3), [1, 2]);
        assert_eq!(positions("del", 1), [0; 0]);
        assert_eq!(positions("rename", 1), [0; 0]);
        assert_eq!(positions("ping", 2), [0; 0]);
        assert_eq!(positions("sort", 5), [1]);
    }
}
