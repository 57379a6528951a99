//! Inputs that a fuzz target once failed on, or that are likely to break it, replayed.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

mod exp_log;

/// Runs `check` on every file of `tests/regressions/<target>`.
fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions").join(target);
    let mut inputs: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "no regressions in {}", folder.display());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(&input).expect("a readable file"));
    }
}

#[test]
fn regressions_of_exp_log_stay_fixed() {
    replay("exp_log", exp_log::log_inverts_exp);
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
