//! The effects of batches on a model of a store.

use super::Model;
use crate::engine::KeyspaceId;
use crate::store::catalogue::{database_row, first_name, is_name};
use crate::store::clock::manual;
use crate::store::database::named_database;
use crate::store::{Batch, CatalogueOperation, KeyCopy, KeyspaceOperation, WriteOperation};

/// The effect of operations on a model.
pub(super) type Effect = Box<dyn Fn(&mut Model)>;

/// Returns the effect of a batch of puts, removals and clears.
pub(super) fn effect(batch: &Batch) -> Effect {
    let now = manual::now();
    let effects = batch.operations.iter().map(|operation| operation_effect(operation, now));
    let effects: Vec<Effect> = effects.collect();
    Box::new(move |model| effects.iter().for_each(|effect| effect(model)))
}

/// Returns the effect of an operation at this time.
fn operation_effect(
    KeyspaceOperation { keyspace, operation }: &KeyspaceOperation,
    now: u64,
) -> Effect {
    let keyspace = *keyspace;
    if let Some(database) = named_database(keyspace) {
        let operation = operation.clone();
        return Box::new(move |model| {
            let sets = sets_key(model, &operation, now);
            if let Some(keyspace) = keyspace_of(model, database, sets) {
                let operation = operation.clone();
                operation_effect(&KeyspaceOperation { keyspace, operation }, now)(model);
            }
        });
    }
    match operation {
        WriteOperation::Put { key, value, expires_at } => {
            let expires_at = expires_at.map(|time| time.0);
            let (key, entry) = (placed(keyspace, key), (value.clone(), expires_at));
            Box::new(move |model| drop(model.insert(key.clone(), entry.clone())))
        }
        WriteOperation::Remove { key } => {
            let key = placed(keyspace, key);
            Box::new(move |model| drop(model.remove(&key)))
        }
        WriteOperation::RemoveRange { start, end } => {
            let (start, end) = (start.clone(), end.clone());
            Box::new(move |model| remove_range(model, keyspace, &start, &end))
        }
        WriteOperation::CopyKey(copy) => {
            let copy = copy.clone();
            Box::new(move |model| copy_key(model, keyspace, &copy, now))
        }
        WriteOperation::Catalogue(operation) => {
            let operation = operation.clone();
            Box::new(move |model| change_catalogue(model, &operation))
        }
        // The only update that is used here.
        WriteOperation::Update { key, .. } => {
            let key = placed(keyspace, key);
            Box::new(move |model| {
                let entry = model.entry(key.clone()).or_default();
                if entry.1.is_some_and(|time| time <= now) {
                    *entry = Default::default();
                }
                entry.0.push(b'+');
            })
        }
        // None is refused here.
        WriteOperation::Attempt(operations) => {
            let effects = operations.iter().map(|operation| operation_effect(operation, now));
            let effects: Vec<Effect> = effects.collect();
            Box::new(move |model| effects.iter().for_each(|effect| effect(model)))
        }
        WriteOperation::CombineBits(_) => unreachable!("none is drawn"),
        WriteOperation::Require { .. }
        | WriteOperation::Read { .. }
        | WriteOperation::RequireUnchanged(_) => Box::new(|_| {}),
    }
}

/// Returns true if an operation on a keyspace without keys sets one.
fn sets_key(model: &Model, operation: &WriteOperation, now: u64) -> bool {
    match operation {
        WriteOperation::Put { .. } | WriteOperation::Update { .. } => true,
        WriteOperation::CopyKey(copy) => {
            source(model, copy).is_some_and(|source| alive(model, &source, now).is_some())
        }
        _ => false,
    }
}

/// Returns the entry of a key that is there and has not expired.
fn alive(model: &Model, key: &[u8], now: u64) -> Option<(Vec<u8>, Option<u64>)> {
    let entry = model.get(key).filter(|(_, expires_at)| expires_at.is_none_or(|at| at > now));
    entry.cloned()
}

/// Returns the keyspace of a database, which is made if there is none and a key is set.
fn keyspace_of(model: &mut Model, database: u32, sets: bool) -> Option<KeyspaceId> {
    let found = found_keyspace(model, database);
    if found.is_none() && sets {
        let name = String::from_utf8(keyspace_name(model, database)).unwrap();
        change_catalogue(model, &CatalogueOperation::Create { name });
        return found_keyspace(model, database);
    }
    found
}

/// Returns the keyspace of a database, if there is one.
fn found_keyspace(model: &Model, database: u32) -> Option<KeyspaceId> {
    match keyspace_name(model, database) {
        name if name == b"default" => Some(KeyspaceId::DEFAULT),
        name => model.get(&catalogue_key(&name)).map(|(number, _)| KeyspaceId(number[0].into())),
    }
}

/// Returns the name of the keyspace that a database stands for.
fn keyspace_name(model: &Model, database: u32) -> Vec<u8> {
    let row = model.get(&catalogue_key(&database_row(database)));
    row.map_or_else(|| first_name(database).into_bytes(), |(name, _)| name.clone())
}

/// Returns the source of a copy, unless it is in a database without a keyspace.
fn source(model: &Model, copy: &KeyCopy) -> Option<Vec<u8>> {
    let keyspace = match named_database(copy.source_keyspace) {
        Some(database) => found_keyspace(model, database)?,
        None => copy.source_keyspace,
    };
    Some(placed(keyspace, &copy.source))
}

/// Returns a key of the catalogue as it is in a model.
fn catalogue_key(key: &[u8]) -> Vec<u8> {
    placed(KeyspaceId::CATALOGUE, key)
}

/// Returns a key as it is in a model: behind the number of its keyspace, unless that is the default
/// one.
pub(super) fn placed(keyspace: KeyspaceId, key: &[u8]) -> Vec<u8> {
    match keyspace {
        KeyspaceId::DEFAULT => key.to_vec(),
        KeyspaceId(number) => [&[KEYSPACE_MARK][..], &number.to_be_bytes(), key].concat(),
    }
}

/// Returns the keyspace and the key of a key in a model.
pub(super) fn unplaced(key: &[u8]) -> (KeyspaceId, &[u8]) {
    match key.split_at_checked(1 + size_of::<u32>()) {
        Some(([KEYSPACE_MARK, number @ ..], key)) => {
            (KeyspaceId(u32::from_be_bytes(number.try_into().unwrap())), key)
        }
        _ => (KeyspaceId::DEFAULT, key),
    }
}

/// No key of the default keyspace begins like this.
const KEYSPACE_MARK: u8 = 0xFF;

fn copy_key(model: &mut Model, keyspace: KeyspaceId, copy: &KeyCopy, now: u64) {
    let Some(source) = source(model, copy) else { return };
    let target = placed(keyspace, &copy.target);
    let is_refused = !copy.replaces && alive(model, &target, now).is_some();
    let found = alive(model, &source, now);
    let Some(entry) = found.filter(|_| !is_refused && source != target) else { return };
    model.insert(target, entry);
    if copy.removes_source {
        model.remove(&source);
    }
}

fn remove_range(model: &mut Model, keyspace: KeyspaceId, start: &[u8], end: &[u8]) {
    let first = placed(keyspace, b"");
    model.retain(|key, _| {
        let is_default = key.first() != Some(&KEYSPACE_MARK);
        let key = match keyspace {
            KeyspaceId::DEFAULT if is_default => &key[..],
            KeyspaceId::DEFAULT => return true,
            _ => match key.strip_prefix(&first[..]) {
                Some(key) => key,
                None => return true,
            },
        };
        key < start || !end.is_empty() && key >= end
    });
}

/// Does what was not refused; numbers are below 128, and so one byte each.
fn change_catalogue(model: &mut Model, operation: &CatalogueOperation) {
    let name = |name: &str| catalogue_key(name.as_bytes());
    match operation {
        CatalogueOperation::Create { name: new } => {
            let next = model.get(&name("")).map_or(2, |(value, _)| value[0]);
            model.insert(name(new), (vec![next], None));
            model.insert(name(""), (vec![next + 1], None));
        }
        CatalogueOperation::Rename { from, to } => {
            // Where an earlier outcome is not known, it need not be there.
            if let Some(number) = model.remove(&name(from)) {
                model.insert(name(to), number);
            }
        }
        CatalogueOperation::Swap { first, second } => {
            let of = |given: &str| model.get(&name(given)).cloned();
            if let (Some(one), Some(other)) = (of(first), of(second)) {
                model.insert(name(first), other);
                model.insert(name(second), one);
            }
        }
        CatalogueOperation::Drop { name: dropped } => {
            if let Some((number, _)) = model.remove(&name(dropped)) {
                remove_range(model, KeyspaceId(number[0].into()), b"", b"");
            }
        }
        CatalogueOperation::Clear => {
            let first = name("");
            let is_name = |key: &[u8]| key.strip_prefix(&first[..]).is_some_and(is_name);
            let names = model.iter().filter(|(key, _)| is_name(key));
            let numbers: Vec<_> = names.map(|(_, (value, _))| value[0]).collect();
            for number in [0].into_iter().chain(numbers) {
                remove_range(model, KeyspaceId(number.into()), b"", b"");
            }
        }
        CatalogueOperation::SwapDatabases { first, second } => {
            let of = |database: &u32| keyspace_name(model, *database);
            for (database, name) in [(*first, of(second)), (*second, of(first))] {
                let row = catalogue_key(&database_row(database));
                if name == first_name(database).as_bytes() {
                    model.remove(&row);
                } else {
                    model.insert(row, (name, None));
                }
            }
        }
    }
}
