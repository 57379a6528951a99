//! The base density of a manifold, and points drawn from it.

use ircpm_ad::Scalar;

use crate::manifold::Manifold;

/// A manifold with a base density: uniform where the volume is finite, else one of the implementor's choice.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Base: Manifold {
    /// Logarithm of the base density at `p`, with respect to the Riemannian volume.
    fn log_base<S: Scalar>(&self, p: &[S]) -> S;

    /// Dimension `m` of the unit cube that [`Base::base_point`] reads.
    fn cube_dim(&self) -> usize;

    /// The base density as the image of the uniform measure on the unit cube `[0, 1)^m`, `m = cube_dim()`.
    ///
    /// Random or low-discrepancy numbers go in, points come out. On tori and spheres the image is continuous where a
    /// number passes from 1 to 0, because randomly shifted lattices err less on periodic functions.
    fn base_point(&self, u: &[f64], p: &mut [f64]);

    /// Logarithm of the Riemannian volume, `None` if it is infinite.
    fn log_volume(&self) -> Option<f64>;
}
