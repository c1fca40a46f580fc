//! The check of a password that a client gives.

use std::cell::RefCell;
use std::time::Instant;

use super::scope::Scope;
use crate::server::log_limit::LogLimit;

/// The one user there is, as Redis names it.
pub(crate) const USER: &[u8] = b"default";

/// The wrong passwords after which a connection is closed.
const WRONG_PASSWORDS_MAX: u64 = 3;

thread_local! {
    static LIMIT: RefCell<LogLimit> = RefCell::default();
}

/// The refusal of a user or a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrongPassword {
    /// True if the client gave so many that its connection is to be closed.
    pub(crate) is_last: bool,
}

/// Lets the client in if the password is right, or if none is needed. A client that was in before
/// stays in after a wrong one.
pub(crate) fn authenticate(
    user: &[u8],
    password: &[u8],
    scope: &Scope<'_>,
) -> Result<(), WrongPassword> {
    let Scope { context, session, .. } = *scope;
    let passwords = context.options.passwords.as_ref();
    if user == USER && passwords.is_none_or(|passwords| passwords.admit(password)) {
        session.set_authenticated(true);
        return Ok(());
    }
    context.statistics.wrong_passwords.add(1);
    if let Some(more) = LIMIT.with_borrow_mut(|limit| limit.admit(Instant::now())) {
        let address = &session.address;
        log::warn!("refused a wrong user or password of {address} ({more} more not logged)");
    }
    Err(WrongPassword { is_last: session.add_wrong_password() >= WRONG_PASSWORDS_MAX })
}
