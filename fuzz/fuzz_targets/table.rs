//! Arbitrary bytes as a file of points: read, or refused with an explanation.
#![no_main]

#[path = "../../train/tests/checks/table.rs"]
mod table;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| table::reads_or_explains(bytes));
