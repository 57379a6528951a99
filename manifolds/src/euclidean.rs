//! Euclidean space.

use std::f64::consts::TAU;
use std::fmt;

use ircpm_ad::{Real, Scalar};

use crate::error::{InvalidManifold, InvalidPoint};
use crate::manifold::Manifold;
use crate::slices::{check_finite, dot};
use crate::{box_muller, flat_metric};

/// `Rⁿ`, with the standard normal distribution as its base density.
///
/// The frame is the coordinate frame everywhere; [`Manifold::lift`] takes that for granted and reads no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Euclidean(usize);

impl Euclidean {
    /// The space of `n` coordinates.
    ///
    /// # Errors
    /// [`InvalidManifold::ZeroDimension`] for `n = 0`.
    pub fn new(n: usize) -> Result<Self, InvalidManifold> {
        if n == 0 { Err(InvalidManifold::ZeroDimension) } else { Ok(Self(n)) }
    }
}

impl fmt::Display for Euclidean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.0)
    }
}

impl Manifold for Euclidean {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.0
    }

    #[inline(always)]
    fn ambient(&self) -> usize {
        self.0
    }

    #[inline(always)]
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        flat_metric::translate(p, v, q);
    }

    #[inline(always)]
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        flat_metric::difference(p, q, v);
        flat_metric::margin(v)
    }

    #[inline(always)]
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        let mut sum = B::zero();
        for i in 0..self.0 {
            let difference = q[i] - p[i];
            sum += difference * difference;
        }
        sum.sqrt()
    }

    #[inline(always)]
    fn frame<S: Scalar>(&self, _p: &[S], frame: &mut [S]) {
        flat_metric::identity(self.0, frame, self.0);
    }

    #[inline(always)]
    fn transport<S: Scalar>(&self, _p: &[S], _v: &[S], w: &[S], out: &mut [S]) {
        out[..self.0].copy_from_slice(&w[..self.0]);
    }

    #[inline(always)]
    fn lift<S: Scalar>(&self, p: &[S::Base], _frame: &[S::Base], t: &[S], z: &mut [S]) {
        flat_metric::lift(p, t, z);
    }

    #[inline(always)]
    fn lift_derivative<S: Scalar>(
        &self,
        _p: &[S::Base],
        _frame: &[S::Base],
        _t: &[S],
        k: usize,
        dz: &mut [S],
    ) {
        flat_metric::lift_derivative(k, dz);
    }

    #[inline(always)]
    fn cost_hessian<S: Scalar>(&self, _v: &[S], h: &mut [S]) {
        flat_metric::identity(self.0, h, self.0);
    }

    #[inline(always)]
    fn mixed_log_det<S: Scalar>(&self, _v: &[S]) -> S {
        S::zero()
    }

    #[inline(always)]
    fn mixed<S: Scalar>(&self, _v: &[S], w: &[S], out: &mut [S]) {
        out[..self.0].copy_from_slice(&w[..self.0]);
    }

    #[inline(always)]
    fn mixed_inverse<S: Scalar>(&self, _v: &[S], w: &[S], out: &mut [S]) {
        out[..self.0].copy_from_slice(&w[..self.0]);
    }

    #[inline(always)]
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        flat_metric::margin(v)
    }

    #[inline(always)]
    fn is_curved(&self) -> bool {
        false
    }

    #[inline(always)]
    fn wrap<B: Real>(&self, _p: &mut [B]) {}

    #[inline(always)]
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        dot(p, p) * -0.5 - 0.5 * self.0 as f64 * TAU.ln()
    }

    #[inline(always)]
    fn cube_dim(&self) -> usize {
        box_muller::cube_dim(self.0)
    }

    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        box_muller::fill(u, p);
    }

    fn log_volume(&self) -> Option<f64> {
        None
    }

    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        check_finite(p, self.0)
    }
}
