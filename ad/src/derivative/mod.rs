//! Gradient, Hessian and further derivatives of a function written once.
//!
//! A function of `n` variables is a type with one generic method ([`ScalarField`], [`VectorField`]), because a closure
//! has one type and cannot be called on reals and on duals both. For a number of variables that is known to the
//! compiler, [`mod@array`] takes closures, allocates nothing and is up to three times faster.
//!
//! | wanted | function | cost in values of `f`, about |
//! |---|---|---|
//! | gradient | [`gradient`] | 5/4 n |
//! | Hessian | [`hessian`] | n²/2 · 25/16 |
//! | everything to third order | [`expansion`] | n³/6 · 50/16 |
//! | Hessian times a vector | [`hessian_vector`] | 10/4 n |
//! | derivatives of order 1 to `N` along a line | [`directional`] | N²/2 to N³/3 |
//! | Jacobian, Jacobian times a vector | [`jacobian`], [`jacobian_vector`] | 5/4 n, 2 |
//!
//! A sum of second derivatives in one pass is what [`crate::Lap`] carries; solutions of equations are differentiated by
//! [`crate::implicit`].

mod along;
pub mod array;
mod tensors;
mod vector;

pub use along::{directional, hessian_vector};
pub use tensors::{Expansion, expansion, third};
pub use vector::{VectorField, jacobian, jacobian_vector};

use crate::duals::{Dual, Guarded, Jet};
use crate::real::Real;
use crate::scalar::Scalar;

/// A scalar function of several variables, written over any [`Scalar`].
pub trait ScalarField {
    /// Its value at `x`.
    fn eval<S: Scalar>(&self, x: &[S]) -> S;
}

/// Directions that one pass differentiates along.
pub(crate) const CHUNK: usize = 4;

/// Gradient of `f` at `x`, and its value; passes of four directions at a time.
///
/// A derivative that is NaN where the value is not is sought again with [`Guarded`] numbers, which know that a tangent
/// of zero stays zero beside an infinite value.
///
/// ```
/// use ircpm_ad::{Scalar, derivative};
/// struct Energy;
/// impl derivative::ScalarField for Energy {
///     fn eval<S: Scalar>(&self, x: &[S]) -> S {
///         x[0].sin() * x[1].exp()
///     }
/// }
/// let (value, gradient) = derivative::gradient(&Energy, &[0.3, 0.1]);
/// assert!((gradient[1] - value).abs() < 1e-15);
/// ```
pub fn gradient<F: ScalarField, S: Scalar>(f: &F, x: &[S]) -> (S, Vec<S>) {
    let mut value = S::zero();
    let mut grad = Vec::with_capacity(x.len());
    for start in (0..x.len().max(1)).step_by(CHUNK) {
        let mut y = f.eval(&seed::<S, CHUNK>(x, start));
        if is_lost(y) {
            let guarded: Vec<_> = seed::<S, CHUNK>(x, start).into_iter().map(Guarded).collect();
            y.eps = f.eval(&guarded).0.eps;
        }
        value = y.re;
        grad.extend_from_slice(&y.eps[..CHUNK.min(x.len() - start)]);
    }
    (value, grad)
}

/// Whether a derivative is NaN where the value is not, in some lane.
fn is_lost<S: Scalar, const D: usize>(y: Dual<S, D>) -> bool {
    let lost = |d: S, i: usize| d.value().lane(i).is_nan() && !y.value().lane(i).is_nan();
    (0..S::Base::LANES).any(|i| y.eps.iter().any(|&d| lost(d, i)))
}

/// Value, gradient and Hessian (row-major, `n²`) of `f` at `x`.
///
/// Up to four variables in one pass of jets; beyond, blocks of duals of duals. Where the value is infinite, zero
/// tangents make NaN; [`Guarded`] jets do not.
pub fn hessian<F: ScalarField, S: Scalar>(f: &F, x: &[S]) -> (S, Vec<S>, Vec<S>) {
    let n = x.len();
    if n <= CHUNK {
        let seeded: Vec<Jet<S, CHUNK>> = (0..n).map(|i| Jet::variable(x[i], i)).collect();
        let y = f.eval(&seeded);
        let hess = (0..n * n).map(|k| y.hess[k / n][k % n]).collect();
        return (y.re, y.grad[..n].to_vec(), hess);
    }
    let mut value = S::zero();
    let mut grad = Vec::with_capacity(n);
    let mut hess = vec![S::zero(); n * n];
    for rows in (0..n).step_by(CHUNK) {
        for columns in (rows..n).step_by(CHUNK) {
            let inner: Vec<Dual<S, CHUNK>> = seed(x, columns);
            let y = f.eval(&seed::<_, CHUNK>(&inner, rows));
            value = y.re.re;
            if rows == 0 {
                grad.extend_from_slice(&y.re.eps[..CHUNK.min(n - columns)]);
            }
            for i in rows..n.min(rows + CHUNK) {
                for j in columns..n.min(columns + CHUNK) {
                    hess[i * n + j] = y.eps[i - rows].eps[j - columns];
                    hess[j * n + i] = hess[i * n + j];
                }
            }
        }
    }
    (value, grad, hess)
}

/// `x` with directions `start..start + N` as variables.
pub(crate) fn seed<S: Scalar, const N: usize>(x: &[S], start: usize) -> Vec<Dual<S, N>> {
    let variable = |(i, &x): (usize, &S)| {
        if (start..start + N).contains(&i) { Dual::variable(x, i - start) } else { Dual::fixed(x) }
    };
    x.iter().enumerate().map(variable).collect()
}
