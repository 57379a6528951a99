//! One factor of a product: a closed choice of manifolds, so that no call is virtual.

use std::fmt;
use std::str::FromStr;

use ircpm_ad::{Real, Scalar};

use crate::base::Base;
use crate::blocks::{Block, BlockMut};
use crate::context::Context;
use crate::coordinates::Coordinates;
use crate::cost::Cost;
use crate::error::{InvalidManifold, InvalidPoint};
use crate::euclidean::Euclidean;
use crate::manifold::Manifold;
use crate::sphere::Sphere;
use crate::torus::Torus;

/// A manifold that is no product, or conditioning variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// `Tⁿ`, named `T1`, `T2`, …
    Torus(Torus),
    /// `Sⁿ`, named `S1`, `S2`, …
    Sphere(Sphere),
    /// `Rⁿ`, named `R1`, `R2`, …
    Euclidean(Euclidean),
    /// `Cᵏ`, named `C1`, `C2`, …
    Context(Context),
}

/// Evaluates an expression in which `$m` is the manifold that the factor holds.
macro_rules! on {
    ($factor:expr, $m:ident => $body:expr) => {
        match $factor {
            Factor::Torus($m) => $body,
            Factor::Sphere($m) => $body,
            Factor::Euclidean($m) => $body,
            Factor::Context($m) => $body,
        }
    };
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        on!(self, m => m.fmt(f))
    }
}

impl FromStr for Factor {
    type Err = InvalidManifold;

    fn from_str(name: &str) -> Result<Self, InvalidManifold> {
        let factor = name.trim();
        let unknown = || InvalidManifold::UnknownFactor { factor: factor.to_string() };
        let digits = factor.find(|c: char| c.is_ascii_digit()).ok_or_else(unknown)?;
        let (letters, digits) = factor.split_at(digits);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(unknown());
        }
        let n = match digits.parse::<usize>() {
            Ok(n) if (1..=InvalidManifold::LARGEST_NAMED).contains(&n) => n,
            _ => return Err(InvalidManifold::Dimension { factor: factor.to_string() }),
        };
        match letters.to_ascii_uppercase().as_str() {
            "T" => Torus::new(n).map(Factor::Torus),
            "S" => Sphere::new(n).map(Factor::Sphere),
            "R" => Euclidean::new(n).map(Factor::Euclidean),
            "C" => Context::new(n).map(Factor::Context),
            _ => Err(unknown()),
        }
    }
}

impl Manifold for Factor {
    #[inline(always)]
    fn dim(&self) -> usize {
        on!(self, m => m.dim())
    }
    #[inline(always)]
    fn ambient(&self) -> usize {
        on!(self, m => m.ambient())
    }
    fn origin(&self) -> Vec<f64> {
        on!(self, m => m.origin())
    }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        on!(self, m => m.check_point(p))
    }
    fn coordinates(&self) -> Vec<Coordinates> {
        on!(self, m => m.coordinates())
    }
    #[inline(always)]
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        on!(self, m => m.exp(p, v, q));
    }
    #[inline(always)]
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        on!(self, m => m.log(p, q, v))
    }
    #[inline(always)]
    fn log_on_cover<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        on!(self, m => m.log_on_cover(p, q, v))
    }
    #[inline(always)]
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        on!(self, m => m.distance(p, q))
    }
    #[inline(always)]
    fn frame<S: Scalar>(&self, p: &[S], frame: BlockMut<'_, S>) {
        on!(self, m => m.frame(p, frame));
    }
    #[inline(always)]
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        on!(self, m => m.transport(p, v, w, out));
    }
    #[inline(always)]
    fn lower<S: Scalar>(&self, p: &[S], v: &mut [S]) {
        on!(self, m => m.lower(p, v));
    }
    #[inline(always)]
    fn lift<S: Scalar>(&self, p: &[S::Base], frame: Block<'_, S::Base>, t: &[S], z: &mut [S]) {
        on!(self, m => m.lift(p, frame, t, z));
    }
    #[inline(always)]
    fn lift_derivative<S: Scalar>(
        &self,
        p: &[S::Base],
        frame: Block<'_, S::Base>,
        t: &[S],
        k: usize,
        dz: &mut [S],
    ) {
        on!(self, m => m.lift_derivative(p, frame, t, k, dz));
    }
    #[inline(always)]
    fn wrap<B: Real>(&self, p: &mut [B]) {
        on!(self, m => m.wrap(p));
    }
}

impl Cost for Factor {
    #[inline(always)]
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        on!(self, m => m.domain_margin(v))
    }
    #[inline(always)]
    fn is_curved(&self) -> bool {
        on!(self, m => m.is_curved())
    }
    #[inline(always)]
    fn cost_hessian<S: Scalar>(&self, v: &[S], h: BlockMut<'_, S>) {
        on!(self, m => m.cost_hessian(v, h));
    }
    #[inline(always)]
    fn mixed_inverse<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        on!(self, m => m.mixed_inverse(v, w, out));
    }
    #[inline(always)]
    fn mixed<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        on!(self, m => m.mixed(v, w, out));
    }
    #[inline(always)]
    fn mixed_log_det<S: Scalar>(&self, v: &[S]) -> S {
        on!(self, m => m.mixed_log_det(v))
    }
}

impl Base for Factor {
    #[inline(always)]
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        on!(self, m => m.log_base(p))
    }
    #[inline(always)]
    fn cube_dim(&self) -> usize {
        on!(self, m => m.cube_dim())
    }
    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        on!(self, m => m.base_point(u, p));
    }
    fn log_volume(&self) -> Option<f64> {
        on!(self, m => m.log_volume())
    }
}
