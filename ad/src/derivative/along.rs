//! Derivatives along given directions.

use super::{CHUNK, ScalarField, seed};
use crate::duals::{Dual, Taylor};
use crate::scalar::Scalar;

/// Value, gradient and the product `Hess f · v` at `x`, without the Hessian.
///
/// # Panics
/// If `x` and `v` have different lengths.
pub fn hessian_vector<F: ScalarField, S: Scalar>(f: &F, x: &[S], v: &[S]) -> (S, Vec<S>, Vec<S>) {
    assert_eq!(x.len(), v.len(), "a direction of as many coordinates as the point");
    let (mut value, mut gradient, mut product) = (S::zero(), Vec::new(), Vec::new());
    for start in (0..x.len().max(1)).step_by(CHUNK) {
        let inner: Vec<Dual<S, CHUNK>> = seed(x, start);
        let along: Vec<Dual<_, 1>> =
            inner.into_iter().zip(v).map(|(x, &v)| Dual::new(x, [Dual::fixed(v)])).collect();
        let y = f.eval(&along);
        let width = CHUNK.min(x.len() - start);
        value = y.re.re;
        gradient.extend_from_slice(&y.re.eps[..width]);
        product.extend_from_slice(&y.eps[0].eps[..width]);
    }
    (value, gradient, product)
}

/// The value of `f` at `x` and its derivatives `dᵏ/dtᵏ f(x + t v)` at `t = 0`, for `k` from 1 to `N`.
///
/// ```
/// use ircpm_ad::{Scalar, derivative};
/// struct Wave;
/// impl derivative::ScalarField for Wave {
///     fn eval<S: Scalar>(&self, x: &[S]) -> S {
///         (x[0] + x[1] * 2.0).sin()
///     }
/// }
/// let (value, [first, second, third]) = derivative::directional(&Wave, &[0.0, 0.0], &[1.0, 1.0]);
/// assert_eq!((value, first, second, third), (0.0, 3.0, 0.0, -27.0));
/// ```
///
/// # Panics
/// If `x` and `v` have different lengths.
pub fn directional<F: ScalarField, S: Scalar, const N: usize>(f: &F, x: &[S], v: &[S]) -> (S, [S; N]) {
    assert_eq!(x.len(), v.len(), "a direction of as many coordinates as the point");
    let line: Vec<Taylor<S, N>> = x.iter().zip(v).map(|(&x, &v)| Taylor::line(x, v)).collect();
    let y = f.eval(&line);
    (y.coefficient(0), std::array::from_fn(|k| y.derivative(k + 1)))
}
