//! Derivatives of functions of an array: closures are welcome, nothing is allocated, and one pass gives everything.
//!
//! The number of variables is known to the compiler, which keeps small duals in registers. A closure is called with the
//! dual type that the wanted derivative needs; a generic function can be named in its place.
//!
//! ```
//! use ircpm_ad::{Scalar, derivative::array};
//!
//! let (value, [dx, dy]) = array::gradient(|[x, y]| x.sin() * y.exp(), [0.3, 0.0]);
//! assert_eq!((value, dy), (Scalar::sin(0.3), Scalar::sin(0.3)));
//! assert_eq!(dx, Scalar::cos(0.3));
//!
//! fn cubic<S: Scalar>([x, y]: [S; 2]) -> S {
//!     x * x * y
//! }
//! assert_eq!(array::hessian(cubic, [3.0, 5.0]).2, [[10.0, 6.0], [6.0, 0.0]]);
//! assert_eq!(array::third(cubic, [3.0, 5.0])[0][0][1], 2.0);
//! ```

use std::array::from_fn;

use crate::duals::{Dual, Jet, Lap, Taylor};
use crate::scalar::Scalar;

/// Value and gradient.
#[inline]
pub fn gradient<S: Scalar, const N: usize>(
    f: impl FnOnce([Dual<S, N>; N]) -> Dual<S, N>,
    x: [S; N],
) -> (S, [S; N]) {
    let y = f(from_fn(|i| Dual::variable(x[i], i)));
    (y.re, y.eps)
}

/// Value, gradient and Hessian.
#[inline]
pub fn hessian<S: Scalar, const N: usize>(
    f: impl FnOnce([Jet<S, N>; N]) -> Jet<S, N>,
    x: [S; N],
) -> (S, [S; N], [[S; N]; N]) {
    let y = f(from_fn(|i| Jet::variable(x[i], i)));
    (y.re, y.grad, y.hess)
}

/// Value and Laplacian `Σ ∂²f/∂xᵢ²`, without the rest of the Hessian.
#[inline]
pub fn laplacian<S: Scalar, const N: usize>(
    f: impl FnOnce([Lap<S, N>; N]) -> Lap<S, N>,
    x: [S; N],
) -> (S, S) {
    let unit = |i: usize| from_fn(|k| S::constant(f64::from(i == k)));
    let y = f(from_fn(|i| Lap::seeded(x[i], unit(i))));
    (y.re, y.lap)
}

/// Third derivatives `∂ᵢ∂ⱼ∂ₖ f`.
#[inline]
pub fn third<S: Scalar, const N: usize>(
    f: impl FnOnce([Jet<Dual<S, N>, N>; N]) -> Jet<Dual<S, N>, N>,
    x: [S; N],
) -> [[[S; N]; N]; N] {
    let y = f(from_fn(|i| Jet::variable(Dual::variable(x[i], i), i)));
    y.hess.map(|row| row.map(|entry| entry.eps))
}

/// Values and Jacobian `∂fᵢ/∂xⱼ` of a function with several values.
#[inline]
pub fn jacobian<S: Scalar, const N: usize, const M: usize>(
    f: impl FnOnce([Dual<S, N>; N]) -> [Dual<S, N>; M],
    x: [S; N],
) -> ([S; M], [[S; N]; M]) {
    let y = f(from_fn(|i| Dual::variable(x[i], i)));
    (y.map(|y| y.re), y.map(|y| y.eps))
}

/// Value and derivatives of order 1 to `K` along the line `x + t v`.
#[inline]
pub fn directional<S: Scalar, const N: usize, const K: usize>(
    f: impl FnOnce([Taylor<S, K>; N]) -> Taylor<S, K>,
    x: [S; N],
    v: [S; N],
) -> (S, [S; K]) {
    let y = f(from_fn(|i| Taylor::line(x[i], v[i])));
    (y.coefficient(0), from_fn(|k| y.derivative(k + 1)))
}
