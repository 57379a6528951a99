//! Arbitrary bytes as a checkpoint or a flow: read, and training goes on, or refused with an explanation.
#![no_main]

#[path = "../../train/tests/checks/checkpoint.rs"]
mod checkpoint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checkpoint::decodes_or_explains(bytes));
