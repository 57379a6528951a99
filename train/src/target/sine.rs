//! The sine model: two coupled angles.

use std::f64::consts::TAU;

use ircpm_ad::Scalar;
use ircpm_manifolds::{AnyManifold, Torus};

use super::bessel::log_fisher_integral;
use super::density::Density;

/// `exp(−u) = exp(κ₁ cos(θ₁ − μ₁) + κ₂ cos(θ₂ − μ₂) + λ sin(θ₁ − μ₁) sin(θ₂ − μ₂))` on T², the sine von Mises density
/// (Singh, Hnizdo & Demchuk 2002, *Probabilistic model for two dependent circular variables*). One mode if `λ² < κ₁ κ₂`.
#[derive(Clone, Debug)]
pub struct SineVonMises {
    /// Concentrations κ₁ and κ₂.
    pub kappa: [f64; 2],
    /// Coupling λ.
    pub coupling: f64,
    /// Angles μ of the mode, in radians.
    pub mode: [f64; 2],
}

/// A sharp mode that is strongly correlated (our choice).
pub fn sine_von_mises() -> SineVonMises {
    SineVonMises { kappa: [50.0, 40.0], coupling: -30.0, mode: [0.1, 6.2] }
}

/// Largest sum of the constants for which `log Z` is computed.
const LARGEST_CONCENTRATION: f64 = 1e6;

impl Density for SineVonMises {
    fn manifold(&self) -> AnyManifold {
        Torus::new(2).expect("at least one angle").into()
    }

    /// The integral over θ₂ is `2π I₀(√(κ₂² + λ² sin² θ₁))`, because its terms add up to one cosine; that over θ₁ is a
    /// sum over a uniform grid, exact to rounding for a periodic function. Unknown beyond a concentration of 10⁶.
    fn log_z(&self, beta: f64) -> Option<f64> {
        let [first, second, coupling] = [self.kappa[0], self.kappa[1], self.coupling].map(|k| beta * k);
        let concentration = first.abs() + second.abs() + coupling.abs();
        if concentration > LARGEST_CONCENTRATION {
            return None;
        }
        let nodes = 64 + (20.0 * concentration.sqrt()) as usize;
        let step = TAU / nodes as f64;
        let terms: Vec<f64> = (0..nodes)
            .map(|i| {
                let (sin, cos) = (i as f64 * step).sin_cos();
                first * cos + log_fisher_integral(2, second.hypot(coupling * sin))
            })
            .collect();
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(largest + (step * terms.iter().map(|t| (t - largest).exp()).sum::<f64>()).ln())
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let (a, b) = (y[0] - self.mode[0], y[1] - self.mode[1]);
        -(a.cos() * self.kappa[0] + b.cos() * self.kappa[1] + a.sin() * b.sin() * self.coupling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_sine_log_z() {
        let value = sine_von_mises().log_z(1.0).expect("a small concentration");
        assert!((value - 88.323794).abs() < 5.1e-7, "{value}");
    }

    #[test]
    fn sine_without_a_coupling_is_a_product_of_circles() {
        for beta in [0.1, 1.0, 300.0] {
            let value = SineVonMises { coupling: 0.0, ..sine_von_mises() }.log_z(beta).expect("small");
            let known = log_fisher_integral(2, 50.0 * beta) + log_fisher_integral(2, 40.0 * beta);
            assert!((value - known).abs() < 1e-11 * beta.max(1.0), "{beta}: {value} is not {known}");
        }
    }
}
