//! Arbitrary text as a configuration: parsed, or refused with an explanation.
#![no_main]

#[path = "../../train/tests/checks/config.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| config::parses_or_explains(bytes));
