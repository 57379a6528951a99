//! Gradient, Hessian and third derivatives of a function written once.
//!
//! A function of `n` variables is a type with one generic method, because a closure has one type and cannot be
//! called on reals and on duals both.

use crate::duals::Dual;
use crate::duals::Jet;
use crate::scalar::Scalar;

/// A scalar function of several variables, written over any [`Scalar`].
pub trait ScalarField {
    /// Its value at `x`.
    fn eval<S: Scalar>(&self, x: &[S]) -> S;
}

/// Directions that one pass differentiates along.
const CHUNK: usize = 4;

/// Gradient of `f` at `x`, and its value; passes of four directions at a time.
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
        let seeded: Vec<Dual<S, CHUNK>> = seed(x, start);
        let y = f.eval(&seeded);
        value = y.re;
        grad.extend_from_slice(&y.eps[..CHUNK.min(x.len() - start)]);
    }
    (value, grad)
}

/// Value, gradient and Hessian (row-major, `n²`) of `f` at `x`.
///
/// Up to four variables in one pass of jets; beyond, blocks of duals of duals.
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

/// Third derivatives `∂ᵢ∂ⱼ∂ₖ f` at `x`, all `n³` of them, last index fastest.
pub fn third<F: ScalarField, S: Scalar>(f: &F, x: &[S]) -> Vec<S> {
    let n = x.len();
    let mut out = Vec::with_capacity(n * n * n);
    for i in 0..n {
        let along: Vec<Dual<S, 1>> =
            (0..n).map(|j| if i == j { Dual::variable(x[j], 0) } else { Dual::fixed(x[j]) }).collect();
        out.extend(hessian(f, &along).2.iter().map(|h| h.eps[0]));
    }
    out
}

/// `x` with directions `start..start + N` as variables.
fn seed<S: Scalar, const N: usize>(x: &[S], start: usize) -> Vec<Dual<S, N>> {
    x.iter()
        .enumerate()
        .map(
            |(i, &x)| {
                if (start..start + N).contains(&i) { Dual::variable(x, i - start) } else { Dual::fixed(x) }
            },
        )
        .collect()
}
