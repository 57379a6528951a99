//! U(1) lattice gauge theory in two dimensions: a target of any size whose partition function and whose distribution of
//! the topological charge are exact.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use std::f64::consts::{PI, TAU};

use ircpm_ad::elementary::transcendental::sin_cos;
use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{AnyManifold, Torus};

use super::bessel::log_bessel_i;
use super::density::{Density, DualPoint};
use crate::points::gauss_legendre;

/// `exp(−u) = exp Σ_p cos θ_p` over the `V = L²` plaquettes of a periodic lattice of `L × L` sites. The product of all
/// plaquettes is one there, so the first `V − 1` angles are the coordinates, on a torus, and the last is minus their
/// sum. Links and their gauge freedom are integrated out.
///
/// The inverse temperature is that of the target, `exp(−βu)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneGauge {
    /// Length `L` of the lattice's sides in sites, at least two.
    pub side: usize,
}

/// Largest `β` whose partition function is computed.
const LARGEST_BETA: f64 = 1e4;

impl PlaneGauge {
    /// Number `V` of plaquettes.
    pub fn plaquettes(&self) -> usize {
        self.side * self.side
    }

    /// Topological charge of one point: `Σ_p θ_p / 2π` over all `V` plaquettes with their angles in `[−π, π)`, an
    /// integer (Lüscher 1982).
    ///
    /// # Panics
    /// If `y` does not hold `V − 1` angles.
    pub fn charge(&self, y: &[f64]) -> f64 {
        assert_eq!(y.len(), self.plaquettes() - 1, "the angles of all plaquettes but one");
        let wrapped = |angle: f64| angle - TAU * (angle / TAU + 0.5).floor();
        let (mut sum, mut flux) = (0.0, 0.0);
        for &angle in y {
            (sum, flux) = (sum + angle, flux + wrapped(angle));
        }
        ((flux + wrapped(-sum)) / TAU).round()
    }

    /// Mean square `⟨Q²⟩` of [`PlaneGauge::charge`] at the inverse temperature `β`; `None` where `log Z` is not known.
    ///
    /// `−∂²_ϑ log Z(ϑ)` at zero of `Z(ϑ) = Σ_n f(n + ϑ/2π)ⱽ`, `f(s) = (1/2π) ∫ e^{β cos x} cos(s x) dx` over `[−π, π]`
    /// (Bonati & Rossi 2019, arXiv:1901.09830).
    pub fn mean_square_charge(&self, beta: f64) -> Option<f64> {
        if !is_known(beta) {
            return None;
        }
        let nodes = gauss_legendre(200 + (20.0 * beta.sqrt()) as usize);
        // f, f′ and f″ at n, over e^β.
        let derivatives = |n: f64| {
            let mut f = [0.0; 3];
            for &(t, weight) in &nodes {
                let (x, weight) = (PI * t, 0.5 * weight * (beta * ((PI * t).cos() - 1.0)).exp());
                f[0] += weight * (n * x).cos();
                f[1] -= weight * x * (n * x).sin();
                f[2] -= weight * x * x * (n * x).cos();
            }
            f
        };
        let (scale, v) = (derivatives(0.0)[0], self.plaquettes() as f64);
        let (mut z, mut second) = (0.0, 0.0);
        for n in 0..=orders(beta, self.plaquettes()) {
            let [f, slope, curvature] = derivatives(n as f64).map(|f| f / scale);
            // n and −n.
            let twice = if n == 0 { 1.0 } else { 2.0 };
            let power = f.powi(self.plaquettes() as i32 - 2);
            z += twice * power * f * f;
            second += twice * power * v * ((v - 1.0) * slope * slope + f * curvature);
        }
        Some(-second / z / (TAU * TAU))
    }

    /// Probabilities of the charges `0, ±1, …, ±most`, from `−most` upwards, at the inverse temperature `β`; `None` where
    /// `log Z` is not known.
    ///
    /// Fourier coefficients of `Z(ϑ)/Z(0)`, see [`PlaneGauge::mean_square_charge`]: `P(Q) = (1/2π) ∫ Z(ϑ)/Z(0) cos(Qϑ) dϑ`
    /// by the trapezoidal rule, whose error is the probability of charges beyond `8 most + 64`, about.
    pub fn charge_probabilities(&self, beta: f64, most: usize) -> Option<Vec<f64>> {
        if !is_known(beta) {
            return None;
        }
        let n = 8 * most + 64;
        let rule = gauss_legendre(200 + (20.0 * beta.sqrt()) as usize);
        let f = |s: f64| -> f64 {
            let terms = rule.iter().map(|&(t, weight)| {
                0.5 * weight * (beta * ((PI * t).cos() - 1.0)).exp() * (s * PI * t).cos()
            });
            terms.sum()
        };
        let (scale, orders) = (f(0.0), orders(beta, self.plaquettes()) as i32 + 1);
        let z: Vec<f64> = (0..n)
            .map(|k| {
                let shift = k as f64 / n as f64;
                let powers = (-orders..=orders)
                    .map(|m| (f(f64::from(m) + shift) / scale).powi(self.plaquettes() as i32));
                powers.sum()
            })
            .collect();
        let probability = |charge: i64| -> f64 {
            let angle = |k: usize| TAU * charge as f64 * k as f64 / n as f64;
            z.iter().enumerate().map(|(k, z)| z * angle(k).cos()).sum::<f64>() / (n as f64 * z[0])
        };
        Some((-(most as i64)..=most as i64).map(probability).collect())
    }
}

impl Density for PlaneGauge {
    fn manifold(&self) -> AnyManifold {
        Torus::new(self.plaquettes() - 1).expect("two plaquettes or more").into()
    }

    /// `(V − 1) log 2π + log Σ_n I_n(β)ⱽ` (Migdal 1975). Unknown beyond `β = 10⁴`, where Bessel functions take many
    /// terms.
    fn log_z(&self, beta: f64) -> Option<f64> {
        if !is_known(beta) {
            return None;
        }
        let v = self.plaquettes() as f64;
        let first = log_bessel_i(0, beta);
        let others = 1..=orders(beta, self.plaquettes());
        let sum: f64 = others.map(|n| 2.0 * (v * (log_bessel_i(n, beta) - first)).exp()).sum();
        Some((v - 1.0) * TAU.ln() + v * first + sum.ln_1p())
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let (mut cosines, mut sum) = (S::zero(), S::zero());
        for i in 0..self.plaquettes() - 1 {
            cosines += y[i].cos();
            sum += y[i];
        }
        -(cosines + sum.cos())
    }

    /// In closed form, `O(V)`.
    #[inline(always)]
    fn gradient<R: Real>(&self, y: &[R], gradient: &mut [R], _: &mut DualPoint<R>) -> R {
        let (mut cosines, mut sum) = (R::zero(), R::zero());
        for i in 0..self.plaquettes() - 1 {
            let (sin, cos) = sin_cos(y[i]);
            (cosines, sum) = (cosines + cos, sum + y[i]);
            gradient[i] = sin;
        }
        let (sin, cos) = sin_cos(sum);
        for i in 0..self.plaquettes() - 1 {
            gradient[i] += sin;
        }
        -(cosines + cos)
    }
}

/// Whether the sums over Bessel functions are computed.
fn is_known(beta: f64) -> bool {
    beta > 0.0 && beta <= LARGEST_BETA
}

/// The order from which `(I_n/I_0)ⱽ` is below rounding. `I_n/I_0` is at most `e^{−n²/2β}` up to a factor that falls where
/// `n ≪ β`, and falls faster than `(β/2n)ⁿ` where `n ≫ β`.
fn orders(beta: f64, plaquettes: usize) -> usize {
    let first = log_bessel_i(0, beta);
    let is_small = |n: &usize| plaquettes as f64 * (log_bessel_i(*n, beta) - first) < -45.0;
    (1..).find(is_small).expect("orders rise without end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Generator, Sequence, Spread, base_points};

    #[test]
    fn golden_gauge_log_z() {
        // Normalised by the Haar measure of one angle each.
        let known = [
            (2, 1.0, 1.02031916681762),
            (2, 2.0, 3.69539502050179),
            (4, 1.0, 3.77463470729725),
            (4, 2.0, 13.1901932583889),
            (8, 2.0, 52.7355866551082),
            (16, 2.0, 210.942346619637),
            (16, 5.0, 845.998534610569),
            (16, 7.0, 1312.63818626619),
        ];
        for (side, beta, known) in known {
            let gauge = PlaneGauge { side };
            let value = gauge.log_z(beta).expect("a small β") - (gauge.plaquettes() as f64 - 1.0) * TAU.ln();
            // The constants have fifteen digits.
            assert!((value / known - 1.0).abs() < 2e-14, "{side}, {beta}: {value} is not {known}");
        }
    }

    #[test]
    fn golden_mean_square_charge() {
        let known = [
            (8, 2.0, 1.23929891072, 1e-10),
            (8, 4.0, 0.4820, 5e-5),
            (8, 6.0, 0.279, 5e-4),
            (16, 5.0, 1.47348665951, 1e-10),
        ];
        for (side, beta, known, tolerance) in known {
            let value = PlaneGauge { side }.mean_square_charge(beta).expect("a small β");
            assert!((value - known).abs() < tolerance, "{side}, {beta}: {value} is not {known}");
        }
    }

    #[test]
    fn log_z_and_charge_of_four_plaquettes_match_quadrature() {
        // Three angles; half a step off the seams, where the charge jumps.
        let (gauge, n) = (PlaneGauge { side: 2 }, 64);
        let angle = |i: usize| (i as f64 + 0.5) * TAU / n as f64;
        for beta in [0.5, 2.0] {
            let (mut sum, mut squares) = (0.0, 0.0);
            for node in 0..n * n * n {
                let y = [angle(node % n), angle(node / n % n), angle(node / n / n)];
                let weight = (-beta * gauge.energy(&y)).exp();
                sum += weight;
                squares += weight * gauge.charge(&y).powi(2);
            }
            let (value, known) = (gauge.log_z(beta).expect("small"), sum.ln() + 3.0 * (TAU / n as f64).ln());
            assert!((value - known).abs() < 1e-12, "{beta}: {value} is not {known}");
            // The charge is no smooth function, so the rule is good to the second power of the step.
            let (value, known) = (gauge.mean_square_charge(beta).expect("small"), squares / sum);
            assert!((value - known).abs() < 3e-3, "{beta}: {value} is not {known}");
        }
    }

    #[test]
    fn probabilities_of_the_charge_sum_to_one_and_have_the_known_mean_square() {
        for (side, beta, most) in [(2, 0.5, 8), (8, 2.0, 12), (8, 4.0, 10), (16, 5.0, 14)] {
            let gauge = PlaneGauge { side };
            let all = gauge.charge_probabilities(beta, most).expect("a small β");
            let sum: f64 = all.iter().sum();
            let squares = all.iter().enumerate().map(|(i, p)| p * (i as f64 - most as f64).powi(2));
            let (value, known) = (squares.sum::<f64>(), gauge.mean_square_charge(beta).expect("a small β"));
            assert!((sum - 1.0).abs() < 1e-10, "{side}, {beta}: {sum}");
            assert!((value - known).abs() < 1e-8, "{side}, {beta}: {value} is not {known}");
        }
        assert_eq!(PlaneGauge { side: 4 }.charge_probabilities(2e4, 3), None);
    }

    #[test]
    fn charge_is_an_integer_that_turns_do_not_change() {
        let seed = 4;
        let gauge = PlaneGauge { side: 4 };
        let sequence = Sequence::new(Spread::Random, 200, 15);
        let y = base_points(&gauge.manifold(), &sequence, &mut Generator::from_seed(seed));
        let mut seen = std::collections::BTreeSet::new();
        for y in y.chunks_exact(15) {
            let charge = gauge.charge(y);
            let turned: Vec<f64> =
                y.iter().enumerate().map(|(i, angle)| angle + TAU * (i % 3) as f64).collect();
            let mirrored: Vec<f64> = y.iter().map(|angle| -angle).collect();
            assert_eq!((charge, -charge), (gauge.charge(&turned), gauge.charge(&mirrored)), "seed {seed}");
            seen.insert(charge as i64);
        }
        assert!(seen.len() >= 3, "{seen:?}");
    }

    #[test]
    fn log_z_is_unknown_where_bessel_functions_take_too_long() {
        assert_eq!(PlaneGauge { side: 4 }.log_z(2e4), None);
        assert_eq!(PlaneGauge { side: 4 }.mean_square_charge(2e4), None);
    }
}
