//! A row of the table of commands.

use super::command_error::CommandError;
use crate::protocol::resp::Arguments;

/// One command, or one subcommand of a command that is only a container.
///
/// `F` is the function that executes it. It takes a call, which knows the table; so that this file
/// need not know the call, it is left open here.
pub(super) struct CommandRow<F: 'static> {
    /// The name in lower case; that of a subcommand without its container.
    pub(super) name: &'static str,
    /// The number of arguments, the name included; negative if that is the least number.
    pub(super) arity: i8,
    /// Properties that proxies and clients may want to know before they send it.
    pub(super) flags: &'static [Flag],
    /// The arguments that are keys.
    pub(super) keys: KeyArguments,
    /// The function that executes it, once the arity is checked.
    pub(super) function: F,
    /// The subcommands among which the first argument chooses; none for ordinary commands.
    pub(super) subcommands: &'static [CommandRow<F>],
}

/// A property of a command, as Redis names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    Admin,
    AllowBusy,
    DenyOom,
    Fast,
    Loading,
    /// Some arguments that are keys are found by the options before them.
    MovableKeys,
    NoAsyncLoading,
    NoAuth,
    /// Refused in a transaction.
    NoMulti,
    NoScript,
    Pubsub,
    ReadOnly,
    /// Not in the slow log.
    SkipSlowlog,
    Stale,
    /// Not shown; the command is executed at once where others wait for `EXEC`.
    Unqueued,
    /// Not shown; a subscribed client of RESP2 may send it. It could not tell the replies to others
    /// from messages.
    WhileSubscribed,
    Write,
}

/// The arguments of a command that are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyArguments {
    /// None.
    None,
    /// The first.
    One,
    /// The first and the second.
    Two,
    /// The second.
    Second,
    /// All from the second on.
    FromSecond,
    /// All.
    All,
    /// Every other one, with values between them.
    Pairs,
    /// None; but a cluster finds the first, a channel of a shard, as it does a key.
    ShardChannel,
    /// None; but a cluster finds all, channels of a shard, as it does keys.
    ShardChannels,
}

impl KeyArguments {
    /// Returns the position of the first key, of the last (negative: from the end), and the
    /// distance from one to the next.
    pub(super) fn positions(self) -> (i64, i64, i64) {
        match self {
            Self::None => (0, 0, 0),
            Self::One | Self::ShardChannel => (1, 1, 1),
            Self::Two => (1, 2, 1),
            Self::Second => (2, 2, 1),
            Self::FromSecond => (2, -1, 1),
            Self::All | Self::ShardChannels => (1, -1, 1),
            Self::Pairs => (1, -1, 2),
        }
    }
}

impl<F> CommandRow<F> {
    /// Returns true if the command takes this many arguments, the name included.
    pub(super) fn takes(&self, count: usize) -> bool {
        let least = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { count >= least } else { count == least }
    }

    /// Returns true if the command has this property.
    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Returns true if a call is so short that reading the clock for each would cost some percents:
    /// those about one key, and those that are fast and write nothing.
    pub(super) fn is_short(&self) -> bool {
        self.keys == KeyArguments::One || self.has(Flag::Fast) && !self.has(Flag::Write)
    }

    /// Returns the subcommand of that name, in any case.
    pub(super) fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        self.subcommands.get(self.subcommand_position(name)?)
    }

    /// Returns the position of the subcommand of that name, in any case.
    fn subcommand_position(&self, name: &[u8]) -> Option<usize> {
        self.subcommands.iter().position(|row| row.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Returns the position of the subcommand that a call names, if it names one.
    pub(super) fn named_subcommand(&self, arguments: &Arguments<'_>) -> Option<usize> {
        match self.subcommands {
            [] => None,
            _ => self.subcommand_position(arguments.get(1)?),
        }
    }

    /// Returns the name of a subcommand behind the name of this command, which contains it.
    pub(super) fn full_name(&self, subcommand: &Self) -> String {
        format!("{}|{}", self.name, subcommand.name)
    }

    /// Returns the row that executes a call of this command: itself or one of its subcommands.
    pub(super) fn choose(&self, arguments: &Arguments<'_>) -> Result<&Self, CommandError> {
        if !self.takes(arguments.count()) {
            return Err(CommandError::wrong_arity(self.name));
        }
        let Some(name) = arguments.get(1).filter(|_| !self.subcommands.is_empty()) else {
            return Ok(self);
        };
        let Some(chosen) = self.subcommand(name) else {
            return Err(CommandError::unknown_subcommand(self.name, name));
        };
        if !chosen.takes(arguments.count()) {
            return Err(CommandError::wrong_arity(&self.full_name(chosen)));
        }
        Ok(chosen)
    }
}
