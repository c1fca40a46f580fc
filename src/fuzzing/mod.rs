//! Fuzz targets: functions of any bytes that panic where the crate breaks a promise.
//!
//! | target | the bytes are | what must hold |
//! |---|---|---|
//! | [`segment`] | a segment file, or a program that builds a log and damages it | opening refuses and names the file, or the store is whole, goes on and opens again with the same contents |
//! | [`hint`] | a program that builds a log, and damage to its hints | the store opens as without hints |
//! | [`native`] | frames, messages or hellos | the same result however they are split; what decodes encodes to the same |
//! | [`resp`] | requests, or a tree of replies | the same result however they are split; what was parsed is parsed again; replies are well formed |
//! | [`stranger`] | what a client without a password sends, in either protocol | nothing is read or written, the replies are refusals, the same however the bytes are split, and little memory is held |
//! | [`operations`] | operations on a store, with kills, full disks and compactions | every answer is that of a map in memory |
//! | [`transfer`] | an export in one of its formats, or replies of Redis | the same result however they are split; what was read is read again when it is written |
//! | [`text`] | file names, markers, patterns, numbers | what is read is what would be written; patterns match as by definition |
//!
//! Each runs on its own without sockets, files or clocks, and without threads but those of a store
//! that must not be written to, so its input is all that a failure needs to be repeated. The tests
//! replay the inputs in `tests/corpus/` and mutations of them; the folder `fuzz/` runs the same
//! functions under libFuzzer, which looks for inputs that reach new code.

#![allow(clippy::unwrap_used, missing_docs, reason = "a target fails by panicking")]

mod hint;
mod image;
mod input;
mod native;
mod operations;
mod resp;
mod segment;
mod stranger;
#[cfg(test)]
mod tests;
mod text;
mod transfer;

/// A function to fuzz.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 8] = [
    Target { name: "segment", run: segment::run },
    Target { name: "hint", run: hint::run },
    Target { name: "native", run: native::run },
    Target { name: "resp", run: resp::run },
    Target { name: "stranger", run: stranger::run },
    Target { name: "operations", run: operations::run },
    Target { name: "text", run: text::run },
    Target { name: "transfer", run: transfer::run },
];

/// Runs a target by its name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    (target.run)(bytes);
}
