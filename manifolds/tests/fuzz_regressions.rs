//! Inputs that a fuzz target once failed on, or that are likely to break it, replayed.

use proptest::prelude::*;

#[path = "../../fuzz/checks/exp_log.rs"]
mod exp_log;
#[path = "../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn regressions_of_exp_log_stay_fixed() {
    replay::replay(env!("CARGO_MANIFEST_DIR"), "exp_log", exp_log::log_inverts_exp);
}

proptest! {
    #[test]
    fn log_inverts_exp_for_arbitrary_bytes(
        choice in any::<u8>(),
        numbers in proptest::collection::vec(proptest::num::f64::ANY, 0..20),
    ) {
        let bytes: Vec<u8> = std::iter::once(choice).chain(numbers.iter().flat_map(|x| x.to_le_bytes())).collect();
        exp_log::log_inverts_exp(&bytes);
    }
}
