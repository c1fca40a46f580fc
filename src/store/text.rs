//! Views of a store as text: keys and values are `String`s.

use std::path::PathBuf;

use super::handle::Store;
use crate::{EngineKind, Error, Options, Result, error};

/// A store of text that many threads use through clones of one handle.
pub trait KvsEngine: Clone + Send + 'static {
    /// Sets the key to the value.
    ///
    /// # Errors
    /// As [`set`](crate::Keyspace::set) of a store.
    fn set(&self, key: String, value: String) -> Result<()>;

    /// Returns the value of the key, `None` when it is absent.
    ///
    /// # Errors
    /// As [`get`](crate::KeyspaceView::get) of a store, and [`Error::NotText`] if the value is not
    /// UTF-8.
    fn get(&self, key: String) -> Result<Option<String>>;

    /// Removes the key.
    ///
    /// # Errors
    /// [`Error::KeyNotFound`] when it is absent, else as [`remove`](crate::Keyspace::remove) of a
    /// store.
    fn remove(&self, key: String) -> Result<()>;
}

macro_rules! text_view {
    ($(#[$documentation:meta])* $name:ident, $kind:expr) => {
        $(#[$documentation])*
        #[derive(Debug, Clone)]
        pub struct $name {
            store: Store,
        }

        impl $name {
            /// Opens the store in the directory, making it if it is missing.
            ///
            /// # Errors
            /// As [`Store::open`].
            pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
                Self::try_from(Store::open(Options::new(path).engine($kind))?)
            }

            /// Sets the key to the value.
            ///
            /// # Errors
            /// As [`set`](crate::Keyspace::set) of a store.
            pub fn set(&self, key: String, value: String) -> Result<()> {
                self.store.set(key, value)
            }

            /// Returns the value of the key, `None` when it is absent.
            ///
            /// # Errors
            /// As [`get`](crate::KeyspaceView::get) of a store, and [`Error::NotText`] if the
            /// value is not UTF-8.
            pub fn get(&self, key: String) -> Result<Option<String>> {
                let value = self.store.get(&key)?;
                let text = value.map(String::from_utf8).transpose();
                text.map_err(|_| Error::NotText { key: error::printable(key.as_bytes()) })
            }

            /// Removes the key.
            ///
            /// # Errors
            /// [`Error::KeyNotFound`] when it is absent, else as
            /// [`remove`](crate::Keyspace::remove) of a store.
            pub fn remove(&self, key: String) -> Result<()> {
                if self.store.remove(key)? { Ok(()) } else { Err(Error::KeyNotFound) }
            }

            /// Returns the store behind this view, of bytes.
            #[must_use]
            pub fn store(&self) -> &Store {
                &self.store
            }
        }

        impl TryFrom<Store> for $name {
            type Error = Error;

            /// Returns a view of an open store, or [`Error::WrongEngine`].
            fn try_from(store: Store) -> Result<Self> {
                if store.engine() == $kind {
                    return Ok(Self { store });
                }
                Err(Error::WrongEngine {
                    path: store.directory().to_path_buf(),
                    found: store.engine().to_string(),
                    wanted: $kind.to_string(),
                })
            }
        }

        // None of these calls itself: a method of the type goes before one of the trait.
        impl KvsEngine for $name {
            fn set(&self, key: String, value: String) -> Result<()> {
                $name::set(self, key, value)
            }

            fn get(&self, key: String) -> Result<Option<String>> {
                $name::get(self, key)
            }

            fn remove(&self, key: String) -> Result<()> {
                $name::remove(self, key)
            }
        }
    };
}

text_view! {
    /// Text in the `kvs` engine.
    ///
    /// ```
    /// use kvs::KvStore;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let store = KvStore::open(directory.path())?;
    /// store.set("key".to_owned(), "value".to_owned())?;
    /// assert_eq!(store.get("key".to_owned())?, Some("value".to_owned()));
    /// store.remove("key".to_owned())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    KvStore, EngineKind::Kvs
}

#[cfg(feature = "sled")]
text_view! {
    /// Text in the `sled` engine, in builds with the Cargo feature `sled`.
    ///
    /// ```
    /// use kvs::SledKvsEngine;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let store = SledKvsEngine::open(directory.path())?;
    /// store.set("key".to_owned(), "value".to_owned())?;
    /// assert_eq!(store.get("key".to_owned())?, Some("value".to_owned()));
    /// store.remove("key".to_owned())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    SledKvsEngine, EngineKind::Sled
}
