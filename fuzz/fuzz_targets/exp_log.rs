//! Arbitrary bytes as a manifold, a point and a tangent vector: the logarithm inverts the exponential map.
#![no_main]

#[path = "../../manifolds/tests/replay/exp_log.rs"]
mod exp_log;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exp_log::log_inverts_exp(bytes));
