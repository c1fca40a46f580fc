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

/// Implements the calls that read, for a handle with a method `call`.
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

            /// Returns the value of the key with its version and its expiry.
            pub fn entry(&mut self, key: impl AsRef<[u8]>) -> ClientResult<Option<ClientEntry>> {
                let key = key.as_ref().into();
                self.call(
                    RequestOperation::GetVersioned { key },
                    answered!(Success::Versioned(found) => found.map(ClientEntry::from)),
                )
            }

            /// Returns the values of many keys at one point in time, in the order of the keys.
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

            /// Returns the number of keys, those included that have expired and are not removed
            /// yet.
            pub fn len(&mut self) -> ClientResult<u64> {
                self.call(RequestOperation::Count, answered!(Success::Number(number) => number))
            }

            /// Returns true if there is no key, keys that have expired left out.
            pub fn is_empty(&mut self) -> ClientResult<bool> {
                Ok(self.keys(.., 1)?.is_empty())
            }

            /// Counts the keys of the range at one point in time, keys that have expired left out.
            /// The server visits each of them.
            pub fn count(&mut self, range: impl KeyBounds) -> ClientResult<u64> {
                let (start, end) = scan::bounds(range);
                let operation = RequestOperation::CountRange { start, end };
                self.call(operation, answered!(Success::Number(number) => number))
            }

            /// Returns the lowest key of the range and its value, if the range has a key.
            pub fn first(
                &mut self,
                range: impl KeyBounds,
            ) -> ClientResult<Option<(Vec<u8>, Vec<u8>)>> {
                Ok(self.scan(range, 1)?.pop())
            }

            /// Returns the highest key of the range and its value, if the range has a key.
            pub fn last(
                &mut self,
                range: impl KeyBounds,
            ) -> ClientResult<Option<(Vec<u8>, Vec<u8>)>> {
                Ok(self.scan_reverse(range, 1)?.pop())
            }

            /// Returns the first `limit` keys of the range with their values, in key order.
            ///
            /// A long range takes several requests. Each sees one point in time, which in a
            /// snapshot is the same.
            ///
            /// ```no_run
            /// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
            /// for (key, value) in client.scan("a".."b", 100)? {
            ///     println!("{} = {}", key.escape_ascii(), value.escape_ascii());
            /// }
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn scan(
                &mut self,
                range: impl KeyBounds,
                limit: usize,
            ) -> ClientResult<Vec<(Vec<u8>, Vec<u8>)>> {
                self.pages(ClientScan::new(range), limit)
            }

            /// Returns the last `limit` keys of the range with their values, the highest first, as
            /// [`scan`](Self::scan) does.
            pub fn scan_reverse(
                &mut self,
                range: impl KeyBounds,
                limit: usize,
            ) -> ClientResult<Vec<(Vec<u8>, Vec<u8>)>> {
                self.pages(ClientScan::new(range).reverse(), limit)
            }

            /// Returns the first `limit` keys that begin with `prefix` and their values, as
            /// [`scan`](Self::scan) does.
            pub fn scan_prefix(
                &mut self,
                prefix: impl AsRef<[u8]>,
                limit: usize,
            ) -> ClientResult<Vec<(Vec<u8>, Vec<u8>)>> {
                self.scan(KeyPrefix(prefix.as_ref()), limit)
            }

            /// Returns the first `limit` keys of the range without their values, as
            /// [`scan`](Self::scan) does.
            pub fn keys(
                &mut self,
                range: impl KeyBounds,
                limit: usize,
            ) -> ClientResult<Vec<Vec<u8>>> {
                let found = self.pages(ClientScan::new(range).keys_only(), limit)?;
                Ok(found.into_iter().map(|(key, _)| key).collect())
            }

            /// Returns the next keys of a scan with their values, up to `limit` of them, and fewer
            /// if they are some megabytes. The scan goes on behind them, if it is not at its end.
            ///
            /// Each page sees one point in time, which in a snapshot is the same.
            ///
            /// ```no_run
            /// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
            /// let mut scan = kvs::ClientScan::new("a".."b").reverse();
            /// while !scan.is_at_end() {
            ///     for (key, value) in client.next_page(&mut scan, 1000)? {
            ///         println!("{} = {}", key.escape_ascii(), value.escape_ascii());
            ///     }
            /// }
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn next_page(
                &mut self,
                scan: &mut ClientScan,
                limit: usize,
            ) -> ClientResult<Vec<(Vec<u8>, Vec<u8>)>> {
                if scan.is_at_end() || limit == 0 {
                    return Ok(Vec::new());
                }
                let page = self.call(scan.request(limit), |answer| scan::page(answer, limit))?;
                Ok(scan.take(page))
            }

            fn pages(
                &mut self,
                mut scan: ClientScan,
                limit: usize,
            ) -> ClientResult<Vec<(Vec<u8>, Vec<u8>)>> {
                let mut found = Vec::new();
                while found.len() < limit && !scan.is_at_end() {
                    found.append(&mut self.next_page(&mut scan, limit - found.len())?);
                }
                Ok(found)
            }
        }
    };
}
pub(super) use read_calls;

/// Implements the calls that write, for a handle with the methods `call` and `syncs`.
macro_rules! write_calls {
    ($handle:ty) => {
        impl $handle {
            /// Sets the key to the value, for good: an expiry it had is gone.
            pub fn set(
                &mut self,
                key: impl AsRef<[u8]>,
                value: impl AsRef<[u8]>,
            ) -> ClientResult<()> {
                self.put(key.as_ref(), value.as_ref(), None)
            }

            /// Sets the key to the value until it expires; a time after this call counts by the
            /// clock of this machine.
            pub fn set_expiring(
                &mut self,
                key: impl AsRef<[u8]>,
                value: impl AsRef<[u8]>,
                expiry: Expiry,
            ) -> ClientResult<()> {
                self.put(key.as_ref(), value.as_ref(), Some(time_of(expiry)))
            }

            fn put(
                &mut self,
                key: &[u8],
                value: &[u8],
                expires_at: Option<u64>,
            ) -> ClientResult<()> {
                let (key, value, sync) = (key.into(), value.into(), self.syncs());
                let operation = RequestOperation::Set { key, value, expires_at, sync };
                self.call(operation, answered!(Success::Applied { .. } => ()))
            }

            /// Sets the key to the value if the condition holds of the key; returns false if it
            /// does not.
            pub fn set_if(
                &mut self,
                key: impl AsRef<[u8]>,
                value: impl AsRef<[u8]>,
                condition: Precondition,
            ) -> ClientResult<bool> {
                let key = key.as_ref();
                let mut batch = ClientBatch::new();
                batch.require(key, condition);
                batch.set(key, value.as_ref());
                self.write_if(batch)
            }

            /// Removes the key; returns false if it was not there.
            pub fn remove(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
                let (key, sync) = (key.as_ref().into(), self.syncs());
                self.call(
                    RequestOperation::Remove { key, sync },
                    answered!(Success::Removed(removed) => removed),
                )
            }

            /// Removes the key if the condition holds of it; returns false if it does not.
            pub fn remove_if(
                &mut self,
                key: impl AsRef<[u8]>,
                condition: Precondition,
            ) -> ClientResult<bool> {
                let key = key.as_ref();
                let mut batch = ClientBatch::new();
                batch.require(key, condition);
                batch.remove(key);
                self.write_if(batch)
            }

            /// Sets the key to the value, for good, and returns the value that it had.
            pub fn swap(
                &mut self,
                key: impl AsRef<[u8]>,
                value: impl AsRef<[u8]>,
            ) -> ClientResult<Option<Vec<u8>>> {
                let (key, value, sync) = (key.as_ref().into(), value.as_ref().into(), self.syncs());
                self.call(
                    RequestOperation::Swap { key, value, sync },
                    answered!(Success::Value(value) => value.map(ByteString::into_vec)),
                )
            }

            /// Removes the key and returns the value that it had.
            pub fn take(&mut self, key: impl AsRef<[u8]>) -> ClientResult<Option<Vec<u8>>> {
                let (key, sync) = (key.as_ref().into(), self.syncs());
                self.call(
                    RequestOperation::Take { key, sync },
                    answered!(Success::Value(value) => value.map(ByteString::into_vec)),
                )
            }

            /// Adds to the integer of the key, zero where the key is absent, and returns the sum.
            /// The key keeps its expiry.
            pub fn increment(&mut self, key: impl AsRef<[u8]>, amount: i64) -> ClientResult<i64> {
                let (key, sync) = (key.as_ref().into(), self.syncs());
                self.call(
                    RequestOperation::Increment { key, amount, sync },
                    answered!(Success::Integer(sum) => sum),
                )
            }

            /// Appends to the value of the key, an empty one where the key is absent, and returns
            /// the new length in bytes. The key keeps its expiry.
            pub fn append(
                &mut self,
                key: impl AsRef<[u8]>,
                suffix: impl AsRef<[u8]>,
            ) -> ClientResult<u64> {
                let (key, suffix) = (key.as_ref().into(), suffix.as_ref().into());
                let operation = RequestOperation::Append { key, suffix, sync: self.syncs() };
                self.call(operation, answered!(Success::Number(length) => length))
            }

            /// Lets the key expire; returns false if it is not there. A time after this call counts
            /// by the clock of this machine.
            pub fn expire(
                &mut self,
                key: impl AsRef<[u8]>,
                expiry: Expiry,
            ) -> ClientResult<bool> {
                let (key, expires_at) = (key.as_ref().into(), time_of(expiry));
                let operation = RequestOperation::Expire { key, expires_at, sync: self.syncs() };
                self.call(operation, answered!(Success::Flag(flag) => flag))
            }

            /// Keeps the key for good; returns false if it is not there, or had no expiry.
            pub fn persist(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
                let (key, sync) = (key.as_ref().into(), self.syncs());
                self.call(
                    RequestOperation::Persist { key, sync },
                    answered!(Success::Flag(flag) => flag),
                )
            }

            /// Removes every key of the range, at one moment. The other writes of the server wait
            /// meanwhile, some 1.5 s for a million keys.
            pub fn remove_range(&mut self, range: impl KeyBounds) -> ClientResult<()> {
                let (start, end) = scan::bounds(range);
                let operation = RequestOperation::RemoveRange { start, end, sync: self.syncs() };
                self.call(operation, answered!(Success::Applied { .. } => ()))
            }

            /// Removes every key that begins with `prefix`, as [`remove_range`](Self::remove_range)
            /// does.
            pub fn remove_prefix(&mut self, prefix: impl AsRef<[u8]>) -> ClientResult<()> {
                self.remove_range(KeyPrefix(prefix.as_ref()))
            }

            /// Applies the batch: all of it or nothing. Writes that name no keyspace go to this
            /// one.
            pub fn write(&mut self, batch: ClientBatch) -> ClientResult<()> {
                let (items, sync) = (batch.into_items(), self.syncs());
                let operation = RequestOperation::Batch { items, reads: None, sync };
                self.call(operation, answered!(Success::Applied { .. } => ()))
            }

            /// Applies the batch; returns false if a condition of it does not hold.
            fn write_if(&mut self, batch: ClientBatch) -> ClientResult<bool> {
                match self.write(batch) {
                    Ok(()) => Ok(true),
                    Err(error) if error.failure_kind() == Some(FailureKind::ConditionFailed) => {
                        Ok(false)
                    }
                    Err(error) => Err(error),
                }
            }
        }
    };
}
pub(super) use write_calls;
