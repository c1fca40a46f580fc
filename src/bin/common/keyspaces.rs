//! The verb `keyspaces`: lists the keyspaces of a store, makes, renames, swaps and drops them.

use std::io::{self, Write};

use clap::{Args, Subcommand};

use super::escape::write_escaped;
use super::failure::{ToolExit, ToolResult};
use super::json::JsonObject;
use super::output::{ToolAnswer, ToolOutput};
use super::target::{CountedKeyspace, ToolTarget};
use super::verb::Verb;

/// The arguments of `keyspaces`.
#[derive(Args)]
pub struct KeyspacesVerb {
    #[command(subcommand)]
    change: Option<KeyspaceChange>,
}

/// A change of the keyspaces; names that begin with a dash come after `--`.
#[derive(Subcommand)]
pub enum KeyspaceChange {
    /// Make an empty keyspace
    Create {
        /// Its name
        #[arg(allow_negative_numbers = true)]
        name: String,
    },
    /// Give a keyspace another name
    Rename {
        /// Its name
        #[arg(allow_negative_numbers = true)]
        from: String,
        /// The name that it gets
        #[arg(allow_negative_numbers = true)]
        to: String,
    },
    /// Remove a keyspace and all its keys
    Drop {
        /// Its name
        #[arg(allow_negative_numbers = true)]
        name: String,
    },
    /// Give each of two keyspaces the name of the other one, at one moment
    Swap {
        /// The name of one
        #[arg(allow_negative_numbers = true)]
        first: String,
        /// The name of the other one
        #[arg(allow_negative_numbers = true)]
        second: String,
    },
}

impl<T: ToolTarget> Verb<T> for KeyspacesVerb {
    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        match self.change {
            None => {
                for keyspace in target.keyspaces()? {
                    output.print(&keyspace)?;
                }
            }
            Some(KeyspaceChange::Create { name }) => target.create_keyspace(&name)?,
            Some(KeyspaceChange::Rename { from, to }) => target.rename_keyspace(&from, &to)?,
            Some(KeyspaceChange::Drop { name }) => target.drop_keyspace(&name)?,
            Some(KeyspaceChange::Swap { first, second }) => {
                target.swap_keyspaces(&first, &second)?;
            }
        }
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for CountedKeyspace {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write_escaped(self.name.as_bytes(), out)?;
        writeln!(out, "\t{}", self.keys)
    }

    fn json(&self) -> Option<JsonObject> {
        Some(JsonObject::new().field("keyspace", self.name.as_str()).field("keys", self.keys))
    }
}
