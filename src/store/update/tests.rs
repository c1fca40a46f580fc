//! Every update, on keys that are there, that are not, and that have an expiry.

use super::WriteAnswer::{Bytes, Done, Flag, Integer, Integers};
use super::*;
use crate::store::bit_field::{FieldOverflow, FieldType};

const EXPIRY: Option<u64> = Some(100);

impl Update {
    /// Returns what it does to a key whose value suits it.
    fn on(&self, entry: Option<Entry>) -> (KeyChange, WriteAnswer) {
        self.apply(b"k", entry).unwrap()
    }
}

fn of(value: &str, expires_at: Option<u64>) -> Entry {
    Entry { value: value.into(), version: 7, expires_at, value_type: ValueType::STRING }
}

fn entry(value: &str) -> Option<Entry> {
    Some(of(value, EXPIRY))
}

fn lasting(value: &str) -> Option<Entry> {
    entry(value).map(|entry| Entry { expires_at: None, ..entry })
}

fn put(value: &str, expires_at: Option<u64>) -> KeyChange {
    string(value.into(), expires_at.map(UnixMillis))
}

fn old(value: &str) -> WriteAnswer {
    Bytes(Some(value.into()))
}

#[test]
fn a_sum_starts_at_zero_and_keeps_the_expiry() {
    assert_eq!(Update::Add(5).on(None), (put("5", None), Integer(5)));
    assert_eq!(Update::Add(-7).on(entry("5")), (put("-2", EXPIRY), Integer(-2)));
}

#[test]
fn a_sum_that_is_no_number_of_64_bits_is_refused() {
    for value in ["", "x", "01", "1.5", "9223372036854775808"] {
        let refused = Update::Add(1).apply(b"k", entry(value)).unwrap_err();
        assert!(matches!(&refused, Error::NotAnInteger { key } if key == "k"), "{value:?}");
    }
    for (amount, value) in [(1, i64::MAX), (-1, i64::MIN)] {
        let refused = Update::Add(amount).apply(b"k", entry(&value.to_string())).unwrap_err();
        assert!(matches!(refused, Error::IntegerOverflow { .. }), "{refused}");
    }
}

#[test]
fn append_and_setrange_keep_the_expiry_and_return_the_length() {
    let append = Update::Append(b"cd".to_vec());
    assert_eq!(append.on(None), (put("cd", None), Integer(2)));
    assert_eq!(append.on(entry("ab")), (put("abcd", EXPIRY), Integer(4)));
    let set_range = |offset| Update::SetRange { offset, part: b"xy".to_vec() };
    assert_eq!(set_range(2).on(None), (put("\0\0xy", None), Integer(4)));
    assert_eq!(set_range(1).on(entry("abcd")), (put("axyd", EXPIRY), Integer(4)));
    assert_eq!(set_range(3).on(entry("abcd")), (put("abcxy", EXPIRY), Integer(5)));
}

#[test]
fn a_bit_is_changed_and_the_one_before_is_answered() {
    let set = |offset, bit| Update::SetBit { offset, bit };
    assert_eq!(set(9, true).on(None), (put("\0@", None), Integer(0)));
    assert_eq!(set(1, false).on(entry("@")), (put("\0", EXPIRY), Integer(1)));
    assert_eq!(set(7, true).on(entry("@")), (put("A", EXPIRY), Integer(0)));
    assert_eq!(set(8, false).on(entry("@")), (put("@\0", EXPIRY), Integer(0)));
    assert_eq!(set(0, false).on(None), (put("\0", None), Integer(0)));
    assert_eq!(set(1, true).on(entry("@")), (KeyChange::Keep, Integer(1)));
}

#[test]
fn a_value_is_replaced_without_its_expiry() {
    let update = Update::SetKeepingExpiry(b"new".to_vec());
    assert_eq!(update.on(None), (put("new", None), Done));
    assert_eq!(update.on(entry("old")), (put("new", EXPIRY), Done));
}

#[test]
fn a_swap_answers_the_old_value_also_if_its_condition_does_not_hold() {
    let swap = |expiry, condition| Update::Swap { value: b"new".to_vec(), expiry, condition };
    let always = swap(NewExpiry::At(None), None);
    assert_eq!(always.on(None), (put("new", None), Bytes(None)));
    assert_eq!(always.on(entry("old")), (put("new", None), old("old")));
    let until = swap(NewExpiry::At(Some(UnixMillis(5))), None);
    assert_eq!(until.on(entry("old")), (put("new", Some(5)), old("old")));
    let kept = swap(NewExpiry::Kept, Some(Precondition::Present));
    assert_eq!(kept.on(entry("old")), (put("new", EXPIRY), old("old")));
    assert_eq!(kept.on(None), (KeyChange::Keep, Bytes(None)));
    let absent = swap(NewExpiry::Kept, Some(Precondition::Absent));
    assert_eq!(absent.on(entry("old")), (KeyChange::Keep, old("old")));
    assert_eq!(absent.on(None), (put("new", None), Bytes(None)));
}

#[test]
fn a_key_that_is_taken_is_removed() {
    assert_eq!(Update::Take.on(entry("old")), (KeyChange::Remove, old("old")));
    assert_eq!(Update::Take.on(None), (KeyChange::Remove, Bytes(None)));
}

#[test]
fn an_expiry_is_changed_and_a_time_that_has_passed_removes_the_key() {
    let (now, conditions) = (UnixMillis(50), ExpiryConditions::default());
    let expire = |at| Update::Expire { at: UnixMillis(at), now, conditions };
    assert_eq!(expire(51).on(entry("v")), (put("v", Some(51)), Flag(true)));
    assert_eq!(expire(50).on(entry("v")), (KeyChange::Remove, Flag(true)));
    assert_eq!(expire(51).on(None), (KeyChange::Keep, Flag(false)));
}

#[test]
fn an_expiry_is_changed_only_if_all_of_its_conditions_hold() {
    let [none, some, later, sooner] = [0, 1, 2, 3].map(|position| {
        let is = |other| other == position;
        ExpiryConditions { none: is(0), some: is(1), later: is(2), sooner: is(3) }
    });
    let both = ExpiryConditions { some: true, ..sooner };
    let cases = [
        (none, None, 9, true),
        (none, Some(5), 9, false),
        (some, None, 9, false),
        (some, Some(5), 9, true),
        (later, None, 9, false),
        (later, Some(5), 5, false),
        (later, Some(5), 6, true),
        (sooner, None, 9, true),
        (sooner, Some(5), 5, false),
        (sooner, Some(5), 4, true),
        (both, None, 4, false),
        (both, Some(5), 4, true),
    ];
    for (conditions, old, new, holds) in cases {
        let (entry, at) = (of("v", old), UnixMillis(new));
        let found = conditions.hold(entry.expiry(), at);
        assert_eq!(found, holds, "{conditions:?} {old:?} {new}");
        let update = Update::Expire { at, now: UnixMillis(0), conditions };
        let (_, answer) = update.on(Some(entry));
        assert_eq!(answer, Flag(holds));
    }
}

#[test]
fn an_expiry_is_removed_if_there_is_one() {
    assert_eq!(Update::Persist.on(entry("v")), (put("v", None), Flag(true)));
    assert_eq!(Update::Persist.on(lasting("v")), (KeyChange::Keep, Flag(false)));
    assert_eq!(Update::Persist.on(None), (KeyChange::Keep, Flag(false)));
}

#[test]
fn a_value_is_read_and_given_a_new_expiry() {
    for expires_at in [None, Some(5)] {
        let update = Update::GetAndExpire { expires_at: expires_at.map(UnixMillis) };
        assert_eq!(update.on(entry("v")), (put("v", expires_at), old("v")));
        assert_eq!(update.on(None), (KeyChange::Keep, Bytes(None)));
    }
    let update = Update::GetAndExpire { expires_at: None };
    assert_eq!(update.on(lasting("v")), (KeyChange::Keep, old("v")));
}

#[test]
fn a_float_is_added_to_and_keeps_the_expiry() {
    let add = |amount: &str| Update::AddFloat(ExtendedFloat::parse(amount.as_bytes()).unwrap());
    assert_eq!(add("0.1").on(entry("10.5")), (put("10.6", EXPIRY), old("10.6")));
    assert_eq!(add("-3").on(None), (put("-3", None), old("-3")));
    for value in ["", "x", "1 ", "nan"] {
        let refused = add("1").apply(b"k", entry(value)).unwrap_err();
        assert!(matches!(refused, Error::NotAFloat { .. }), "{value:?}");
    }
    let refused = add("inf").apply(b"k", entry("1")).unwrap_err();
    assert!(matches!(refused, Error::FloatOverflow { .. }));
}

#[test]
fn fields_are_read_and_changed_in_order_and_the_value_is_lengthened() {
    let field = |offset| BitField { field_type: FieldType { is_signed: false, bits: 8 }, offset };
    let operations = vec![
        (field(0), FieldOperation::Get),
        (field(0), FieldOperation::Add(1, FieldOverflow::Wrap)),
        (field(16), FieldOperation::Set(65, FieldOverflow::Wrap)),
        (field(0), FieldOperation::Set(256, FieldOverflow::Fail)),
    ];
    let update = Update::OperateFields(operations);
    let answers = |old: i64| Integers(vec![Some(old), Some(old + 1), Some(0), None]);
    assert_eq!(update.value_bytes_min(), 3);
    assert_eq!(update.on(entry("0")), (put("1\0A", EXPIRY), answers(48)));
    assert_eq!(update.on(None), (put("\u{1}\0A", None), answers(0)));

    let (same, restored) =
        (FieldOperation::Set(48, FieldOverflow::Wrap), FieldOperation::Set(1, FieldOverflow::Wrap));
    let update = |operations: &[FieldOperation]| {
        let operations = operations.iter().map(|operation| (field(0), *operation));
        Update::OperateFields(operations.collect()).on(entry("0")).0
    };
    assert_eq!(update(&[same]), KeyChange::Keep);
    assert_eq!(update(&[FieldOperation::Add(300, FieldOverflow::Fail)]), KeyChange::Keep);
    assert_eq!(update(&[restored, same]), put("0", EXPIRY), "as in Redis");
}
