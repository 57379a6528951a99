//! Points in the unit cube: pseudo-random, or spread evenly by a rule and shifted at random.
//!
//! A randomly shifted rule gives every point the uniform distribution, so means over it are unbiased like those over
//! random points, but for smooth integrands their error falls nearly as `1/n` instead of `1/√n` (Dick, Kuo & Sloan
//! 2013, *High-dimensional integration: the quasi-Monte Carlo way*). Coordinates are 64-bit fixed-point fractions of
//! a turn, where a shift is a wrapping addition: exact, and never 1.

use serde::{Deserialize, Serialize};

use super::Generator;
use super::lattice::{golden, lattice, modular_product};

/// How points are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// Independent pseudo-random points.
    Random,
    /// Kronecker sequence `i·α` with the generalised golden ratio: `αⱼ = φ⁻ʲ`, `φ^{d+1} = φ + 1` (Roberts 2018, *The
    /// unreasonable effectiveness of quasirandom sequences*). Good for every number of points.
    Kronecker,
    /// Rank-1 lattice `i·z/n`, its vector `z` searched component by component for this number of points (Nuyens 2014,
    /// *The construction of good lattice rules*). The best for smooth integrands on tori and spheres, which
    /// are periodic in the cube.
    #[serde(alias = "low-discrepancy")]
    Lattice,
}

/// A rule for `points` points in the cube `[0, 1)^dim`.
#[derive(Clone, Debug)]
pub struct Sequence {
    points: usize,
    dim: usize,
    /// What point `i` is a multiple of; `None` for random points.
    rule: Option<Rule>,
}

/// The group element whose multiples are the points.
#[derive(Clone, Debug)]
enum Rule {
    /// Real generators, in units of 2⁻⁶⁴.
    Real(Vec<u64>),
    /// Rational generators, in units of `1/points`.
    Rational(Vec<usize>),
}

impl Sequence {
    /// A rule for batches of `points` points; the search for a lattice costs some milliseconds per 10⁵ coordinates.
    pub fn new(spread: Spread, points: usize, dim: usize) -> Self {
        let rule = match spread {
            Spread::Random => None,
            Spread::Kronecker => Some(Rule::Real(golden(dim))),
            Spread::Lattice => Some(Rule::Rational(lattice(points, dim))),
        };
        Self { points, dim, rule }
    }

    /// Number of points that [`Sequence::fill`] writes.
    pub fn points(&self) -> usize {
        self.points
    }

    /// Dimension of the cube.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Writes the next batch, `[point][coordinate]`, with a fresh shift drawn from `rng`.
    ///
    /// # Panics
    /// If `out` does not hold [`Sequence::points`] points.
    pub fn fill(&self, rng: &mut Generator, out: &mut [f64]) {
        assert_eq!(out.len(), self.points * self.dim, "{} points of {} coordinates", self.points, self.dim);
        let shift = self.shift(rng);
        self.write(0, &shift, rng, out);
    }

    /// The next batch as [`Sequence::fill`] writes it, in blocks of `size` points, the last of which may be shorter:
    /// for batches that need not be in memory as a whole.
    ///
    /// # Panics
    /// If `size` is zero.
    pub fn blocks<'a>(&'a self, rng: &'a mut Generator, size: usize) -> impl Iterator<Item = Vec<f64>> + 'a {
        assert!(size > 0, "blocks of no points");
        let shift = self.shift(rng);
        (0..self.points).step_by(size).map(move |first| {
            let mut block = vec![0.0; size.min(self.points - first) * self.dim];
            self.write(first, &shift, rng, &mut block);
            block
        })
    }

    /// A fresh shift; none for random points.
    fn shift(&self, rng: &mut Generator) -> Vec<u64> {
        let shifted = if self.rule.is_some() { self.dim } else { 0 };
        (0..shifted).map(|_| rng.next_u64()).collect()
    }

    /// Writes the points from number `first` on.
    fn write(&self, first: usize, shift: &[u64], rng: &mut Generator, out: &mut [f64]) {
        let Some(rule) = &self.rule else {
            out.iter_mut().for_each(|x| *x = unit(rng.next_u64()));
            return;
        };
        for (i, point) in (first..).zip(out.chunks_exact_mut(self.dim.max(1))) {
            for j in 0..self.dim {
                let multiple = match rule {
                    Rule::Real(alpha) => alpha[j].wrapping_mul(i as u64),
                    Rule::Rational(z) => fraction(modular_product(i, z[j], self.points), self.points),
                };
                point[j] = unit(shift[j].wrapping_add(multiple));
            }
        }
    }
}

/// `x · 2⁻⁶⁴`, rounded down to 53 bits: in `[0, 1)`.
fn unit(x: u64) -> f64 {
    (x >> 11) as f64 * f64::EPSILON / 2.0
}

/// `⌊2⁶⁴ k/n⌋` for `k < n`.
fn fraction(k: usize, n: usize) -> u64 {
    (((k as u128) << 64) / n as u128) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::bessel::{i0, log_fisher_integral};
    use ircpm_manifolds::AnyManifold;

    const SPREADS: [Spread; 3] = [Spread::Random, Spread::Kronecker, Spread::Lattice];

    /// Root mean square error, over shifts, of the mean of `f` over base points of `manifold`.
    fn error(spread: Spread, manifold: &str, points: usize, exact: f64, f: impl Fn(&[f64]) -> f64) -> f64 {
        let seed = 21;
        let m: AnyManifold = manifold.parse().expect("a manifold");
        let sequence = Sequence::new(spread, points, m.cube_dim());
        let mut rng = Generator::from_seed(seed);
        let mut cube = vec![0.0; points * m.cube_dim()];
        let mut p = vec![0.0; m.ambient()];
        let repetitions = 20;
        let mut squares = 0.0;
        for _ in 0..repetitions {
            sequence.fill(&mut rng, &mut cube);
            let mut sum = 0.0;
            for u in cube.chunks_exact(m.cube_dim()) {
                m.base_point(u, &mut p);
                sum += f(&p);
            }
            squares += (sum / points as f64 - exact).powi(2);
        }
        (squares / f64::from(repetitions)).sqrt()
    }

    #[test]
    fn rules_integrate_smooth_functions_far_better_than_random_points() {
        // The mean of exp(a·p) over the sphere is ₀F₁(; (n+1)/2; |a|²/4), of exp(Σ cos θᵢ) over the torus I₀(1)ⁿ. All
        // coordinates have their share, so that none is spread evenly at the cost of another.
        let slope = |i: usize| 1.0 + 0.3 * i as f64;
        let sphere = |p: &[f64]| (0..p.len()).map(|i| slope(i) * p[i]).sum::<f64>().exp();
        let torus = |p: &[f64]| p.iter().map(|angle| angle.cos()).sum::<f64>().exp();
        let product = |p: &[f64]| sphere(&p[..3]) * torus(&p[3..]);
        let mean = |n: usize| {
            let kappa = (0..=n).map(|i| slope(i).powi(2)).sum::<f64>().sqrt();
            (log_fisher_integral(n + 1, kappa) - log_fisher_integral(n + 1, 0.0)).exp()
        };
        let i0 = i0(1.0);
        // The factors by which errors are smaller, at least: of Kronecker sequences, which gain little in eight
        // dimensions, and of lattices.
        for (name, exact, f, kronecker, lattice) in [
            ("T2", i0.powi(2), &torus as &dyn Fn(&[f64]) -> f64, 5.0, 1e6),
            ("T4", i0.powi(4), &torus, 5.0, 100.0),
            ("T8", i0.powi(8), &torus, 1.1, 2.5),
            ("S2", mean(2), &sphere, 5.0, 100.0),
            ("S3", mean(3), &sphere, 5.0, 100.0),
            ("S4", mean(4), &sphere, 4.0, 20.0),
            ("S5", mean(5), &sphere, 3.0, 10.0),
            ("S7", mean(7), &sphere, 1.3, 4.0),
            ("S2xT1", mean(2) * i0, &product, 5.0, 100.0),
        ] {
            for points in [1024, 2000, 4096] {
                let random = error(Spread::Random, name, points, exact, f);
                for (spread, factor) in [(Spread::Kronecker, kronecker), (Spread::Lattice, lattice)] {
                    let found = random / error(spread, name, points, exact, f);
                    assert!(found > factor, "{name}, {points}, {spread:?}: {found} times better");
                }
            }
        }
    }

    #[test]
    fn lattice_is_exact_to_rounding_for_an_analytic_periodic_function() {
        let i0 = i0(1.0);
        let e = error(Spread::Lattice, "T2", 2048, i0 * i0, |p| (p[0].cos() + p[1].cos()).exp());
        assert!(e < 1e-13, "{e:e}");
    }

    #[test]
    fn every_spread_fills_the_cube_and_depends_on_the_seed_alone() {
        for spread in SPREADS {
            for dim in [1, 2, 3, 6] {
                for points in [1, 2, 3, 97] {
                    let sequence = Sequence::new(spread, points, dim);
                    let fill = |seed| {
                        let mut out = vec![f64::NAN; points * dim];
                        sequence.fill(&mut Generator::from_seed(seed), &mut out);
                        out
                    };
                    let first = fill(22);
                    assert!(
                        first.iter().all(|x| (0.0..1.0).contains(x)),
                        "{spread:?}, {points}, {dim}: {first:?}"
                    );
                    assert_eq!(first, fill(22), "{spread:?}, {points}, {dim}");
                    for size in [1, 10, 200] {
                        let blocks: Vec<_> = sequence.blocks(&mut Generator::from_seed(22), size).collect();
                        assert!(blocks.iter().all(|block| block.len() <= size * dim));
                        assert_eq!(blocks.concat(), first, "{spread:?}, {points}, {dim} by {size}");
                    }
                    assert_ne!(first, fill(23), "{spread:?}, {points}, {dim}");
                }
            }
        }
    }

    #[test]
    fn projections_of_a_lattice_are_equally_spaced() {
        let (points, dim) = (360, 4);
        let mut cube = vec![0.0; points * dim];
        Sequence::new(Spread::Lattice, points, dim).fill(&mut Generator::from_seed(24), &mut cube);
        for j in 0..dim {
            let mut x: Vec<f64> = cube.iter().skip(j).step_by(dim).copied().collect();
            x.sort_unstable_by(f64::total_cmp);
            for pair in x.windows(2) {
                assert!((pair[1] - pair[0] - 1.0 / points as f64).abs() < 1e-15, "coordinate {j}: {pair:?}");
            }
        }
    }

    #[test]
    fn golden_ratio_solves_its_equation() {
        for dim in 1..=8 {
            let inverse = golden(dim)[0] as f64 * 2f64.powi(-64);
            let phi = 1.0 / inverse;
            assert!((phi.powi(dim as i32 + 1) - phi - 1.0).abs() < 1e-13, "dimension {dim}: {phi}");
        }
    }
}
