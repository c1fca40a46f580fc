//! The passwords that let clients in.

use std::fmt;

use hmac_sha256::Hash;

use crate::{Error, Result};

/// The most bytes of a password.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Passwords of a server, any of which lets a client in. Several are valid while one is being
/// replaced by another.
///
/// Only their SHA-256 hashes are kept, so choose them at random and long: a hash does not hide a
/// word of a dictionary from whoever gets the memory of the process.
#[derive(Clone, PartialEq, Eq)]
pub struct Passwords {
    hashes: Vec<[u8; 32]>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Passwords({})", self.hashes.len())
    }
}

impl Passwords {
    /// Returns passwords of which each has 1 to 1024 bytes.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if there is none, or one is empty or longer.
    pub fn new<P: AsRef<[u8]>>(passwords: impl IntoIterator<Item = P>) -> Result<Self> {
        let mut hashes = Vec::new();
        for password in passwords {
            let password = password.as_ref();
            if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
                return Err(Error::InvalidOption(format!(
                    "a password has 1 to {PASSWORD_BYTES_MAX} bytes, this one has {}",
                    password.len()
                )));
            }
            hashes.push(Hash::hash(password));
        }
        if hashes.is_empty() {
            return Err(Error::InvalidOption("no password is given".to_owned()));
        }
        Ok(Self { hashes })
    }

    /// Returns true if this is one of the passwords, in a time that depends on its length alone.
    pub(crate) fn admit(&self, password: &[u8]) -> bool {
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        // Without an early end, which would tell the first password from the last one.
        self.hashes.iter().fold(false, |found, hash| found | Hash::verify(password, hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_passwords_is_admitted_and_nothing_else() {
        let passwords = Passwords::new(["old", "new"]).unwrap();
        for (password, is_admitted) in
            [("old", true), ("new", true), ("", false), ("ol", false), ("old\0", false)]
        {
            assert_eq!(passwords.admit(password.as_bytes()), is_admitted, "{password}");
        }
        let longest = vec![b'x'; PASSWORD_BYTES_MAX];
        assert!(Passwords::new([&longest]).unwrap().admit(&longest));
        assert_eq!(format!("{passwords:?}"), "Passwords(2)");
    }

    #[test]
    fn passwords_that_nobody_could_give_are_refused() {
        let none: [&str; 0] = [];
        assert!(Passwords::new(none).is_err());
        assert!(Passwords::new(["good", ""]).is_err());
        let long = vec![b'x'; PASSWORD_BYTES_MAX + 1];
        let error = Passwords::new([long]).unwrap_err();
        assert!(error.to_string().contains("this one has 1025"), "{error}");
    }
}
