//! The geometry of a manifold: points, geodesics, frames.

use std::fmt::{Debug, Display};

use ircpm_ad::{Real, Scalar};

use crate::blocks::{Block, BlockMut};
use crate::coordinates::Coordinates;
use crate::derived;
use crate::error::{CutLocus, InvalidPoint};
use crate::slices::dot;

/// A complete Riemannian manifold `M` of dimension `D`, its points given by `n` ambient coordinates.
///
/// Points `p`, `q` and tangent vectors `v`, `w` are slices of `ambient()` coordinates. *Frame coordinates* are slices
/// of `dim()` numbers with respect to the orthonormal frame that [`Manifold::frame`] gives at a point. Geometry is
/// written once over [`Scalar`], so that samples move in lanes and every formula can be differentiated.
///
/// # The metric
/// By default the inner product of two tangent vectors is the dot product of their ambient coordinates. A manifold with
/// another metric (the hyperboloid, whose metric is Minkowski's) overrides [`Manifold::lower`], and nothing else: all
/// lengths and angles are taken from frame coordinates.
///
/// # Writing a manifold
/// Eight methods have no default: [`dim`](Manifold::dim), [`ambient`](Manifold::ambient),
/// [`origin`](Manifold::origin), [`check_point`](Manifold::check_point), [`exp`](Manifold::exp),
/// [`log`](Manifold::log), [`frame`](Manifold::frame) and [`transport`](Manifold::transport). The others follow from
/// these by automatic differentiation, exact but slow: override them where speed matters. [`crate::Cost`] asks for
/// one method more, [`crate::Base`] for four. [`crate::check`] tries all of them.
///
/// A formula in a length `r` loses its derivatives at `r = 0`: write it in `r²`, as [`ircpm_ad::elementary::smooth`]
/// does. A branch on a value is written with [`Scalar::select_gt`], because a pack takes both sides. For speed over
/// packs, mark methods `#[inline(always)]` and loop over indices: the compiler may leave closures that iterators call
/// without the instruction set of the pack.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Manifold: Clone + Debug + Display + Send + Sync + 'static {
    /// Dimension `D ≥ 1`.
    fn dim(&self) -> usize;

    /// Number `n ≥ D` of coordinates of a point.
    fn ambient(&self) -> usize;

    /// Some point of the manifold.
    fn origin(&self) -> Vec<f64>;

    /// Checks that `p` is a point: finite, and where the embedding asks for more (a unit vector), that too.
    ///
    /// # Errors
    /// [`InvalidPoint`] with the first offending coordinate or factor.
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint>;

    /// `q = exp_p(v)`: the end of the geodesic that leaves `p` with velocity `v`, after unit time.
    ///
    /// On a torus the result stays on the universal cover; [`Manifold::wrap`] brings it back.
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]);

    /// `v = log_p(q)`, the initial velocity of the shortest geodesic from `p` to `q`, and the margin to the cut locus.
    ///
    /// The margin is the distance in radians by which `q` stays inside the cut locus of `p`. Where it is not
    /// positive, the direction is arbitrary and the caller must not use it. A coordinate that is not finite makes the
    /// margin −∞ or NaN. [`Manifold::try_log`] turns all of that into an error.
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base;

    /// Orthonormal basis `E` of the tangent space at `p`: `D` rows of `n` coordinates.
    fn frame<S: Scalar>(&self, p: &[S], frame: BlockMut<'_, S>);

    /// Parallel transport of the tangent vector `w` at `p` along `t ↦ exp_p(t v)`, `t` from 0 to 1.
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]);

    /// The kinds of the coordinates, in order; their lengths sum to `ambient()`.
    ///
    /// Default: one embedded run.
    fn coordinates(&self) -> Vec<Coordinates> {
        vec![Coordinates::Embedded(self.ambient())]
    }

    /// Replaces `p` by the canonical representative of the same point: angles in `[0, 2π)`, unit length on spheres.
    ///
    /// Both representatives must have the same [`Manifold::frame`], because components of tangent vectors are kept
    /// while points are wrapped: shifts by periods and rescaling do that, reflections do not.
    ///
    /// Default: leaves `p` as it is.
    #[inline(always)]
    fn wrap<B: Real>(&self, _p: &mut [B]) {}

    /// As [`Manifold::log`], on the universal cover where there is one: on a torus `v = q − p`, with no jump.
    ///
    /// Default: [`Manifold::log`].
    #[inline(always)]
    fn log_on_cover<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        self.log(p, q, v)
    }

    /// Geodesic distance in radians.
    ///
    /// Default: the length of [`Manifold::log`] in the frame.
    #[inline(always)]
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        derived::length_of_log(self, p, q)
    }

    /// Turns the tangent vector `v` at `p` into the covector `⟨v, ·⟩`, whose sum of products with the coordinates of a
    /// tangent vector `w` is the inner product `⟨v, w⟩`. The metric enters here and nowhere else.
    ///
    /// Default: nothing changes, because the inner product is the dot product of coordinates.
    #[inline(always)]
    fn lower<S: Scalar>(&self, _p: &[S], _v: &mut [S]) {}

    /// Frame coordinates `t` of the tangent vector `v` at `p`: `v = Σ tᵢ Eᵢ`, with `E` any orthonormal frame at `p`.
    ///
    /// Default, right for every metric: products of the frame with [`Manifold::lower`] of `v`.
    fn to_frame<S: Scalar>(&self, p: &[S], frame: Block<'_, S>, v: &[S], t: &mut [S]) {
        let mut covector = v.to_vec();
        self.lower(p, &mut covector);
        for i in 0..self.dim() {
            t[i] = dot(&covector, frame.row(i));
        }
    }

    /// Normal coordinates: `z(t) = exp_p(Σ tᵢ Eᵢ)`, or its Taylor polynomial in `t` at 0 to third order at least.
    ///
    /// Derivatives of `f ∘ z` at `t = 0` are the gradient of `f` and its Riemannian Hessian, in the frame.
    ///
    /// Default: the exponential map itself.
    #[inline(always)]
    fn lift<S: Scalar>(&self, p: &[S::Base], frame: Block<'_, S::Base>, t: &[S], z: &mut [S]) {
        derived::lift(self, p, frame, t, z);
    }

    /// Derivative of [`Manifold::lift`] as `p` moves along `E_k` and the frame with it, in parallel transport.
    ///
    /// That is `∂_s z` at `s = 0`, of which the Taylor polynomial in `t` must be right to second order at least.
    ///
    /// Default: the derivative of the exponential map itself, by dual numbers.
    #[inline(always)]
    fn lift_derivative<S: Scalar>(
        &self,
        p: &[S::Base],
        frame: Block<'_, S::Base>,
        t: &[S],
        k: usize,
        dz: &mut [S],
    ) {
        derived::lift_derivative(self, p, frame, t, k, dz);
    }

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
