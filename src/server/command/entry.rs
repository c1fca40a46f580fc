//! What the table says of a command.

use super::{Executed, Refusal};
use crate::protocol::resp::Arguments;
use crate::server::execute::execution::Call;

/// One command, or one subcommand of a command that is only a container.
pub(super) struct Command {
    /// In lower case; of a subcommand, without its container.
    pub(super) name: &'static str,
    /// How many arguments it has, its name included; negative where that is the least.
    pub(super) arity: i8,
    /// What it is about.
    pub(super) group: Group,
    /// What proxies and clients may want to know before they send it.
    pub(super) flags: &'static [Flag],
    /// Which of its arguments are keys.
    pub(super) keys: Keys,
    /// The first version of Redis that had it.
    pub(super) since: &'static str,
    /// What it does, in one line.
    pub(super) summary: &'static str,
    /// Executes it; the arity is checked before.
    pub(super) function: fn(&Call<'_>) -> Executed,
    /// What its first argument chooses from; none for ordinary commands.
    pub(super) subcommands: &'static [Command],
}

/// What a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Connection,
    Generic,
    Server,
    String,
    Transactions,
}

impl Group {
    /// The name in the documentation of commands.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Server => "server",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }
}

/// A property of a command, as Redis names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    Admin,
    AllowBusy,
    /// Not shown as a flag of its own; puts the command into the category of that name.
    Dangerous,
    DenyOom,
    Fast,
    Loading,
    NoAuth,
    NoScript,
    ReadOnly,
    Stale,
    /// Not shown; the command is executed at once where others wait for `EXEC`.
    Unqueued,
    Write,
}

/// Which arguments are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// None.
    None,
    /// The first.
    One,
    /// All.
    All,
    /// Every other one, values between them.
    Pairs,
}

impl Keys {
    /// The position of the first key, of the last (negative: from the end), and from one to the next.
    pub(super) fn positions(self) -> (i64, i64, i64) {
        match self {
            Self::None => (0, 0, 0),
            Self::One => (1, 1, 1),
            Self::All => (1, -1, 1),
            Self::Pairs => (1, -1, 2),
        }
    }

    /// The keys among the arguments behind the name of a command.
    pub(super) fn choose<'a>(
        self,
        arguments: impl Iterator<Item = &'a [u8]>,
    ) -> impl Iterator<Item = &'a [u8]> {
        let (count, step) = match self {
            Self::None => (0, 1),
            Self::One => (1, 1),
            Self::All => (usize::MAX, 1),
            Self::Pairs => (usize::MAX, 2),
        };
        arguments.step_by(step).take(count)
    }
}

impl Command {
    /// Whether that many arguments, the name included, are as many as it takes.
    pub(super) fn takes(&self, count: usize) -> bool {
        let least = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { count >= least } else { count == least }
    }

    /// Whether it has this property.
    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// The subcommand of that name, in any case.
    pub(super) fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|entry| entry.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// What executes a call of this command: itself or one of its subcommands.
    pub(super) fn choose(&self, arguments: &Arguments<'_>) -> Result<&Command, Refusal> {
        if !self.takes(arguments.count()) {
            return Err(wrong_arity(self.name));
        }
        let Some(name) = arguments.get(1).filter(|_| !self.subcommands.is_empty()) else {
            return Ok(self);
        };
        let Some(chosen) = self.subcommand(name) else {
            let name = String::from_utf8_lossy(name.get(..NAME_SHOWN).unwrap_or(name));
            let container = self.name.to_ascii_uppercase();
            let text = format!("ERR unknown subcommand '{name}'. Try {container} HELP.");
            return Err(Refusal::new(text));
        };
        if !chosen.takes(arguments.count()) {
            return Err(wrong_arity(&format!("{}|{}", self.name, chosen.name)));
        }
        Ok(chosen)
    }
}

/// How much of a name that nobody knows is repeated to whoever sent it.
pub(super) const NAME_SHOWN: usize = 128;

/// The refusal of a call with too many or too few arguments.
pub(super) fn wrong_arity(name: &str) -> Refusal {
    Refusal::new(format!("ERR wrong number of arguments for '{name}' command"))
}
