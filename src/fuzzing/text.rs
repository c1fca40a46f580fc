//! Small texts: file names, the marker of the engine, options, patterns, numbers and dumps.

use super::image::{Image, image};
use super::input::Input;
use crate::server::parsers::{Case, cursor, dump, expand, glob_matches, restored};
use crate::storage::format::file_name::{self, FileName};
use crate::storage::fs::Directory;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::{ExtendedFloat, parse_integer};
use crate::sync::Arc;
use crate::{Durability, EngineKind, Error, Options, engine};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.choose(4) {
        0 => {
            let length = input.choose(24);
            let pattern = input.bytes(length);
            check_pattern(pattern, input.rest());
        }
        1 => check_marker(input.rest()),
        2 => {
            let rest = input.rest();
            check_numbers(rest);
            check_dumps(rest);
        }
        _ => check_names(&String::from_utf8_lossy(input.rest())),
    }
}

/// Checks that a name that is read would be written in the same way.
fn check_names(text: &str) {
    let written = FileName::parse(text).map(|name| match name {
        FileName::Segment(id) => file_name::segment(id),
        FileName::Hint(id) => file_name::hint(id),
        FileName::Unfinished(id) => file_name::unfinished(id),
    });
    assert!(written.is_none_or(|name| name == text), "{text}");
    if let Ok(kind) = text.parse::<EngineKind>() {
        assert_eq!(kind.to_string(), text);
    }
    if let Ok(durability) = text.parse::<Durability>() {
        assert_eq!(durability.to_string().parse::<Durability>().unwrap(), durability);
    }
}

/// Checks that a marker is refused and left as it is, or names the store from then on.
fn check_marker(contents: &[u8]) {
    let files = Image::from([("ENGINE".to_owned(), contents.to_vec())]);
    let disk = SimulatedDisk::new(State::with_files(files));
    let options = Options::new("data").engine(EngineKind::Kvs);
    let open = || engine::open_in(&options, Arc::new(disk.clone()));
    match open() {
        Ok(mut opened) => {
            opened.writer.sync().unwrap();
            drop(opened);
            assert!(open().is_ok());
        }
        Err(Error::Corrupt { path, .. }) => assert!(path.ends_with(file_name::ENGINE)),
        Err(Error::WrongEngine { found, .. }) => assert!(contents.starts_with(found.as_bytes())),
        Err(error) => panic!("{error}"),
    }
    assert_eq!(image(&disk)["ENGINE"], contents);
    assert!(disk.open(file_name::ENGINE_UNFINISHED).is_err());
}

fn check_numbers(text: &[u8]) {
    if let Some(number) = parse_integer(text) {
        assert_eq!(number.to_string().as_bytes(), text);
    }
    if let Some(number) = ExtendedFloat::parse(text).filter(|number| number.is_finite()) {
        let shown = number.to_string();
        let again = ExtendedFloat::parse(shown.as_bytes()).map(|number| number.to_string());
        assert_eq!(again, Some(shown));
    }
    if let Some(number) = cursor(text) {
        let is_negative = text.starts_with(b"-");
        let unsigned = &text[usize::from(is_negative || text.starts_with(b"+"))..];
        let zeros = unsigned.iter().take_while(|digit| **digit == b'0').count();
        let digits = &unsigned[zeros.min(unsigned.len() - 1)..];
        let number = if is_negative { number.wrapping_neg() } else { number };
        assert_eq!(number.to_string().as_bytes(), digits);
    }
}

/// Checks that what is dumped and read is dumped and read as the same again, and that nothing
/// expands to another length than it states.
fn check_dumps(bytes: &[u8]) {
    if let Some(value) = restored(bytes) {
        let dumped = dump(&value);
        assert_eq!(restored(&dumped[..dumped.len() - 10]), Some(value));
    }
    if let Some((length, compressed)) = bytes.split_first() {
        let expanded = expand(compressed, usize::from(*length));
        assert!(expanded.is_none_or(|expanded| expanded.len() == usize::from(*length)));
    }
}

/// Checks that the answer is the one that follows from the definition, position by position.
fn check_pattern(pattern: &[u8], text: &[u8]) {
    let text = &text[..text.len().min(64)];
    for case in [Case::Exact, Case::Ignored] {
        let fold = |byte: u8| if case == Case::Ignored { byte.to_ascii_lowercase() } else { byte };
        let expected = matches_by_definition(&elements(pattern, fold), text, fold);
        assert_eq!(glob_matches(pattern, text, case), expected, "{case:?}");
    }
}

/// One part of a pattern.
enum Element {
    Star,
    /// One byte of these.
    OneOf(Box<[bool; 256]>),
}

fn elements(mut pattern: &[u8], fold: impl Fn(u8) -> u8) -> Vec<Element> {
    let mut elements = Vec::new();
    while let Some((first, rest)) = pattern.split_first() {
        pattern = rest;
        let mut set = Box::new([false; 256]);
        match (first, rest) {
            (b'*', _) => {
                elements.push(Element::Star);
                continue;
            }
            (b'?', _) => set.fill(true),
            (b'[', _) => {
                let is_negated = rest.first() == Some(&b'^');
                pattern = class(&rest[usize::from(is_negated)..], &mut set, &fold);
                set.iter_mut().for_each(|is_in| *is_in ^= is_negated);
            }
            (b'\\', [escaped, rest @ ..]) => {
                pattern = rest;
                set[usize::from(fold(*escaped))] = true;
            }
            (literal, _) => set[usize::from(fold(*literal))] = true,
        }
        elements.push(Element::OneOf(set));
    }
    elements
}

/// Reads the inside of brackets; what follows them.
fn class<'a>(mut rest: &'a [u8], set: &mut [bool; 256], fold: impl Fn(u8) -> u8) -> &'a [u8] {
    loop {
        match rest {
            [] => return rest,
            [b']', later @ ..] => return later,
            [b'\\', escaped, later @ ..] => {
                set[usize::from(fold(*escaped))] = true;
                rest = later;
            }
            [first, b'-', last, later @ ..] => {
                let (first, last) = (fold(*first), fold(*last));
                (first.min(last)..=first.max(last)).for_each(|byte| set[usize::from(byte)] = true);
                rest = later;
            }
            [literal, later @ ..] => {
                set[usize::from(fold(*literal))] = true;
                rest = later;
            }
        }
    }
}

/// Matches a text by the definition of patterns: notes for each beginning of it if the pattern so
/// far matches.
fn matches_by_definition(elements: &[Element], text: &[u8], fold: impl Fn(u8) -> u8) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for element in elements {
        reached = match element {
            Element::Star => {
                let first = reached.iter().position(|is_reached| *is_reached);
                (0..reached.len()).map(|at| first.is_some_and(|first| first <= at)).collect()
            }
            Element::OneOf(set) => {
                let next = text.iter().zip(&reached);
                let next =
                    next.map(|(byte, is_reached)| *is_reached && set[usize::from(fold(*byte))]);
                std::iter::once(false).chain(next).collect()
            }
        };
    }
    reached[text.len()]
}
