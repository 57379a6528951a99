//! Mixtures of products of von Mises densities on the torus.

use std::f64::consts::PI;

use ircpm_ad::{Scalar, log_sum_exp};
use ircpm_manifolds::{AnyManifold, Torus};

use super::bessel::log_fisher_integral;
use super::density::Density;

/// `exp(−u) = K⁻¹ Σₖ exp(κ Σᵢ cos(θᵢ − mₖᵢ))` on the torus of `N` angles, `K` modes of equal mass.
#[derive(Clone, Debug)]
pub struct VonMises<const K: usize, const N: usize> {
    /// Concentration κ.
    pub kappa: f64,
    /// Angles of the modes, in radians.
    pub modes: [[f64; N]; K],
}

/// One mode on T² (Rezende et al. 2020, arXiv:2002.02428, table 2).
pub fn unimodal() -> VonMises<1, 2> {
    VonMises { kappa: 1.0, modes: [[4.18, 5.96]] }
}

/// Three modes on T² (Rezende et al. 2020, arXiv:2002.02428, table 2).
pub fn multi_modal() -> VonMises<3, 2> {
    VonMises { kappa: 1.0, modes: [[0.21, 2.85], [1.89, 6.18], [3.77, 1.56]] }
}

/// Modes on T² at the corner where both angles jump from 2π to 0, and at the middle of one seam (our choice).
pub fn seam() -> VonMises<2, 2> {
    VonMises { kappa: 4.0, modes: [[0.0, 0.0], [PI, 0.0]] }
}

impl<const K: usize, const N: usize> Density for VonMises<K, N> {
    fn manifold(&self) -> AnyManifold {
        Torus::new(N).expect("at least one angle").into()
    }

    /// `N log(2π I₀(βκ))`: at β = 1 each mode has this mass; a power of a sum of several has no closed form.
    fn log_z(&self, beta: f64) -> Option<f64> {
        let known = K == 1 || beta == 1.0;
        known.then(|| N as f64 * log_fisher_integral(2, beta * self.kappa))
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let mut exponents = [S::zero(); K];
        for (exponent, mode) in exponents.iter_mut().zip(&self.modes) {
            for i in 0..N {
                *exponent += (y[i] - mode[i]).cos() * self.kappa;
            }
        }
        -(log_sum_exp(&exponents) - (K as f64).ln())
    }
}
