//! The open XY chain: a target of any dimension whose partition function is exact.

#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use std::f64::consts::TAU;

use ircpm_ad::elementary::transcendental::sin_cos;
use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{AnyManifold, Torus};
use nalgebra::{DMatrix, DVector};

use super::density::{Density, DualPoint};

/// `exp(−u) = exp(κ Σ_{i<N} cos(θᵢ₊₁ − θᵢ) + h Σᵢ cos θᵢ)` on the torus of `N` angles: planar spins in a row, each
/// coupled to the next and to a field along `θ = 0`. Invariant under `θ → −θ`.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Number `N` of angles, at least one.
    pub sites: usize,
    /// Coupling κ of neighbours.
    pub kappa: f64,
    /// Field h.
    pub field: f64,
}

/// The chain of that many angles with `κ = 1`, `h = 0.5` (our choice): ever harder for a uniform base as it grows.
pub fn open_chain(sites: usize) -> Chain {
    Chain { sites, kappa: 1.0, field: 0.5 }
}

/// Largest concentration whose correlations are computed: they take products with a matrix of some 470 rows.
const LARGEST_CONCENTRATION: f64 = 2e3;

impl Chain {
    /// Exact `⟨cos(θ₀ − θᵣ)⟩` at the inverse temperature `β` for `r` from 0 to `N − 1`, by the transfer operator of
    /// [`Density::log_z`]; `None` beyond a concentration of 2000.
    pub fn correlations(&self, beta: f64) -> Option<Vec<f64>> {
        let (kappa, field) = (beta * self.kappa, beta * self.field);
        let concentration = 4.0 * kappa.abs() + field.abs();
        (concentration <= LARGEST_CONCENTRATION)
            .then(|| correlations(self.sites, kappa, field, nodes(concentration)))
    }
}

impl Density for Chain {
    fn manifold(&self) -> AnyManifold {
        Torus::new(self.sites).expect("at least one angle").into()
    }

    /// Computed by the transfer operator, where β multiplies both constants. Unknown beyond a concentration of 10⁶,
    /// where the grid would be too large.
    fn log_z(&self, beta: f64) -> Option<f64> {
        let (kappa, field) = (beta * self.kappa, beta * self.field);
        let concentration = 4.0 * kappa.abs() + field.abs();
        (concentration <= 1e6).then(|| log_partition(self.sites, kappa, field, nodes(concentration)))
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let (mut coupling, mut field) = (S::zero(), y[0].cos());
        for i in 1..self.sites {
            coupling += (y[i] - y[i - 1]).cos();
            field += y[i].cos();
        }
        -(coupling * self.kappa + field * self.field)
    }

    /// In closed form, `O(N)`.
    #[inline(always)]
    fn gradient<R: Real>(&self, y: &[R], gradient: &mut [R], _: &mut DualPoint<R>) -> R {
        let (sin, cos) = sin_cos(y[0]);
        let (mut coupling, mut field) = (R::zero(), cos);
        gradient[0] = sin * self.field;
        for i in 1..self.sites {
            let ((sin, cos), (along, across)) = (sin_cos(y[i] - y[i - 1]), sin_cos(y[i]));
            (coupling, field) = (coupling + cos, field + across);
            gradient[i - 1] -= sin * self.kappa;
            gradient[i] = along * self.field + sin * self.kappa;
        }
        -(coupling * self.kappa + field * self.field)
    }
}

/// `⟨cos(θ₀ − θᵣ)⟩` for all `r` on `n` uniform grid points. With `T = Δ e^{κ cos(θ−θⱼ)} e^{h cos θ}`, `w = e^{h cos θ}` and
/// `b_k = (Tᵀ)ᵏ 1` it is `Σ_θ (cos θ (Tʳ w cos)(θ) + sin θ (Tʳ w sin)(θ)) b_{N−1−r}(θ)` over `Σ_θ (Tʳ w)(θ) b_{N−1−r}(θ)`.
/// Every vector may have its own scale: all three to the left of site `r` share one, and that of `b` cancels.
fn correlations(sites: usize, kappa: f64, field: f64, n: usize) -> Vec<f64> {
    let step = TAU / n as f64;
    let angle = DVector::from_fn(n, |i, _| i as f64 * step);
    let weight = angle.map(|angle| (field * angle.cos() - field.abs()).exp());
    let kernel = DMatrix::from_fn(n, n, |i, j| (kappa * (angle[i] - angle[j]).cos() - kappa.abs()).exp());
    let (cos, sin) = (angle.map(f64::cos), angle.map(f64::sin));
    let mut after = vec![DVector::repeat(n, 1.0)];
    for k in 1..sites {
        let next = &kernel * after[k - 1].component_mul(&weight);
        after.push(&next / next.max());
    }
    let mut before =
        DMatrix::from_columns(&[weight.clone(), weight.component_mul(&cos), weight.component_mul(&sin)]);
    let mut all = Vec::with_capacity(sites);
    for r in 0..sites {
        if r > 0 {
            before = &kernel * before;
            before.column_iter_mut().for_each(|mut column| column.component_mul_assign(&weight));
            before /= before.column(0).max();
        }
        let b = &after[sites - 1 - r];
        let product = |k: usize, by: &DVector<f64>| before.column(k).component_mul(by).dot(b);
        all.push((product(1, &cos) + product(2, &sin)) / before.column(0).dot(b));
    }
    all
}

/// Grid points for which the rule is exact to rounding. Its error is the Fourier coefficient of the density at that
/// frequency, about `exp(−n²/2c)` where `c`, at most `4|κ| + |h|`, is the largest curvature of its logarithm.
fn nodes(concentration: f64) -> usize {
    64 + (9.0 * concentration.sqrt()) as usize
}

/// `log Z` of the open chain by its transfer operator on `n` uniform grid points, `Δ = 2π/n`: from `f = e^{h cos θ}`,
/// `N − 1` times `f ← e^{h cos θ} Δ Σⱼ e^{κ cos(θ−θⱼ)} fⱼ`; then `Z = Δ Σ f`. One-dimensional transfer matrices are
/// classical (Kramers & Wannier 1941); the trapezoidal rule converges exponentially for periodic functions.
///
/// The largest exponents are taken out of both factors, and the largest value out of `f`, so that nothing overflows.
fn log_partition(sites: usize, kappa: f64, field: f64, n: usize) -> f64 {
    let step = TAU / n as f64;
    let factor = |strength: f64| -> Vec<f64> {
        (0..n).map(|i| (strength * (i as f64 * step).cos() - strength.abs()).exp()).collect()
    };
    let (weight, kernel) = (factor(field), factor(kappa));
    let mut log = sites as f64 * (field.abs() + step.ln()) + (sites as f64 - 1.0) * kappa.abs();
    let mut f = weight.clone();
    for _ in 1..sites {
        let sums = (0..n).map(|i| {
            // θᵢ − θⱼ is the grid's angle i − j, or n + i − j: the kernel is read backwards from i, then from the end.
            let (near, far) = f.split_at(i + 1);
            let (head, tail) = kernel.split_at(i + 1);
            dot(near, head.iter().rev()) + dot(far, tail.iter().rev())
        });
        let sums: Vec<f64> = sums.zip(&weight).map(|(sum, w)| w * sum).collect();
        let largest = sums.iter().copied().fold(0.0, f64::max);
        log += largest.ln();
        f = sums.into_iter().map(|sum| sum / largest).collect();
    }
    log + f.iter().sum::<f64>().ln()
}

fn dot<'a>(x: &[f64], y: impl Iterator<Item = &'a f64>) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::bessel::{i0, i1, log_fisher_integral};

    /// `log ∫ exp(−u)` by the trapezoidal rule in all dimensions at once.
    fn brute_force(chain: &Chain, n: usize) -> f64 {
        let step = TAU / n as f64;
        let mut sum = 0.0;
        for node in 0..n.pow(chain.sites as u32) {
            let mut rest = node;
            let mut angle = || {
                let angle = (rest % n) as f64 * step;
                rest /= n;
                angle
            };
            let angles: Vec<f64> = (0..chain.sites).map(|_| angle()).collect();
            sum += (-chain.energy(&angles)).exp();
        }
        sum.ln() + chain.sites as f64 * step.ln()
    }

    #[test]
    fn golden_chain_log_z() {
        let known = [
            (open_chain(3).log_z(1.0), 6.292229),
            (open_chain(4).log_z(1.0), 8.505373),
            (open_chain(8).log_z(1.0), 17.371389),
            (open_chain(16).log_z(1.0), 35.107573),
            (open_chain(64).log_z(1.0), 141.524875),
        ];
        for (value, known) in known {
            let value = value.expect("closed form");
            assert!((value - known).abs() < 5.1e-7, "{value} is not {known}");
        }
    }

    #[test]
    fn chain_log_z_matches_quadrature_in_all_dimensions() {
        for (kappa, field) in [(1.0, 0.5), (2.0, -1.0), (-1.5, 0.7), (0.0, 1.0)] {
            let (two, three) = (Chain { sites: 2, kappa, field }, Chain { sites: 3, kappa, field });
            for (value, known) in [
                (two.log_z(1.0), brute_force(&two, 64)),
                (three.log_z(1.0), brute_force(&three, 48)),
                (three.log_z(1.5), {
                    brute_force(&Chain { sites: 3, kappa: 1.5 * kappa, field: 1.5 * field }, 48)
                }),
            ] {
                let value = value.expect("closed form");
                assert!((value - known).abs() < 1e-12, "{kappa}, {field}: {value} is not {known}");
            }
        }
    }

    #[test]
    fn chain_without_a_field_or_a_coupling_is_a_product_of_circles() {
        // Without a field the differences of neighbours are independent; one angle is then uniform.
        for strength in [1e-3, 1.0, 30.0, 2e3, 1e5] {
            let circle = log_fisher_integral(2, strength);
            let coupled = Chain { sites: 6, kappa: strength, field: 0.0 }.log_z(1.0).expect("closed form");
            let free = Chain { sites: 6, kappa: 0.0, field: strength }.log_z(1.0).expect("closed form");
            // Six sums over the grid, each exact to rounding, and the last places of 6 κ.
            let tolerance = 1e-13 + 1e-14 * strength;
            for (value, known) in [(coupled, 5.0 * circle + TAU.ln()), (free, 6.0 * circle)] {
                assert!((value - known).abs() < tolerance, "{strength}: {value} is not {known}");
            }
        }
    }

    #[test]
    fn chain_log_z_does_not_change_on_a_finer_grid() {
        for (sites, kappa, field) in
            [(8, 1.0, 0.5), (300, 1.0, 0.5), (8, 100.0, 50.0), (5, -40.0, 3.0), (4, 1e3, 1e-3)]
        {
            let n = nodes(4.0 * f64::abs(kappa) + field);
            let (coarse, fine) =
                (log_partition(sites, kappa, field, n), log_partition(sites, kappa, field, 2 * n));
            assert!((coarse / fine - 1.0).abs() < 1e-14, "{sites}, {kappa}, {field}: {coarse} is not {fine}");
        }
    }

    #[test]
    fn correlations_without_a_field_are_powers_of_a_ratio_of_bessel_functions() {
        for kappa in [0.3, 1.0, 20.0] {
            let ratio = i1(kappa) / i0(kappa);
            let values =
                Chain { sites: 9, kappa, field: 0.0 }.correlations(1.0).expect("a small concentration");
            assert_eq!(values.len(), 9);
            for (r, value) in values.iter().enumerate() {
                let known = ratio.powi(r as i32);
                assert!((value - known).abs() < 1e-13, "{kappa}, {r}: {value} is not {known}");
            }
        }
    }

    #[test]
    fn correlations_in_a_field_match_quadrature_in_all_dimensions() {
        let (chain, n, beta) = (Chain { sites: 3, kappa: -1.5, field: 0.7 }, 48, 1.5);
        let angle = |i: usize| i as f64 * TAU / n as f64;
        let mut sums = [0.0; 3];
        for node in 0..n * n * n {
            let y = [angle(node % n), angle(node / n % n), angle(node / n / n)];
            let weight = (-beta * chain.energy(&y)).exp();
            (0..3).for_each(|r| sums[r] += weight * (y[0] - y[r]).cos());
        }
        let values = chain.correlations(beta).expect("a small concentration");
        for r in 0..3 {
            let (value, known) = (values[r], sums[r] / sums[0]);
            assert!((value - known).abs() < 1e-12, "{r}: {value} is not {known}");
        }
    }

    #[test]
    fn chain_log_z_is_unknown_where_its_grid_would_be_too_large() {
        assert_eq!(open_chain(4).log_z(1e6), None);
        assert_eq!(open_chain(4).correlations(1e3), None);
    }

    #[test]
    fn chain_energy_is_invariant_under_reflection() {
        let chain = open_chain(5);
        let angles = [0.3, 5.9, 2.2, 4.0, 1.1];
        assert_eq!(chain.energy(&angles), chain.energy(&angles.map(|angle: f64| -angle)));
    }
}
