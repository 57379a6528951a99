//! The generator of pseudo-random numbers behind all points.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// A seeded generator of pseudo-random numbers, which checkpoints can hold.
///
/// The same seed gives the same numbers on every machine (PCG XSL 128/64, O'Neill 2014).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generator(Pcg64);

impl Generator {
    /// The generator of a seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, each with the same probability to within `bound/2⁶⁴`; zero for a `bound` of zero.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }
}
