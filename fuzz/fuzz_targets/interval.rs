//! Arbitrary bytes as a function of intervals and numbers: the enclosure contains references of 192 bits.
#![no_main]

#[path = "../../ad/tests/intervals/bytes.rs"]
mod bytes;
#[path = "../../ad/tests/intervals/references.rs"]
#[allow(dead_code, reason = "the tests look at widths, too")]
mod references;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bytes::encloses(bytes));
