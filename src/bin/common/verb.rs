//! Verbs: the commands of a tool.

use super::failure::ToolResult;
use super::output::ToolOutput;

/// The arguments of a verb, which is done on a target of this type.
pub trait Verb<T> {
    /// True if the verb is about the keyspace that `--keyspace` names. Others refuse the option.
    const HAS_KEYSPACE: bool = false;

    /// Does what the verb says, and prints its answer.
    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult;
}

/// Makes the verbs of a tool, `ToolVerb`, from a table: the comment of a row is the help.
macro_rules! verbs {
    ($target:ty: $($(#[$help:meta])* $name:ident($arguments:ty),)*) => {
        /// A verb of this tool with its arguments.
        #[derive(clap::Subcommand)]
        enum ToolVerb {
            $($(#[$help])* $name($arguments),)*
        }

        impl ToolVerb {
            /// Returns true if the verb is about the keyspace that `--keyspace` names.
            fn has_keyspace(&self) -> bool {
                use $crate::common::verb::Verb;
                match self {
                    $(Self::$name(_) => <$arguments as Verb<$target>>::HAS_KEYSPACE,)*
                }
            }

            /// Does what the verb says, and prints its answer.
            fn run(
                self,
                target: &mut $target,
                output: &mut $crate::common::output::ToolOutput,
            ) -> $crate::common::failure::ToolResult {
                use $crate::common::verb::Verb;
                match self {
                    $(Self::$name(verb) => verb.run(target, output),)*
                }
            }
        }
    };
}
pub(crate) use verbs;
