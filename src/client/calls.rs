//! The calls that read and write keys, which every handle on a keyspace has.

/// Makes the function that takes one kind of answer and says `None` to every other.
macro_rules! answered {
    ($answer:pat => $result:expr) => {
        |answer| match answer {
            $answer => Some($result),
            _ => None,
        }
    };
}
pub(super) use answered;

/// Implements the calls that read for a handle with a method `call`.
macro_rules! read_calls {
    ($handle:ty) => {
        impl $handle {
            /// Returns the value of the key, or `None` if the key is not there or has expired.
            pub fn get(&mut self, key: impl AsRef<[u8]>) -> ClientResult<Option<Vec<u8>>> {
                let key = key.as_ref().into();
                self.call(
                    RequestOperation::Get { key },
                    answered!(Success::Value(value) => value.map(ByteString::into_vec)),
                )
            }

            /// Returns the values of many keys, in the order of the keys.
            pub fn get_many<K: AsRef<[u8]>>(
                &mut self,
                keys: &[K],
            ) -> ClientResult<Vec<Option<Vec<u8>>>> {
                let wanted = keys.len();
                let keys = keys.iter().map(|key| key.as_ref().into()).collect();
                self.call(RequestOperation::GetMany { keys }, |answer| match answer {
                    Success::Values(values) if values.len() == wanted => {
                        let values = values.into_iter();
                        Some(values.map(|value| value.map(ByteString::into_vec)).collect())
                    }
                    _ => None,
                })
            }

            /// Returns true if the key is there.
            pub fn contains(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
                let key = key.as_ref().into();
                self.call(
                    RequestOperation::Contains { key },
                    answered!(Success::Flag(flag) => flag),
                )
            }

            /// Returns the number of keys.
            pub fn count(&mut self) -> ClientResult<u64> {
                self.call(RequestOperation::Count, answered!(Success::Number(number) => number))
            }

            /// Returns the first `limit` keys of the range with their values, in key order.
            ///
            /// A long range takes several requests. Each sees one point in time, but not the same
            /// one.
            ///
            /// ```no_run
            /// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
            /// for (key, value) in client.scan(b"a".to_vec()..b"b".to_vec(), 100)? {
            ///     println!("{} = {}", key.escape_ascii(), value.escape_ascii());
            /// }
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn scan(
                &mut self,
                range: impl RangeBounds<Vec<u8>>,
                limit: usize,
            ) -> ClientResult<Vec<(Vec<u8>, Vec<u8>)>> {
                let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
                scan::collect(bounds, limit, |operation, wanted| {
                    self.call(operation, |answer| scan::page(answer, wanted))
                })
            }
        }
    };
}
pub(super) use read_calls;

/// Implements the calls that write for a handle with a method `call`.
macro_rules! write_calls {
    ($handle:ty) => {
        impl $handle {
            /// Sets the key to the value, for good: an expiry it had is gone.
            pub fn set(
                &mut self,
                key: impl AsRef<[u8]>,
                value: impl AsRef<[u8]>,
            ) -> ClientResult<()> {
                let operation = RequestOperation::Set {
                    key: key.as_ref().into(),
                    value: value.as_ref().into(),
                    expires_at: None,
                };
                self.call(operation, answered!(Success::Applied { .. } => ()))
            }

            /// Removes the key; false if it was not there.
            pub fn remove(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
                let key = key.as_ref().into();
                self.call(
                    RequestOperation::Remove { key },
                    answered!(Success::Removed(removed) => removed),
                )
            }
        }
    };
}
pub(super) use write_calls;
