#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kvs::fuzzing::run("transfer", bytes));
