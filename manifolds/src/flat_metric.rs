//! The geometry of coordinates in which the metric is the unit matrix, for the torus and for Rⁿ.
//!
//! The two macros write methods of the traits, because a trait cannot provide them for two types alone. They take the
//! dimension from the type's only field.

use ircpm_ad::{Real, Scalar};

use crate::blocks::BlockMut;
use crate::slices::least;

/// The methods of [`crate::Manifold`] that all flat manifolds share: geodesics are straight, the frame is constant.
macro_rules! flat_geometry {
    () => {
        #[inline(always)]
        fn dim(&self) -> usize {
            self.0
        }

        #[inline(always)]
        fn ambient(&self) -> usize {
            self.0
        }

        fn origin(&self) -> Vec<f64> {
            vec![0.0; self.0]
        }

        fn check_point(&self, p: &[f64]) -> Result<(), $crate::error::InvalidPoint> {
            $crate::slices::check_finite(p, self.0)
        }

        #[inline(always)]
        fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
            for i in 0..self.0 {
                q[i] = p[i] + v[i];
            }
        }

        #[inline(always)]
        fn log_on_cover<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
            for i in 0..self.0 {
                v[i] = q[i] - p[i];
            }
            $crate::flat_metric::margin(&v[..self.0])
        }

        #[inline(always)]
        fn frame<S: Scalar>(&self, _p: &[S], frame: BlockMut<'_, S>) {
            $crate::flat_metric::identity(self.0, frame);
        }

        #[inline(always)]
        fn transport<S: Scalar>(&self, _p: &[S], _v: &[S], w: &[S], out: &mut [S]) {
            out[..self.0].copy_from_slice(&w[..self.0]);
        }

        #[inline(always)]
        fn lift<S: Scalar>(&self, p: &[S::Base], _frame: Block<'_, S::Base>, t: &[S], z: &mut [S]) {
            for i in 0..self.0 {
                z[i] = t[i] + S::from_base(p[i]);
            }
        }

        #[inline(always)]
        fn lift_derivative<S: Scalar>(
            &self,
            _p: &[S::Base],
            _frame: Block<'_, S::Base>,
            _t: &[S],
            k: usize,
            dz: &mut [S],
        ) {
            for i in 0..self.0 {
                dz[i] = S::constant(if i == k { 1.0 } else { 0.0 });
            }
        }
    };
}

/// All methods of [`crate::Cost`] where the cost is `|x − y|²/2`: both second derivatives are unit matrices.
macro_rules! flat_cost {
    () => {
        /// `∞`, on the universal cover: nothing ends at half a turn.
        #[inline(always)]
        fn domain_margin<B: Real>(&self, v: &[B]) -> B {
            $crate::flat_metric::margin(v)
        }

        #[inline(always)]
        fn is_curved(&self) -> bool {
            false
        }

        #[inline(always)]
        fn cost_hessian<S: Scalar>(&self, _v: &[S], h: BlockMut<'_, S>) {
            $crate::flat_metric::identity(self.0, h);
        }

        #[inline(always)]
        fn mixed_inverse<S: Scalar>(&self, _v: &[S], w: &[S], out: &mut [S]) {
            out[..self.0].copy_from_slice(&w[..self.0]);
        }

        #[inline(always)]
        fn mixed<S: Scalar>(&self, _v: &[S], w: &[S], out: &mut [S]) {
            out[..self.0].copy_from_slice(&w[..self.0]);
        }

        #[inline(always)]
        fn mixed_log_det<S: Scalar>(&self, _v: &[S]) -> S {
            S::zero()
        }
    };
}

pub(crate) use {flat_cost, flat_geometry};

/// The margin of a vector where there is no cut locus: `∞`, but −∞ if it is not finite, so that no NaN passes.
#[inline(always)]
pub(crate) fn margin<S: Scalar>(v: &[S]) -> S::Base {
    let mut margin = S::Base::constant(f64::INFINITY);
    for i in 0..v.len() {
        margin = least(margin, -v[i].value().abs() + f64::INFINITY);
    }
    margin
}

/// Writes the `n × n` unit matrix.
#[inline(always)]
pub(crate) fn identity<S: Scalar>(n: usize, mut out: BlockMut<'_, S>) {
    for i in 0..n {
        let row = out.row_mut(i);
        for j in 0..n {
            row[j] = S::constant(if i == j { 1.0 } else { 0.0 });
        }
    }
}
