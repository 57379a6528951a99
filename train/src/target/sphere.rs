//! Mixtures of von Mises–Fisher densities on spheres of any dimension.

use ircpm_ad::{Scalar, log_sum_exp};
use ircpm_manifolds::{AnyManifold, Sphere};

use super::bessel::log_fisher_integral;
use super::density::Density;

/// `exp(−u) = Σₖ exp(κ μₖ·y)` on the unit sphere in `Rᴺ`, `K` modes of equal mass.
#[derive(Clone, Debug)]
pub struct Fisher<const K: usize, const N: usize> {
    /// Concentration κ.
    pub kappa: f64,
    /// Mean directions, of unit length.
    pub means: [[f64; N]; K],
}

/// Four modes on S² (Rezende et al. 2020, arXiv:2002.02428, eq. 28), given by azimuth and polar angle.
///
/// The third azimuth is printed as 0.5, which does not reproduce their figure; 5.0 does, and is what others use.
/// Theirs has `kappa` 10; 50 and 100 are our choice, harder for a map that begins near the identity.
pub fn four_mode(kappa: f64) -> Fisher<4, 3> {
    use std::f64::consts::FRAC_PI_2;
    let angles = [(1.5, 0.7), (1.0, -1.0), (5.0, 0.6), (4.0, -0.7)];
    Fisher { kappa, means: angles.map(|(azimuth, latitude)| s2_point(azimuth, latitude + FRAC_PI_2)) }
}

/// Modes at both poles of S², where azimuths are arbitrary, and one on the seam of the azimuths (our choice).
pub fn poles() -> Fisher<3, 3> {
    Fisher { kappa: 20.0, means: [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]] }
}

/// Four modes on S³ (Rezende et al. 2020, arXiv:2002.02428), given by hyperspherical angles.
pub fn four_mode_s3() -> Fisher<4, 4> {
    let angles = [[1.7, -1.5, 2.3], [-3.0, 1.0, 3.0], [0.6, -2.6, 4.5], [-2.5, 3.0, 5.0]];
    Fisher { kappa: 10.0, means: angles.map(s3_point) }
}

/// `(sin ϑ cos a, sin ϑ sin a, cos ϑ)`.
fn s2_point(azimuth: f64, polar: f64) -> [f64; 3] {
    let (sin, cos) = polar.sin_cos();
    [sin * azimuth.cos(), sin * azimuth.sin(), cos]
}

/// `(cos θ, sin θ cos φ, sin θ sin φ cos γ, sin θ sin φ sin γ)`.
fn s3_point([theta, phi, gamma]: [f64; 3]) -> [f64; 4] {
    let radius = theta.sin() * phi.sin();
    [theta.cos(), theta.sin() * phi.cos(), radius * gamma.cos(), radius * gamma.sin()]
}

impl<const K: usize, const N: usize> Density for Fisher<K, N> {
    fn manifold(&self) -> AnyManifold {
        Sphere::new(N - 1).expect("at least two coordinates").into()
    }

    /// `log K` plus the value of one mode; a power of a sum of several has no closed form.
    fn log_z(&self, beta: f64) -> Option<f64> {
        let known = K == 1 || beta == 1.0;
        known.then(|| (K as f64).ln() + log_fisher_integral(N, beta * self.kappa))
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        let mut exponents = [S::zero(); K];
        for (exponent, mean) in exponents.iter_mut().zip(&self.means) {
            for i in 0..N {
                *exponent += y[i] * (mean[i] * self.kappa);
            }
        }
        -log_sum_exp(&exponents)
    }
}
