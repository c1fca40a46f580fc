//! Operations that read one key and write another: copies, and combinations of bits.

use super::bit_combination::{BitCombination, BitOperator};
use super::key_copy::KeyCopy;
use super::outcome::WriteAnswer;
use super::resolve::Resolver;
use crate::Result;
use crate::engine::{Entry, KeyspaceId, MutationKind, ValueType};

impl Resolver<'_> {
    /// Copies a key into a keyspace. Answers a flag, true if the target is now what the source was:
    /// a source that is its own target stays as it is.
    pub(super) fn copy_key(&mut self, keyspace: KeyspaceId, copy: KeyCopy) -> Result<WriteAnswer> {
        let KeyCopy { source_keyspace, source, target, replaces, removes_source } = copy;
        let (target_origin, source_origin) = (self.origin, self.origin.within(source_keyspace));
        let source_keyspace = self.placed(source_keyspace)?;
        self.refuse_dropped(source_keyspace)?;
        let is_refused = !replaces && self.is_there(keyspace, &target)?;
        if is_refused || !self.is_there(source_keyspace, &source)? {
            return Ok(WriteAnswer::Flag(false));
        }
        if (source_keyspace, &source) == (keyspace, &target) {
            return Ok(WriteAnswer::Flag(true));
        }
        let Some(entry) = self.entry(source_keyspace, &source)? else {
            return Ok(WriteAnswer::Flag(false));
        };
        let expires_at = entry.expiry();
        let Entry { value, value_type, .. } = entry;
        self.limits.check_value(&target, &value)?;
        if removes_source {
            self.origin = source_origin;
            self.change(source_keyspace, MutationKind::Remove { key: source });
            self.origin = target_origin;
        }
        self.put(keyspace, target, value, value_type, expires_at)?;
        Ok(WriteAnswer::Flag(true))
    }

    /// Returns true if the key is there and has not expired.
    pub(super) fn is_there(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<bool> {
        let stored = self.meta(keyspace, key)?;
        Ok(stored.is_some_and(|meta| self.is_alive(meta.expires_at)))
    }

    /// Sets a key to a combination of others. Answers its length in bytes.
    pub(super) fn combine_bits(
        &mut self,
        keyspace: KeyspaceId,
        combination: BitCombination,
    ) -> Result<WriteAnswer> {
        let BitCombination { operator, target, sources } = combination;
        let mut combined: Option<Vec<u8>> = None;
        for source in &sources {
            let next = self.string(keyspace, source)?;
            self.made.note_combined(next.len());
            self.made.check()?;
            match &mut combined {
                None => combined = Some(next),
                Some(value) => operator.combine(value, &next),
            }
        }
        let mut value = combined.unwrap_or_default();
        if operator == BitOperator::Not {
            value.iter_mut().for_each(|byte| *byte = !*byte);
        }
        let length = i64::try_from(value.len()).unwrap_or(i64::MAX);
        if !value.is_empty() {
            self.limits.check_value(&target, &value)?;
            self.put(keyspace, target, value, ValueType::STRING, None)?;
        } else if self.meta(keyspace, &target)?.is_some() {
            self.change(keyspace, MutationKind::Remove { key: target });
        }
        Ok(WriteAnswer::Integer(length))
    }

    /// Returns the value of a key, an empty one if it is absent.
    fn string(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<Vec<u8>> {
        let found = self.entry(keyspace, key)?;
        let Some(entry) = found.filter(|entry| self.is_alive(entry.expiry())) else {
            return Ok(Vec::new());
        };
        entry.value_type.require_string()?;
        Ok(entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{self, Sequence, UnixMillis};
    use crate::store::batch::Batch;
    use crate::store::limits::SizeLimits;
    use crate::store::operation::{KeyspaceOperation, WriteOperation};
    use crate::{EngineKind, Options};

    const OTHER: KeyspaceId = KeyspaceId(2);

    fn put(key: &str, value: &str) -> KeyspaceOperation {
        WriteOperation::set(key, value, Some(UnixMillis(100))).into()
    }

    /// Copies a key of the default keyspace into the other one.
    fn copy(source: &str, target: &str, replaces: bool, removes_source: bool) -> KeyspaceOperation {
        let (source_keyspace, source) = (KeyspaceId::DEFAULT, source.into());
        let target = target.into();
        let copy = KeyCopy { source_keyspace, source, target, replaces, removes_source };
        KeyspaceOperation { keyspace: OTHER, operation: WriteOperation::CopyKey(Box::new(copy)) }
    }

    fn read(keyspace: KeyspaceId, key: &str) -> KeyspaceOperation {
        let operation = WriteOperation::Read { key: key.into(), with_value: true };
        KeyspaceOperation { keyspace, operation }
    }

    #[test]
    fn a_key_moves_into_another_keyspace_with_its_expiry_unless_it_is_there_already() {
        let engine = engine::open(&Options::new("unused").engine(EngineKind::Memory)).unwrap();
        let limits = SizeLimits::new(&Options::new("unused"));
        let mut resolver = Resolver::new(&*engine.reader, limits, UnixMillis(1), Sequence(1), true);
        let batch: Batch = [
            put("a", "1"),
            copy("nope", "a", true, true),
            copy("a", "a", false, true),
            put("a", "2"),
            copy("a", "a", false, true),
            copy("a", "b", false, false),
            read(KeyspaceId::DEFAULT, "a"),
            read(OTHER, "a"),
            read(OTHER, "b"),
            copy("a", "a", true, true),
            read(KeyspaceId::DEFAULT, "a"),
            read(OTHER, "a"),
        ]
        .into_iter()
        .collect();
        let answers = resolver.add(batch).unwrap().answers;
        let flags = [1, 2, 4, 5, 9].map(|position: usize| answers[position].clone());
        assert_eq!(flags, [false, true, false, true, true].map(WriteAnswer::Flag));
        let found = [6, 7, 8, 10, 11].map(|position: usize| match &answers[position] {
            WriteAnswer::Entry(Some(entry)) => {
                assert_eq!(entry.expires_at, Some(100));
                str::from_utf8(&entry.value).unwrap()
            }
            WriteAnswer::Entry(None) => "none",
            other => panic!("{other:?}"),
        });
        assert_eq!(found, ["2", "1", "2", "none", "2"]);
    }
}
