//! Euclidean space.

use std::f64::consts::TAU;
use std::fmt;

use ircpm_ad::{Real, Scalar};

use crate::base::Base;
use crate::blocks::{Block, BlockMut};
use crate::box_muller;
use crate::coordinates::Coordinates;
use crate::cost::Cost;
use crate::error::InvalidManifold;
use crate::flat_metric::{flat_cost, flat_geometry};
use crate::manifold::Manifold;
use crate::slices::dot;

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
    flat_geometry!();

    fn coordinates(&self) -> Vec<Coordinates> {
        vec![Coordinates::Reals(self.0)]
    }

    #[inline(always)]
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        self.log_on_cover(p, q, v)
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
}

impl Cost for Euclidean {
    flat_cost!();
}

impl Base for Euclidean {
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
}
