//! Arbitrary text as an energy: compiled and evaluated, or refused with an explanation.
#![no_main]

#[path = "../../train/tests/checks/expression.rs"]
mod expression;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| expression::parses_or_explains(bytes));
