//! Derivatives of functions with several values.

use super::{CHUNK, seed};
use crate::duals::Dual;
use crate::scalar::Scalar;

/// A function of several variables with several values, written over any [`Scalar`].
pub trait VectorField {
    /// Number of values.
    fn outputs(&self) -> usize;

    /// Writes the values at `x` to `out`, [`VectorField::outputs`] of them.
    fn eval<S: Scalar>(&self, x: &[S], out: &mut [S]);
}

/// Values of `f` at `x`, and the Jacobian `∂fᵢ/∂xⱼ`, row-major with `x.len()` columns.
///
/// ```
/// use ircpm_ad::Scalar;
/// use ircpm_ad::derivative::{VectorField, jacobian};
/// struct Polar;
/// impl VectorField for Polar {
///     fn outputs(&self) -> usize {
///         2
///     }
///     fn eval<S: Scalar>(&self, x: &[S], out: &mut [S]) {
///         out[0] = x[0] * x[1].cos();
///         out[1] = x[0] * x[1].sin();
///     }
/// }
/// assert_eq!(jacobian(&Polar, &[2.0, 0.0]), (vec![2.0, 0.0], vec![1.0, 0.0, 0.0, 2.0]));
/// ```
pub fn jacobian<F: VectorField, S: Scalar>(f: &F, x: &[S]) -> (Vec<S>, Vec<S>) {
    let (m, n) = (f.outputs(), x.len());
    let mut out = vec![Dual::<S, CHUNK>::zero(); m];
    let mut jacobian = vec![S::zero(); m * n];
    for start in (0..n.max(1)).step_by(CHUNK) {
        f.eval(&seed(x, start), &mut out);
        for (i, y) in out.iter().enumerate() {
            for j in start..n.min(start + CHUNK) {
                jacobian[i * n + j] = y.eps[j - start];
            }
        }
    }
    (out.iter().map(|y| y.re).collect(), jacobian)
}

/// Values of `f` at `x`, and the product of its Jacobian and `v`, in one pass.
///
/// # Panics
/// If `x` and `v` have different lengths.
pub fn jacobian_vector<F: VectorField, S: Scalar>(f: &F, x: &[S], v: &[S]) -> (Vec<S>, Vec<S>) {
    assert_eq!(x.len(), v.len(), "a direction of as many coordinates as the point");
    let along: Vec<Dual<S, 1>> = x.iter().zip(v).map(|(&x, &v)| Dual::new(x, [v])).collect();
    let mut out = vec![Dual::zero(); f.outputs()];
    f.eval(&along, &mut out);
    out.iter().map(|y| (y.re, y.eps[0])).unzip()
}
