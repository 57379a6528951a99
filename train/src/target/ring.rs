//! The closed XY ring with a field and an anisotropy: a target of any dimension whose partition function is exact.

#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use std::f64::consts::TAU;

use ircpm_ad::elementary::transcendental::sin_cos;
use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{AnyManifold, Torus};
use nalgebra::DMatrix;

use super::density::{Density, DualPoint};

/// `exp(−u) = exp Σᵢ (κ cos(θᵢ − θᵢ₊₁) + h cos θᵢ + a cos 2θᵢ)` on the torus of `N` angles, `θ_N = θ₀`: planar spins on
/// a circle, each coupled to its two neighbours, to a field along `θ = 0` and to an axis. Invariant under `θ → −θ`, and
/// without field and axis under rotations of all spins together.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Number `N` of angles, at least one.
    pub sites: usize,
    /// Coupling κ of neighbours.
    pub kappa: f64,
    /// Field h.
    pub field: f64,
    /// Anisotropy a.
    pub anisotropy: f64,
}

/// Largest concentration whose partition function is computed: it takes products of matrices of some 400 rows.
const LARGEST_CONCENTRATION: f64 = 2e3;

/// The ring of that many angles with `κ = 1`, `h = 0.5` and `a = 0.3` (our choice).
pub fn xy_ring(sites: usize) -> Ring {
    Ring { sites, kappa: 1.0, field: 0.5, anisotropy: 0.3 }
}

/// The ring of that many angles with `κ = 1` alone.
pub fn closed_chain(sites: usize) -> Ring {
    Ring { sites, kappa: 1.0, field: 0.0, anisotropy: 0.0 }
}

impl Ring {
    /// Exact `⟨cos(θ₀ − θᵣ)⟩` at the inverse temperature `β` for `r` from 0 to `N − 1`, by the transfer operator of
    /// [`Density::log_z`]; `None` where that is not known.
    ///
    /// With eigenvalues `λ` and eigenvectors of `K`, in whose basis `cos θ` and `sin θ` are the matrices `C` and `S`, it is
    /// `Σ_ab λ_aʳ λ_bᴺ⁻ʳ (C_ab² + S_ab²)` over `Σ_a λ_aᴺ`.
    pub fn correlations(&self, beta: f64) -> Option<Vec<f64>> {
        let (matrix, _) = self.transfer(beta)?;
        let n = matrix.nrows();
        let eigen = matrix.symmetric_eigen();
        let largest = eigen.eigenvalues.amax();
        let values = eigen.eigenvalues / largest;
        let basis = eigen.eigenvectors;
        let of = |function: fn(f64) -> f64| {
            let rows = DMatrix::from_fn(n, n, |i, a| function(i as f64 * TAU / n as f64) * basis[(i, a)]);
            basis.tr_mul(&rows).map(|entry| entry * entry)
        };
        let squares = of(f64::cos) + of(f64::sin);
        let power = |k: usize| values.map(|value| value.powi(k as i32));
        let trace = power(self.sites).sum();
        Some((0..self.sites).map(|r| power(r).dot(&(&squares * power(self.sites - r))) / trace).collect())
    }

    /// The symmetric transfer matrix on `n` uniform grid points, `Δ = 2π/n`, over its largest entry, and the logarithm of
    /// that: `Kᵢⱼ = Δ exp(κ cos(θᵢ − θⱼ) + (f(θᵢ) + f(θⱼ))/2)`, `f(θ) = h cos θ + a cos 2θ` (Kramers & Wannier 1941). The
    /// trapezoidal rule converges exponentially for periodic functions. `None` where `n` would be too large.
    fn transfer(&self, beta: f64) -> Option<(DMatrix<f64>, f64)> {
        let [kappa, field, anisotropy] = [self.kappa, self.field, self.anisotropy].map(|k| beta * k);
        let concentration = 4.0 * (kappa.abs() + anisotropy.abs()) + field.abs();
        let n = 64 + (9.0 * concentration.sqrt()) as usize;
        let step = TAU / n as f64;
        let angle = |i: usize| i as f64 * step;
        let site = |i: usize| field * angle(i).cos() + anisotropy * (2.0 * angle(i)).cos();
        (concentration <= LARGEST_CONCENTRATION).then(|| {
            let exponents = DMatrix::from_fn(n, n, |i, j| {
                kappa * (angle(i) - angle(j)).cos() + 0.5 * (site(i) + site(j)) + step.ln()
            });
            let largest = exponents.max();
            (exponents.map(|e| (e - largest).exp()), largest)
        })
    }
}

impl Density for Ring {
    fn manifold(&self) -> AnyManifold {
        Torus::new(self.sites).expect("at least one angle").into()
    }

    /// Computed by the transfer operator, where β multiplies all constants. Unknown beyond a concentration of 2000,
    /// where the grid would be too large.
    fn log_z(&self, beta: f64) -> Option<f64> {
        Some(log_partition(self.sites, &self.transfer(beta)?))
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let (mut coupling, mut field, mut axis) = (S::zero(), S::zero(), S::zero());
        for i in 0..self.sites {
            coupling += (y[i] - y[(i + 1) % self.sites]).cos();
            field += y[i].cos();
            axis += (y[i] * 2.0).cos();
        }
        -(coupling * self.kappa + field * self.field + axis * self.anisotropy)
    }

    /// In closed form, `O(N)`.
    #[inline(always)]
    fn gradient<R: Real>(&self, y: &[R], gradient: &mut [R], _: &mut DualPoint<R>) -> R {
        let (mut coupling, mut field, mut axis) = (R::zero(), R::zero(), R::zero());
        for i in 0..self.sites {
            let ((sin, cos), (double_sin, double_cos)) = (sin_cos(y[i]), sin_cos(y[i] * 2.0));
            (field, axis) = (field + cos, axis + double_cos);
            gradient[i] = sin * self.field + double_sin * (2.0 * self.anisotropy);
        }
        for i in 0..self.sites {
            let next = (i + 1) % self.sites;
            let (sin, cos) = sin_cos(y[i] - y[next]);
            coupling += cos;
            gradient[i] += sin * self.kappa;
            gradient[next] -= sin * self.kappa;
        }
        -(coupling * self.kappa + field * self.field + axis * self.anisotropy)
    }
}

/// `log Z = log tr Kᴺ` of the transfer matrix over its largest entry, whose logarithm is the second number. The largest
/// entries are taken out of the powers too, so that nothing overflows.
fn log_partition(sites: usize, (matrix, largest): &(DMatrix<f64>, f64)) -> f64 {
    // K is symmetric, so the trace of a product of two powers is the sum of the products of their entries.
    let (left, log_left) = power(matrix, sites / 2);
    let (right, log_right) = power(matrix, sites - sites / 2);
    sites as f64 * largest + log_left + log_right + left.component_mul(&right).sum().ln()
}

/// `Kᵏ` over its largest entry, and the logarithm of that, by squares.
pub(super) fn power(matrix: &DMatrix<f64>, k: usize) -> (DMatrix<f64>, f64) {
    let scaled = |mut power: DMatrix<f64>, log: f64| {
        let scale = power.max();
        power /= scale;
        (power, log + scale.ln())
    };
    let (mut power, mut log) = (DMatrix::identity(matrix.nrows(), matrix.ncols()), 0.0);
    for bit in (0..usize::BITS - k.leading_zeros()).rev() {
        // The identity needs no square.
        if bit + 1 < usize::BITS - k.leading_zeros() {
            (power, log) = scaled(&power * &power, 2.0 * log);
        }
        if k >> bit & 1 == 1 {
            (power, log) = scaled(&power * matrix, log);
        }
    }
    (power, log)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::bessel::log_fisher_integral;

    #[test]
    fn correlations_match_quadrature_in_all_dimensions() {
        let (ring, n, beta) = (Ring { sites: 4, kappa: 1.0, field: -0.4, anisotropy: 0.3 }, 32, 0.8);
        let angle = |i: usize| i as f64 * TAU / n as f64;
        let mut sums = [0.0; 4];
        for node in 0..n * n * n * n {
            let y = [1, n, n * n, n * n * n].map(|size| angle(node / size % n));
            let weight = (-beta * ring.energy(&y)).exp();
            (0..4).for_each(|r| sums[r] += weight * (y[0] - y[r]).cos());
        }
        let values = ring.correlations(beta).expect("a small concentration");
        for r in 0..4 {
            let (value, known) = (values[r], sums[r] / sums[0]);
            assert!((value - known).abs() < 1e-12, "{r}: {value} is not {known}");
        }
        assert_eq!(ring.correlations(1e4), None);
    }

    #[test]
    fn golden_ring_log_z() {
        let known = [
            (xy_ring(3).log_z(1.0), 6.941153173675),
            (xy_ring(4).log_z(1.0), 9.172330195448),
            (xy_ring(6).log_z(1.0), 13.716711680553),
        ];
        for (value, known) in known {
            let value = value.expect("a small concentration");
            assert!((value - known).abs() < 1e-11, "{value} is not {known}");
        }
    }

    #[test]
    fn ring_log_z_matches_quadrature_in_all_dimensions() {
        let (ring, n) = (Ring { sites: 3, kappa: -0.8, field: 0.4, anisotropy: 0.7 }, 48);
        let angle = |i: usize| i as f64 * TAU / n as f64;
        for beta in [0.5, 1.0, 2.0] {
            let mut sum = 0.0;
            for node in 0..n * n * n {
                sum +=
                    (-beta * ring.energy(&[angle(node % n), angle(node / n % n), angle(node / n / n)])).exp();
            }
            let (value, known) = (ring.log_z(beta).expect("small"), sum.ln() + 3.0 * (TAU / n as f64).ln());
            assert!((value - known).abs() < 1e-12, "{beta}: {value} is not {known}");
        }
    }

    #[test]
    fn ring_without_a_coupling_is_a_product_of_circles() {
        for field in [0.1, 20.0, 900.0] {
            let value = Ring { sites: 5, kappa: 0.0, field, anisotropy: 0.0 }.log_z(1.0).expect("small");
            let known = 5.0 * log_fisher_integral(2, field);
            assert!((value - known).abs() < 1e-12 + 1e-14 * field, "{field}: {value} is not {known}");
        }
    }

    #[test]
    fn ring_log_z_is_unknown_where_its_grid_would_be_too_large() {
        assert_eq!(xy_ring(4).log_z(1e4), None);
    }
}
