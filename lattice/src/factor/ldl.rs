//! The numbers of a factor: elimination, solves and products, in lanes.

use ircpm_ad::Real;

use super::symbolic::Symbolic;
use crate::lanes::resize;

/// Number of pivots that are multiplied before a logarithm is taken: so few that no product of sensible ones underflows.
const FACTORS: usize = 16;

/// The numbers of one pack of matrices, before and after elimination.
///
/// Before, `diagonal` and `lower` hold `H` in the places of [`Symbolic`]; afterwards `L`, the pivots and their
/// reciprocals. Numbers behind the last row of `diagonal` belong to who uses the matrix. A pivot that is zero or NaN is replaced by one, so that its lane stays finite, and the lane is marked
/// in `definite`.
#[derive(Clone, Debug)]
pub(crate) struct Ldl<R> {
    pub diagonal: Vec<R>,
    pub lower: Vec<R>,
    pub reciprocal: Vec<R>,
    /// 1 where all pivots are positive, 0 where one is not or is NaN.
    pub definite: R,
    /// Number of negative pivots, which is that of negative eigenvalues (Sylvester's law of inertia).
    pub negative: R,
    /// 1 where no pivot was zero or NaN.
    pub regular: R,
}

impl<R: Real> Default for Ldl<R> {
    fn default() -> Self {
        let (diagonal, lower, reciprocal) = (vec![], vec![], vec![]);
        Self { diagonal, lower, reciprocal, definite: R::one(), negative: R::zero(), regular: R::one() }
    }
}

impl<R: Real> Ldl<R> {
    /// Makes room, sets `H` to the identity, and `more` numbers behind its diagonal to zero.
    #[inline(always)]
    pub(crate) fn set_identity(&mut self, symbolic: &Symbolic, more: usize) {
        let (n, len) = (symbolic.size(), symbolic.len());
        resize(&mut self.diagonal, n + more);
        resize(&mut self.reciprocal, n);
        resize(&mut self.lower, len);
        for i in 0..n {
            self.diagonal[i] = R::one();
        }
        for i in n..n + more {
            self.diagonal[i] = R::zero();
        }
        for e in 0..len {
            self.lower[e] = R::zero();
        }
    }

    /// Number of packs that are allocated.
    pub(crate) fn packs(&self) -> usize {
        self.diagonal.len() + self.lower.len() + self.reciprocal.len()
    }

    /// Takes over the numbers of `H`, with `shift` taken off the diagonal.
    #[inline(always)]
    pub(crate) fn copy_shifted(&mut self, s: &Symbolic, h: &Self, shift: R) {
        let (all, len) = (h.diagonal.len(), h.lower.len());
        resize(&mut self.diagonal, all);
        resize(&mut self.reciprocal, s.size());
        resize(&mut self.lower, len);
        for i in 0..all {
            self.diagonal[i] = h.diagonal[i];
        }
        for i in 0..s.size() {
            self.diagonal[i] -= shift;
        }
        for e in 0..len {
            self.lower[e] = h.lower[e];
        }
    }

    /// Replaces `H` by its factor.
    #[inline(always)]
    pub(crate) fn eliminate(&mut self, s: &Symbolic) {
        let (zero, one) = (R::zero(), R::one());
        (self.definite, self.negative, self.regular) = (one, zero, one);
        for j in 0..s.size() {
            let pivot = self.diagonal[j];
            self.definite = R::select_gt(pivot, zero, self.definite, zero);
            self.negative += R::select_gt(zero, pivot, one, zero);
            let usable = R::select_gt(pivot.abs(), R::constant(f64::MIN_POSITIVE), one, zero);
            self.regular = self.regular.min(usable);
            let pivot = R::select_gt(usable, zero, pivot, one);
            let reciprocal = one / pivot;
            (self.diagonal[j], self.reciprocal[j]) = (pivot, reciprocal);
            let (start, end) = (s.columns[j], s.columns[j + 1]);
            for e in start..end {
                let factor = -self.lower[e] * reciprocal;
                let row = s.rows[e] as usize;
                self.diagonal[row] = self.lower[e].mul_add(factor, self.diagonal[row]);
                for run in &s.runs[s.starts[e] as usize..s.starts[e + 1] as usize] {
                    // Later columns lie behind this one.
                    let (columns, later) = self.lower.split_at_mut(run.target as usize);
                    let source = &columns[run.source as usize..(run.source + run.len) as usize];
                    let target = &mut later[..run.len as usize];
                    for t in 0..target.len() {
                        target[t] = source[t].mul_add(factor, target[t]);
                    }
                }
            }
            for e in start..end {
                self.lower[e] *= reciprocal;
            }
        }
    }

    /// `log|det H|`.
    #[inline(always)]
    pub(crate) fn log_det(&self, s: &Symbolic) -> R {
        let mut sum = R::zero();
        let n = s.size();
        let mut first = 0;
        while first < n {
            let mut product = R::one();
            for j in first..n.min(first + FACTORS) {
                product *= self.diagonal[j].abs();
            }
            sum += product.ln();
            first += FACTORS;
        }
        sum
    }

    /// Replaces `b`, in the order of the rows of `H`, by `H⁻¹ b`; `scratch` has as many numbers.
    #[inline(always)]
    pub(crate) fn solve(&self, s: &Symbolic, b: &mut [R], scratch: &mut [R]) {
        let n = s.size();
        for i in 0..n {
            scratch[s.place[i] as usize] = b[i];
        }
        for j in 0..n {
            let x = scratch[j];
            for e in s.columns[j]..s.columns[j + 1] {
                let row = s.rows[e] as usize;
                scratch[row] -= self.lower[e] * x;
            }
        }
        for j in (0..n).rev() {
            let mut x = scratch[j] * self.reciprocal[j];
            for e in s.columns[j]..s.columns[j + 1] {
                x -= self.lower[e] * scratch[s.rows[e] as usize];
            }
            scratch[j] = x;
        }
        for i in 0..n {
            b[i] = scratch[s.place[i] as usize];
        }
    }

    /// Replaces `b` by `H b = Pᵀ L D Lᵀ P b`; `scratch` has as many numbers.
    #[inline(always)]
    pub(crate) fn multiply(&self, s: &Symbolic, b: &mut [R], scratch: &mut [R]) {
        let n = s.size();
        for i in 0..n {
            scratch[s.place[i] as usize] = b[i];
        }
        for j in 0..n {
            let mut x = scratch[j];
            for e in s.columns[j]..s.columns[j + 1] {
                x = self.lower[e].mul_add(scratch[s.rows[e] as usize], x);
            }
            scratch[j] = x * self.diagonal[j];
        }
        for j in (0..n).rev() {
            let x = scratch[j];
            for e in s.columns[j]..s.columns[j + 1] {
                let row = s.rows[e] as usize;
                scratch[row] = self.lower[e].mul_add(x, scratch[row]);
            }
        }
        for i in 0..n {
            b[i] = scratch[s.place[i] as usize];
        }
    }
}
