//! Inputs that the fuzz target `interval` starts from or once failed on, and random changes of them.

use std::fs;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::bytes::encloses;

/// The inputs in `tests/regressions/interval`.
fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions/interval");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert!(files.len() >= 6, "{} regressions", files.len());
    files.iter().map(|file| fs::read(file).expect("a readable file")).collect()
}

#[test]
fn regressions_stay_fixed() {
    corpus().iter().for_each(|input| encloses(input));
}

/// Flips of bits reach numbers of all sizes, which random numbers of a range do not.
#[test]
fn mutated_inputs_are_enclosed() {
    let (corpus, mut rng) = (corpus(), Pcg64::seed_from_u64(5));
    for _ in 0..2000 {
        let mut input = corpus[rng.random_range(0..corpus.len())].clone();
        input[0] = rng.random_range(0..=255);
        for _ in 0..rng.random_range(0..6) {
            let at = rng.random_range(0..input.len());
            input[at] ^= 1 << rng.random_range(0..8);
        }
        encloses(&input);
    }
}
