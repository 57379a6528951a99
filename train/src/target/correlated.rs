//! A ridge on the torus: all mass along a line of constant phase.

use std::f64::consts::TAU;

use ircpm_ad::Scalar;
use ircpm_manifolds::{AnyManifold, Torus};

use super::bessel::log_fisher_integral;
use super::density::Density;

/// `exp(−u) = exp(κ cos(Σᵢ θᵢ − φ))` on the torus of `N` angles: invariant under every translation that keeps the sum.
#[derive(Clone, Debug)]
pub struct Ridge<const N: usize> {
    /// Concentration κ.
    pub kappa: f64,
    /// The sum of angles where the density is largest, in radians.
    pub phase: f64,
}

/// The correlated target on T² (Rezende et al. 2020, arXiv:2002.02428, table 2), symmetric under `(θ₁ + α, θ₂ − α)`.
pub fn correlated() -> Ridge<2> {
    Ridge { kappa: 1.0, phase: 1.94 }
}

impl<const N: usize> Density for Ridge<N> {
    fn manifold(&self) -> AnyManifold {
        Torus::new(N).expect("at least one angle").into()
    }

    /// `N log 2π + log I₀(βκ)`: the sum of uniform angles is uniform.
    fn log_z(&self, beta: f64) -> Option<f64> {
        Some((N as f64 - 1.0) * TAU.ln() + log_fisher_integral(2, beta * self.kappa))
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let sum = y.iter().fold(S::zero(), |sum, &angle| sum + angle);
        -((sum - self.phase).cos() * self.kappa)
    }
}
