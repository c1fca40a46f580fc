//! Lists inside messages, bounded in their number of items in both directions.
//!
//! An item of one byte on the wire may need a hundred bytes in memory. Without a limit on items, a
//! frame within its own limit could therefore demand many times its size.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};

/// Most items in one list of a message; a longer list is refused by sender and receiver alike.
pub const LIST_ITEMS_MAX: usize = 1 << 20;

/// Most keys, ranges and names each in what a transaction has read.
pub const READS_MAX: usize = 1 << 16;

/// Encodes a list, for `#[serde(with = "list")]`.
pub(super) fn serialize<T, S>(items: &[T], serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    bounded::<LIST_ITEMS_MAX, T, S>(items, serializer)
}

fn bounded<const MAX: usize, T, S>(items: &[T], serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    if items.len() > MAX {
        return Err(S::Error::custom("list is too long"));
    }
    items.serialize(serializer)
}

/// Decodes a list, for `#[serde(with = "list")]`.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(ListVisitor::<LIST_ITEMS_MAX, T>(PhantomData))
}

/// Lists of what a transaction has read, for `#[serde(with = "list::reads")]`: the items of one
/// frame take less memory than a large value.
pub(super) mod reads {
    use super::{
        Deserialize, Deserializer, ListVisitor, PhantomData, READS_MAX, Serialize, Serializer,
    };

    /// Encodes a list.
    pub(in super::super) fn serialize<T, S>(items: &[T], serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Serialize,
        S: Serializer,
    {
        super::bounded::<READS_MAX, T, S>(items, serializer)
    }

    /// Decodes a list.
    pub(in super::super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        deserializer.deserialize_seq(ListVisitor::<READS_MAX, T>(PhantomData))
    }
}

struct ListVisitor<const MAX: usize, T>(PhantomData<T>);

impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for ListVisitor<MAX, T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        // The announced length is not used to reserve memory, because the peer may have lied.
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            if items.len() == MAX {
                return Err(A::Error::custom("list is too long"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct List(#[serde(with = "super")] Vec<u8>);

    /// Bytes of a list whose announced length and contents are both `items` long.
    fn encoded(items: usize) -> Vec<u8> {
        postcard::to_stdvec(&vec![7_u8; items]).unwrap()
    }

    #[test]
    fn the_limit_itself_is_allowed_both_ways() {
        let list: List = postcard::from_bytes(&encoded(LIST_ITEMS_MAX)).unwrap();
        assert_eq!(list.0.len(), LIST_ITEMS_MAX);
        assert_eq!(postcard::to_stdvec(&list).unwrap(), encoded(LIST_ITEMS_MAX));
    }

    #[test]
    fn one_item_more_is_refused_both_ways() {
        assert!(postcard::from_bytes::<List>(&encoded(LIST_ITEMS_MAX + 1)).is_err());
        assert!(postcard::to_stdvec(&List(vec![7; LIST_ITEMS_MAX + 1])).is_err());
    }

    #[test]
    fn a_huge_announced_length_reserves_nothing() {
        /// Hands out one item and claims that any number of them follow.
        struct Liar(bool);

        impl<'de> SeqAccess<'de> for Liar {
            type Error = serde::de::value::Error;

            fn next_element_seed<S: serde::de::DeserializeSeed<'de>>(
                &mut self,
                seed: S,
            ) -> Result<Option<S::Value>, Self::Error> {
                if std::mem::replace(&mut self.0, true) {
                    return Ok(None);
                }
                seed.deserialize(serde::de::value::U8Deserializer::new(1)).map(Some)
            }

            fn size_hint(&self) -> Option<usize> {
                Some(usize::MAX)
            }
        }

        let items = ListVisitor::<LIST_ITEMS_MAX, u8>(PhantomData).visit_seq(Liar(false)).unwrap();
        assert_eq!(items, [1]);
        assert!(items.capacity() < 64, "reserved {}", items.capacity());
    }
}
