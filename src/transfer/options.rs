//! The options of exports and imports.

use std::fmt;

use super::transfer_format::TransferFormat;
use crate::sync::Arc;

/// A function that is told how many keys were moved.
#[derive(Clone)]
struct KeysCallback(Arc<dyn Fn(u64) + Send + Sync>);

impl fmt::Debug for KeysCallback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a function")
    }
}

/// The options of an export.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    pub(super) format: TransferFormat,
    pub(super) keyspace: Option<String>,
    on_progress: Option<KeysCallback>,
}

/// The options of an import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    pub(super) format: TransferFormat,
    pub(super) keyspace: Option<String>,
    pub(super) merge: bool,
    on_progress: Option<KeysCallback>,
}

macro_rules! shared_options {
    ($options:ty) => {
        impl $options {
            /// Sets the format; the default is JSON Lines.
            #[must_use]
            pub fn format(mut self, format: TransferFormat) -> Self {
                self.format = format;
                self
            }

            /// Sets a function that is told, page by page, how many keys there were so far.
            #[must_use]
            pub fn on_progress(mut self, callback: impl Fn(u64) + Send + Sync + 'static) -> Self {
                self.on_progress = Some(KeysCallback(Arc::new(callback)));
                self
            }

            /// Tells that there were so many keys so far.
            pub(super) fn tell(&self, keys: u64) {
                if let Some(KeysCallback(callback)) = &self.on_progress {
                    callback(keys);
                }
            }
        }
    };
}

shared_options!(ExportOptions);
shared_options!(ImportOptions);

impl ExportOptions {
    /// Exports the keyspace with this name alone; by default every keyspace.
    #[must_use]
    pub fn keyspace(mut self, name: impl Into<String>) -> Self {
        self.keyspace = Some(name.into());
        self
    }
}

impl ImportOptions {
    /// Sets the keyspace that gets the entries whose keyspace the source does not name; by default
    /// it is the default one.
    #[must_use]
    pub fn keyspace(mut self, name: impl Into<String>) -> Self {
        self.keyspace = Some(name.into());
        self
    }

    /// Allows the store to have keys already: those that the source has too are replaced, and
    /// removed where they have expired there. Without it a store with keys is refused.
    #[must_use]
    pub fn merge(mut self, merge: bool) -> Self {
        self.merge = merge;
        self
    }
}
