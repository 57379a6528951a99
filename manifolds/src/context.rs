//! Conditioning variables, as a factor of dimension zero.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ircpm_ad::{Real, Scalar};

use crate::base::Base;
use crate::blocks::{Block, BlockMut};
use crate::coordinates::Coordinates;
use crate::cost::Cost;
use crate::error::{InvalidManifold, InvalidPoint};
use crate::flat_metric::margin;
use crate::manifold::Manifold;
use crate::slices::{check_finite, least};

/// `k` conditioning variables `c`, named `C1`, `C2`, …: the last factor of a product on which densities are conditional.
///
/// A point of `M × Cᵏ` is a point of `M` followed by the values of the variables. These have no tangent vectors, so a
/// flow carries them along unchanged, psi sees them as it sees the other coordinates, and for every `c` the flow is a
/// map of `M` with a density `q(y | c)` with respect to the volume of `M`.
///
/// Base points take their values from given rows, each with the same probability. Two of these factors are equal if they
/// have the same number of variables, whatever their rows.
#[derive(Clone, Debug)]
pub struct Context {
    columns: usize,
    /// `[row][variable]`.
    rows: Arc<[f64]>,
}

impl Context {
    /// So many variables, which are zero at base points.
    ///
    /// # Errors
    /// [`InvalidManifold::ZeroDimension`] for none.
    pub fn new(columns: usize) -> Result<Self, InvalidManifold> {
        if columns == 0 { Err(InvalidManifold::ZeroDimension) } else { Ok(Self { columns, rows: [].into() }) }
    }

    /// As many variables as before, which have the values of a random row of `rows`, `[row][variable]`, at base points;
    /// zero if there are no rows.
    ///
    /// # Panics
    /// If `rows` does not hold whole rows.
    #[must_use]
    pub fn with_rows(self, rows: &[f64]) -> Self {
        assert!(rows.len().is_multiple_of(self.columns), "rows of {} variables", self.columns);
        Self { columns: self.columns, rows: rows.into() }
    }
}

impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

impl Eq for Context {}

impl Hash for Context {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.columns.hash(state);
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{}", self.columns)
    }
}

impl Manifold for Context {
    #[inline(always)]
    fn dim(&self) -> usize {
        0
    }

    #[inline(always)]
    fn ambient(&self) -> usize {
        self.columns
    }

    fn origin(&self) -> Vec<f64> {
        vec![0.0; self.columns]
    }

    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        check_finite(p, self.columns)
    }

    fn coordinates(&self) -> Vec<Coordinates> {
        vec![Coordinates::Context(self.columns)]
    }

    #[inline(always)]
    fn exp<S: Scalar>(&self, p: &[S], _v: &[S], q: &mut [S]) {
        for i in 0..self.columns {
            q[i] = p[i];
        }
    }

    /// Zero, with a margin of `∞`; −∞ where the two differ, because no geodesic joins them.
    #[inline(always)]
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let none = S::Base::constant(f64::NEG_INFINITY);
        let mut smallest = margin(&p[..self.columns]);
        for i in 0..self.columns {
            let difference = (q[i].value() - p[i].value()).abs();
            smallest = least(smallest, S::Base::select_gt(difference, S::Base::zero(), none, smallest));
            v[i] = S::zero();
        }
        least(smallest, margin(&q[..self.columns]))
    }

    /// The Euclidean distance of the values, although no geodesic joins two that differ.
    #[inline(always)]
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        let mut sum = B::zero();
        for i in 0..self.columns {
            let difference = q[i] - p[i];
            sum += difference * difference;
        }
        sum.sqrt()
    }

    #[inline(always)]
    fn frame<S: Scalar>(&self, _p: &[S], _frame: BlockMut<'_, S>) {}

    #[inline(always)]
    fn transport<S: Scalar>(&self, _p: &[S], _v: &[S], w: &[S], out: &mut [S]) {
        for i in 0..self.columns {
            out[i] = w[i];
        }
    }

    #[inline(always)]
    fn lift<S: Scalar>(&self, p: &[S::Base], _frame: Block<'_, S::Base>, _t: &[S], z: &mut [S]) {
        for i in 0..self.columns {
            z[i] = S::from_base(p[i]);
        }
    }

    #[inline(always)]
    fn lift_derivative<S: Scalar>(
        &self,
        _p: &[S::Base],
        _frame: Block<'_, S::Base>,
        _t: &[S],
        _k: usize,
        dz: &mut [S],
    ) {
        for i in 0..self.columns {
            dz[i] = S::zero();
        }
    }
}

impl Cost for Context {
    #[inline(always)]
    fn domain_margin<B: Real>(&self, _v: &[B]) -> B {
        B::constant(f64::INFINITY)
    }

    #[inline(always)]
    fn is_curved(&self) -> bool {
        false
    }

    #[inline(always)]
    fn cost_hessian<S: Scalar>(&self, _v: &[S], _h: BlockMut<'_, S>) {}

    #[inline(always)]
    fn mixed_inverse<S: Scalar>(&self, _v: &[S], _w: &[S], _out: &mut [S]) {}

    #[inline(always)]
    fn mixed<S: Scalar>(&self, _v: &[S], _w: &[S], _out: &mut [S]) {}

    #[inline(always)]
    fn mixed_log_det<S: Scalar>(&self, _v: &[S]) -> S {
        S::zero()
    }
}

impl Base for Context {
    #[inline(always)]
    fn log_base<S: Scalar>(&self, _p: &[S]) -> S {
        S::zero()
    }

    #[inline(always)]
    fn cube_dim(&self) -> usize {
        usize::from(!self.rows.is_empty())
    }

    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        let rows = self.rows.len() / self.columns;
        match u.first() {
            Some(u) if rows > 0 => {
                let row = ((u * rows as f64) as usize).min(rows - 1);
                p[..self.columns].copy_from_slice(&self.rows[row * self.columns..][..self.columns]);
            }
            _ => p[..self.columns].fill(0.0),
        }
    }

    fn log_volume(&self) -> Option<f64> {
        Some(0.0)
    }
}
