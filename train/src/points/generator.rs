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

    /// A number that is uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * 2f64.powi(-53)
    }

    /// A number from the standard normal distribution (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        // In (0, 1], so that the logarithm is finite, and in [0, 1).
        let radius = ((self.next_u64() >> 11) + 1) as f64 * 2f64.powi(-53);
        let angle = self.uniform();
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A number below `bound`, each with the same probability to within `bound/2⁶⁴`; zero for a `bound` of zero.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// The numbers below `n` in random order (Fisher & Yates 1938).
    pub(crate) fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal_distribution() {
        let (mut generator, n) = (Generator::from_seed(5), 200_000);
        let x: Vec<f64> = (0..n).map(|_| generator.normal()).collect();
        // Four standard errors are 4 √(E x²ᵏ / n).
        for (power, expected, square) in [(1, 0.0, 1.0), (2, 1.0, 3.0), (3, 0.0, 15.0), (4, 3.0, 105.0)] {
            let mean = x.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(n);
            assert!(
                (mean - expected).abs() < 4.0 * f64::sqrt(square / f64::from(n)),
                "power {power}: {mean}"
            );
        }
        assert!(x.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn numbers_below_a_bound_cover_it() {
        let mut generator = Generator::from_seed(6);
        let mut seen = [false; 5];
        (0..200).for_each(|_| seen[generator.below(5)] = true);
        assert_eq!(seen, [true; 5]);
    }
}
