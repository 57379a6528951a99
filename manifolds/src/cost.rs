//! The cost `c(x, y) = d(x, y)²/2` and its second derivatives.

use ircpm_ad::{Real, Scalar};

use crate::blocks::BlockMut;
use crate::derived;
use crate::manifold::Manifold;

/// A manifold with the second derivatives of its cost `c(x, y) = d(x, y)²/2`.
///
/// `v` stands for the frame coordinates, at `y`, of the initial velocity of the geodesic from `y` to `x`; `∇_y c = −v`.
///
/// # Limit
/// Every method is a function of `v` alone. Second derivatives of `c` are such functions on spaces that are
/// homogeneous and locally symmetric: spheres, tori, Euclidean and hyperbolic spaces, projective spaces, compact Lie
/// groups with a bi-invariant metric, and products of these. On another manifold they also depend on `y`, and this
/// trait cannot be implemented. The default methods compute at [`Manifold::origin`]; the laws of [`crate::check`]
/// compare every formula with derivatives at several points.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Cost: Manifold {
    /// How far, in radians, `v` stays inside the domain of the formulas for `c`.
    ///
    /// There `exp_y` is a diffeomorphism. The margin is `∞` where there is no bound (Rⁿ, and the torus on its cover),
    /// and `π − |v|` on spheres. Coordinates of `v` that are not finite make it −∞ or NaN.
    fn domain_margin<B: Real>(&self, v: &[B]) -> B;

    /// Whether the cost Hessian depends on `v`, that is, whether `M` is curved.
    ///
    /// A flat manifold is spared the derivatives of a constant. Default: true, which is always right.
    #[inline(always)]
    fn is_curved(&self) -> bool {
        true
    }

    /// Hessian of `y ↦ c(x, y)`: `D × D`, symmetric, in the frame at `y`.
    ///
    /// Default: the covariant derivative of `−log_y(x)`, by dual numbers.
    #[inline(always)]
    fn cost_hessian<S: Scalar>(&self, v: &[S], h: BlockMut<'_, S>) {
        derived::cost_hessian(self, v, h);
    }

    /// `out = (−B)⁻¹ w` with `B = ∂x∂y c`, the mixed derivative of the cost.
    ///
    /// `B` is taken between the frame at `y` and its parallel transport to `x`, where it is symmetric. `(−B)⁻¹` is the
    /// derivative of the exponential map, `D exp_y(v)`, because `∇_y c = −log_y(x)`.
    ///
    /// Default: that derivative, by dual numbers.
    #[inline(always)]
    fn mixed_inverse<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        derived::mixed_inverse(self, v, w, out);
    }

    /// `out = −B w`, the inverse of [`Cost::mixed_inverse`].
    ///
    /// Default: solves with the matrix of [`Cost::mixed_inverse`]; outside the domain the result may be anything.
    #[inline(always)]
    fn mixed<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        derived::mixed(self, v, w, out);
    }

    /// `log |det ∂x∂y c|`.
    ///
    /// Default: minus the log-determinant of the matrix of [`Cost::mixed_inverse`]; outside the domain it may be NaN.
    #[inline(always)]
    fn mixed_log_det<S: Scalar>(&self, v: &[S]) -> S {
        derived::mixed_log_det(self, v)
    }
}
