//! All derivatives to third order.

use super::{CHUNK, ScalarField, seed};
use crate::duals::{Dual, Jet};
use crate::scalar::Scalar;

/// Value and all derivatives to third order of a function of `n` variables at a point.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Expansion<S> {
    /// The value.
    pub value: S,
    /// First derivatives, `n`.
    pub gradient: Vec<S>,
    /// Second derivatives, row-major, `n²`.
    pub hessian: Vec<S>,
    /// Third derivatives `∂ᵢ∂ⱼ∂ₖ f`, `n³`, last index fastest.
    pub third: Vec<S>,
}

/// Third derivatives `∂ᵢ∂ⱼ∂ₖ f` at `x`, all `n³` of them, last index fastest.
pub fn third<F: ScalarField, S: Scalar>(f: &F, x: &[S]) -> Vec<S> {
    expansion(f, x).third
}

/// Value, gradient, Hessian and third derivatives of `f` at `x`, each entry of the symmetric tensors computed about
/// once.
///
/// For every variable `i` passes differentiate by it and, in blocks of four by four, by pairs of the variables from `i`
/// on: blocks on the diagonal by jets, others by duals of duals.
///
/// ```
/// use ircpm_ad::{Scalar, derivative};
/// struct Cubic;
/// impl derivative::ScalarField for Cubic {
///     fn eval<S: Scalar>(&self, x: &[S]) -> S {
///         x[0] * x[0] * x[1]
///     }
/// }
/// let at = derivative::expansion(&Cubic, &[3.0, 5.0]);
/// assert_eq!((at.value, at.gradient), (45.0, vec![30.0, 9.0]));
/// assert_eq!(at.hessian, [10.0, 6.0, 6.0, 0.0]);
/// assert_eq!(at.third, [0.0, 2.0, 2.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
/// ```
pub fn expansion<F: ScalarField, S: Scalar>(f: &F, x: &[S]) -> Expansion<S> {
    let n = x.len();
    let mut out = Expansion {
        value: S::zero(),
        gradient: vec![S::zero(); n],
        hessian: vec![S::zero(); n * n],
        third: vec![S::zero(); n * n * n],
    };
    if n == 0 {
        out.value = f.eval(x);
    }
    for i in 0..n {
        for rows in (i..n).step_by(CHUNK) {
            diagonal_block(f, x, i, rows, &mut out);
            for columns in (rows + CHUNK..n).step_by(CHUNK) {
                block(f, x, i, [rows, columns], &mut out);
            }
        }
    }
    out
}

impl<S: Scalar> Expansion<S> {
    /// Writes a third derivative to all places that symmetry gives it.
    fn set_third(&mut self, [i, j, k]: [usize; 3], entry: S) {
        let n = self.gradient.len();
        for [p, q, r] in [[i, j, k], [i, k, j], [j, i, k], [j, k, i], [k, i, j], [k, j, i]] {
            self.third[(p * n + q) * n + r] = entry;
        }
    }
}

/// The derivatives by variable `i` and all pairs of the variables from `start` on, a chunk of them.
fn diagonal_block<F: ScalarField, S: Scalar>(f: &F, x: &[S], i: usize, start: usize, out: &mut Expansion<S>) {
    let n = x.len();
    let end = n.min(start + CHUNK);
    let jet = |(j, &x): (usize, &S)| {
        if (start..end).contains(&j) { Jet::<S, CHUNK>::variable(x, j - start) } else { Jet::fixed(x) }
    };
    let inner: Vec<Jet<S, CHUNK>> = x.iter().enumerate().map(jet).collect();
    let y = f.eval(&seed::<_, 1>(&inner, i));
    out.value = y.re.re;
    out.gradient[i] = y.eps[0].re;
    for j in start..end {
        out.hessian[i * n + j] = y.eps[0].grad[j - start];
        out.hessian[j * n + i] = out.hessian[i * n + j];
        for k in j..end {
            out.set_third([i, j, k], y.eps[0].hess[j - start][k - start]);
        }
    }
}

/// The derivatives by variable `i`, one of the variables from `rows` on and one of those from `columns` on.
fn block<F: ScalarField, S: Scalar>(
    f: &F,
    x: &[S],
    i: usize,
    [rows, columns]: [usize; 2],
    out: &mut Expansion<S>,
) {
    let n = x.len();
    // The single direction is the outermost, so that products of blocks of four lie side by side in memory.
    let inner: Vec<Dual<S, CHUNK>> = seed(x, rows);
    let middle: Vec<Dual<_, CHUNK>> = seed(&inner, columns);
    let y = f.eval(&seed::<_, 1>(&middle, i));
    for j in rows..rows + CHUNK {
        for k in columns..n.min(columns + CHUNK) {
            out.set_third([i, j, k], y.eps[0].eps[k - columns].eps[j - rows]);
        }
    }
}
