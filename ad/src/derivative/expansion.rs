//! All derivatives to third order.

use super::{CHUNK, ScalarField, hessian, seed};
use crate::duals::Dual;
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

/// Value, gradient, Hessian and third derivatives of `f` at `x`, each entry of the symmetric tensors computed about once.
///
/// For every variable `i` a pass differentiates by it and, in blocks of four by four, by the variables from `i` on. Up to four
/// variables a pass of jets for each is faster.
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
        if n <= CHUNK {
            one_slice(f, x, i, &mut out);
        } else {
            slice_from(f, x, i, &mut out);
        }
    }
    out
}

/// The derivatives by variable `i` and all pairs, by jets.
fn one_slice<F: ScalarField, S: Scalar>(f: &F, x: &[S], i: usize, out: &mut Expansion<S>) {
    let n = x.len();
    let variable = |(j, &x): (usize, &S)| if i == j { Dual::variable(x, 0) } else { Dual::fixed(x) };
    let along: Vec<Dual<S, 1>> = x.iter().enumerate().map(variable).collect();
    let (value, gradient, hessian) = hessian(f, &along);
    out.value = value.re;
    out.gradient[i] = value.eps[0];
    for j in 0..n {
        out.hessian[i * n + j] = gradient[j].eps[0];
    }
    for (third, h) in out.third[i * n * n..].iter_mut().zip(hessian) {
        *third = h.eps[0];
    }
}

/// The derivatives by variable `i` and all pairs from `i` on.
fn slice_from<F: ScalarField, S: Scalar>(f: &F, x: &[S], i: usize, out: &mut Expansion<S>) {
    let n = x.len();
    let first: Vec<Dual<S, 1>> = seed(x, i);
    for rows in (i..n).step_by(CHUNK) {
        let second: Vec<Dual<_, CHUNK>> = seed(&first, rows);
        for columns in (rows..n).step_by(CHUNK) {
            let y = f.eval(&seed::<_, CHUNK>(&second, columns));
            out.value = y.re.re.re;
            out.gradient[i] = y.re.re.eps[0];
            for j in rows..n.min(rows + CHUNK) {
                out.hessian[i * n + j] = y.re.eps[j - rows].eps[0];
                out.hessian[j * n + i] = out.hessian[i * n + j];
                for k in columns..n.min(columns + CHUNK) {
                    let entry = y.eps[k - columns].eps[j - rows].eps[0];
                    for [p, q, r] in [[i, j, k], [i, k, j], [j, i, k], [j, k, i], [k, i, j], [k, j, i]] {
                        out.third[(p * n + q) * n + r] = entry;
                    }
                }
            }
        }
    }
}
