//! Errors as somebody on the network gets them.

use super::{Error, of_key};

impl Error {
    /// Describes the error for somebody on the network, who has no use for a path of this machine.
    pub(crate) fn without_paths(&self) -> String {
        match self {
            Self::Io { key, source, .. } if self.is_disk_full() => {
                let written = match key {
                    Some(key) => format!("key \"{key}\" was not"),
                    None => "nothing was".to_owned(),
                };
                format!("the disk is full: {written} written; reads and removals go on ({source})")
            }
            Self::Io { key, source, .. } => {
                let key = of_key(key.as_deref());
                format!("a file of the store cannot be used{key}: {source}")
            }
            Self::Corrupt { reason, .. } => {
                format!("stored data is damaged: {reason}; the log of the server names the file")
            }
            Self::UnknownOutcome(error) => format!(
                "the write may or may not survive a crash: {}; the store takes no more writes",
                error.without_paths()
            ),
            Self::Poisoned(_) => {
                "the store takes no more writes after an earlier failure, which the log of the \
                 server names; restart the server"
                    .into()
            }
            Self::MemoryFull { used, max } => format!(
                "the memory for keys is used up ({used} of {max} bytes), so nothing can be added"
            ),
            Self::Removed { .. } => "the store takes no more writes: its files were removed".into(),
            Self::NotEmpty { .. } => "the directory is not empty; choose another name".into(),
            Self::Locked { .. } => {
                "the directory is in use; choose another name, or try again".into()
            }
            Self::NoStore { .. } => "the directory holds no store".into(),
            Self::UnfinishedBackup { .. } => "the directory holds an unfinished backup".into(),
            Self::UntrustedDirectory { .. } => {
                "the directory is not safe to keep a store in; the log of the server says why"
                    .into()
            }
            Self::UnsupportedFormat { .. }
            | Self::WrongEngine { .. }
            | Self::UnsupportedEngine { .. } => {
                "the directory holds a store that this server cannot use; its log says why".into()
            }
            error => error.to_string(),
        }
    }
}
