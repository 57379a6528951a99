//! What the flow needs to know of a manifold.

use ircpm_ad::{Real, Scalar};

use crate::error::{CutLocus, InvalidPoint};

/// A complete Riemannian manifold `M` of dimension `D`, its points given by `n` ambient coordinates.
///
/// Points and tangent vectors are slices of `ambient()` coordinates; *frame coordinates* are slices of `dim()` numbers
/// with respect to the orthonormal frame that [`Manifold::frame`] gives at a point. Geometry is written once over
/// [`Scalar`], so that samples move in lanes and tests can differentiate through it. With `c(x, y) = d(x, y)²/2`, and
/// `v` the initial velocity at `y` of the geodesic to `x`, everything that the flow asks about `c` is a function of the
/// frame coordinates of `v`.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Manifold: Clone + std::fmt::Debug + Send + Sync {
    /// Dimension `D`.
    fn dim(&self) -> usize;

    /// Number `n ≥ D` of coordinates of a point.
    fn ambient(&self) -> usize;

    /// `q = exp_p(v)`: the end of the geodesic that leaves `p` with velocity `v`, after unit time.
    ///
    /// On a torus the result stays on the universal cover; [`Manifold::wrap`] brings it back.
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]);

    /// `v = log_p(q)`: initial velocity of the shortest geodesic from `p` to `q`. Returns the margin in radians by
    /// which `q` stays inside the cut locus of `p`; where it is not positive the direction is arbitrary, and the caller
    /// must not use it. A coordinate that is not finite makes the margin −∞ or NaN. [`Manifold::try_log`] turns all of that
    /// into an error.
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base;

    /// As [`Manifold::log`], on the universal cover where there is one: on a torus plainly `q − p`, with no jump.
    fn log_on_cover<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        self.log(p, q, v)
    }

    /// Geodesic distance in radians, from `atan2`: accurate at coincident points and at the cut locus.
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B;

    /// Orthonormal basis of the tangent space at `p`: `D` rows of `n` coordinates.
    fn frame<S: Scalar>(&self, p: &[S], frame: &mut [S]);

    /// Parallel transport of the tangent vector `w` at `p` along `t ↦ exp_p(t v)`, `t` from 0 to 1.
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]);

    /// Normal coordinates: third-order Taylor polynomial in `t` of `z(t) = exp_p(Σ tᵢ Eᵢ)`, `E` the frame.
    ///
    /// Derivatives of `f ∘ z` at `t = 0` are the gradient of `f` and its Riemannian Hessian, in the frame.
    fn lift<S: Scalar>(&self, p: &[S::Base], frame: &[S::Base], t: &[S], z: &mut [S]);

    /// Derivative of [`Manifold::lift`] as `p` moves along `E_k` and the frame with it, in parallel transport:
    /// `∂_{s_k} z` at `s = 0`, to second order in `t`.
    fn lift_derivative<S: Scalar>(&self, p: &[S::Base], frame: &[S::Base], t: &[S], k: usize, dz: &mut [S]);

    /// Hessian of `y ↦ c(x, y)`, from the frame coordinates `v` at `y` of the geodesic to `x`: `D × D`, symmetric.
    fn cost_hessian<S: Scalar>(&self, v: &[S], h: &mut [S]);

    /// `log |det ∂x∂y c|`, from `v` as in [`Manifold::cost_hessian`].
    fn mixed_log_det<S: Scalar>(&self, v: &[S]) -> S;

    /// `out = −B w` with `B = ∂x∂y c`, between the frame at `y` and its parallel transport to `x`, where `B` is symmetric.
    fn mixed<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]);

    /// `out = (−B)⁻¹ w`, the inverse of [`Manifold::mixed`].
    fn mixed_inverse<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]);

    /// How far, in radians, `v` stays inside the domain where `exp_y` is a diffeomorphism and the formulas for `c` hold:
    /// `∞` where there is no bound (Rⁿ, and the torus on its cover), `π − |v|` on spheres.
    fn domain_margin<B: Real>(&self, v: &[B]) -> B;

    /// Whether the cost Hessian depends on `v`, that is, whether `M` is curved: spares a flat manifold the derivatives
    /// of a constant.
    fn is_curved(&self) -> bool;

    /// Canonical representative of a point: angles in `[0, 2π)`, unit length on spheres.
    fn wrap<B: Real>(&self, p: &mut [B]);

    /// Logarithm of the base density at `p`, with respect to the Riemannian volume: uniform on a compact manifold,
    /// standard normal on Rⁿ.
    fn log_base<S: Scalar>(&self, p: &[S]) -> S;

    /// Dimension of the unit cube that [`Manifold::base_point`] reads.
    fn cube_dim(&self) -> usize;

    /// The base density as the image of the uniform measure on the unit cube `[0, 1)^m`, `m = cube_dim()`: random or
    /// low-discrepancy numbers in, points out. On tori and spheres it is periodic: continuous where a number passes from 1
    /// to 0, as randomly shifted lattices like it.
    fn base_point(&self, u: &[f64], p: &mut [f64]);

    /// Logarithm of the Riemannian volume, `None` if it is infinite.
    fn log_volume(&self) -> Option<f64>;

    /// Checks that `p` is a point: finite, and of unit length (to 1e-9) on spheres.
    ///
    /// # Errors
    /// [`InvalidPoint`] with the first offending coordinate or factor.
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint>;

    /// As [`Manifold::log`], for one point.
    ///
    /// # Errors
    /// [`CutLocus`] when `q` is within 1e-7 rad of the cut locus of `p`: every direction is then nearly shortest.
    fn try_log(&self, p: &[f64], q: &[f64]) -> Result<Vec<f64>, CutLocus> {
        let mut v = vec![0.0; self.ambient()];
        let margin = self.log(p, q, &mut v);
        if margin > CutLocus::TOLERANCE { Ok(v) } else { Err(CutLocus { margin }) }
    }
}
