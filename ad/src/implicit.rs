//! Solutions of equations as functions: `y(x)` with `G(x, y(x)) = 0`, to any order.
//!
//! Given numbers `x` and a solution `y`, however found, [`solution`] returns `y` with the derivatives by whatever `x`
//! carries: gradients, Hessians, Taylor coefficients, in lanes too. By the implicit function theorem
//! `dy = −(∂G/∂y)⁻¹ (∂G/∂x) dx`. All orders follow from one iteration over the scalar itself,
//!
//! `y ← y − J⁻¹ G(x, y)`,  `J = ∂G/∂y` at the values alone,
//!
//! since the error of `y` lies in the ideal of numbers whose value is zero, and each step multiplies it by
//! `1 − J⁻¹ ∂G/∂y`, which lies there too: one order per step, with one factorisation of a real matrix.
//!
//! ```
//! use ircpm_ad::implicit::{Equations, solution};
//! use ircpm_ad::{Jet, Scalar};
//!
//! /// Kepler's equation `E − e sin E = M` for the anomaly `E`, with `x = (M, e)`.
//! struct Kepler;
//! impl Equations for Kepler {
//!     fn residual<S: Scalar>(&self, x: &[S], y: &[S], out: &mut [S]) {
//!         out[0] = y[0] - x[1] * y[0].sin() - x[0];
//!     }
//! }
//! // E = 1 solves it for e = ½ and M = 1 − ½ sin 1; dE/dM = 1/(1 − e cos E).
//! let m = 1.0 - 0.5 * Scalar::sin(1.0);
//! let x: [Jet<f64, 2>; 2] = [Jet::variable(m, 0), Jet::variable(0.5, 1)];
//! let anomaly = solution(&Kepler, &x, &[1.0])?[0];
//! assert!((anomaly.grad[0] - 1.0 / (1.0 - 0.5 * Scalar::cos(1.0))).abs() < 1e-15);
//! # Ok::<(), ircpm_ad::implicit::ImplicitError>(())
//! ```

use std::error::Error;
use std::fmt;

use crate::derivative::{CHUNK, seed};
use crate::duals::Dual;
use crate::matrix::{Lu, SingularMatrix};
use crate::real::Real;
use crate::scalar::Scalar;

/// Equations `G(x, y) = 0`, as many as there are unknowns `y`, written over any [`Scalar`].
pub trait Equations {
    /// Writes `G(x, y)` to `out`, which is as long as `y`.
    fn residual<S: Scalar>(&self, x: &[S], y: &[S], out: &mut [S]);
}

/// Largest step of Newton's method that is taken for rounding of a solution, relative to `1 + |y|`.
///
/// The iteration makes up for such an error: it is squared.
const LARGEST_CORRECTION: f64 = 1e-8;

/// Why a solution cannot be differentiated.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImplicitError {
    /// `∂G/∂y` is singular, so that the equations do not determine `y` as a smooth function.
    Singular(SingularMatrix),
    /// `y` is no solution, or not a number.
    NotASolution {
        /// The largest entry of Newton's step from `y`.
        correction: f64,
        /// The largest step that would have been accepted.
        allowed: f64,
    },
}

impl fmt::Display for ImplicitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Singular(_) => write!(f, "the derivative of the equations by their unknowns is singular"),
            Self::NotASolution { correction, allowed } => write!(
                f,
                "y is no solution: Newton's method would move it by {correction:e}, more than {allowed:e}; solve the \
                 equations more accurately first"
            ),
        }
    }
}

impl Error for ImplicitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Singular(cause) => Some(cause),
            Self::NotASolution { .. } => None,
        }
    }
}

/// The solution `y` of `G(x, y) = 0` with all derivatives that `x` carries.
///
/// `y` holds the values of a solution at the values of `x`, to eight digits at least; the result satisfies the
/// equations to rounding. It takes [`Scalar::ORDER`]` + 1` residuals over `S`, and those of a real Jacobian.
///
/// # Errors
/// If `∂G/∂y` is singular there, or `y` is no solution, in any lane.
pub fn solution<G: Equations, S: Scalar>(g: &G, x: &[S], y: &[S::Base]) -> Result<Vec<S>, ImplicitError> {
    let n = y.len();
    let values: Vec<S::Base> = x.iter().map(|x| x.value()).collect();
    let (residual, matrix) = by_unknowns(g, &values, y);
    let inverse = inverse(&matrix, n)?;
    check(&residual, &inverse, y)?;
    let mut solution: Vec<S> = y.iter().map(|&y| S::from_base(y)).collect();
    let mut residual = vec![S::zero(); n];
    for _ in 0..=S::ORDER {
        g.residual(x, &solution, &mut residual);
        for i in 0..n {
            for j in 0..n {
                solution[i] -= residual[j].scale(inverse[i * n + j]);
            }
        }
    }
    Ok(solution)
}

/// The cotangent of `x` from that of the solution, `x̄ = −(∂G/∂x)ᵀ (∂G/∂y)⁻ᵀ ȳ`: one linear system, and one gradient by
/// `x`.
///
/// `y` is a solution as [`solution`] returns it, so that the result carries derivatives as well.
///
/// # Errors
/// If `∂G/∂y` is singular, or `y` is no solution.
///
/// # Panics
/// If `y_bar` is not as long as `y`.
pub fn pull_back<G: Equations, S: Scalar<Base = f64>>(
    g: &G,
    x: &[S],
    y: &[S],
    y_bar: &[S],
) -> Result<Vec<S>, ImplicitError> {
    let n = y.len();
    assert_eq!(y_bar.len(), n, "a cotangent for each unknown");
    let (residual, matrix) = by_unknowns(g, x, y);
    let lu = Lu::new(&matrix, n).map_err(ImplicitError::Singular)?;
    let mut correction = residual;
    lu.solve(&mut correction);
    accept(correction.iter().map(|c| c.value()), y.iter().map(|y| y.value()))?;
    let mut multipliers = y_bar.to_vec();
    lu.solve_transposed(&mut multipliers);
    Ok(weighted_by_parameters(g, x, y, &multipliers).into_iter().map(|d| -d).collect())
}

/// The inverse of the matrix in every lane.
fn inverse<R: Real>(matrix: &[R], n: usize) -> Result<Vec<R>, ImplicitError> {
    let mut lanes = Vec::with_capacity(R::LANES);
    for lane in 0..R::LANES {
        let entries: Vec<f64> = matrix.iter().map(|entry| entry.lane(lane)).collect();
        lanes.push(Lu::new(&entries, n).map_err(ImplicitError::Singular)?.inverse());
    }
    Ok((0..n * n).map(|k| R::from_fn(|lane| lanes[lane][k])).collect())
}

/// Whether Newton's step from `y` is small in every lane.
fn check<R: Real>(residual: &[R], inverse: &[R], y: &[R]) -> Result<(), ImplicitError> {
    let n = y.len();
    let step = |i: usize| (0..n).map(|j| inverse[i * n + j] * residual[j]).sum::<R>();
    let steps: Vec<R> = (0..n).map(step).collect();
    for lane in 0..R::LANES {
        accept(steps.iter().map(|s| s.lane(lane)), y.iter().map(|y| y.lane(lane)))?;
    }
    Ok(())
}

/// Whether every entry of a step is small beside the largest entry of `y`.
fn accept(steps: impl Iterator<Item = f64>, y: impl Iterator<Item = f64>) -> Result<(), ImplicitError> {
    let allowed = LARGEST_CORRECTION * (1.0 + y.fold(0.0, |size: f64, y| size.max(y.abs())));
    // A NaN is larger than anything.
    let larger = |a: f64, b: f64| if b.abs() <= a { a } else { b.abs() };
    let correction = steps.fold(0.0, larger);
    if correction <= allowed { Ok(()) } else { Err(ImplicitError::NotASolution { correction, allowed }) }
}

/// Residuals and their Jacobian by the unknowns, row by row.
fn by_unknowns<G: Equations, S: Scalar>(g: &G, x: &[S], y: &[S]) -> (Vec<S>, Vec<S>) {
    let n = y.len();
    let x: Vec<Dual<S, CHUNK>> = x.iter().map(|&x| Dual::fixed(x)).collect();
    let mut out = vec![Dual::zero(); n];
    let mut matrix = vec![S::zero(); n * n];
    for start in (0..n).step_by(CHUNK) {
        g.residual(&x, &seed(y, start), &mut out);
        for i in 0..n {
            for j in start..n.min(start + CHUNK) {
                matrix[i * n + j] = out[i].eps[j - start];
            }
        }
    }
    (out.iter().map(|r| r.re).collect(), matrix)
}

/// `weightsᵀ ∂G/∂x`.
fn weighted_by_parameters<G: Equations, S: Scalar>(g: &G, x: &[S], y: &[S], weights: &[S]) -> Vec<S> {
    let y: Vec<Dual<S, CHUNK>> = y.iter().map(|&y| Dual::fixed(y)).collect();
    let mut out = vec![Dual::zero(); y.len()];
    let mut gradient = vec![S::zero(); x.len()];
    for start in (0..x.len()).step_by(CHUNK) {
        g.residual(&seed(x, start), &y, &mut out);
        for j in start..x.len().min(start + CHUNK) {
            for (r, &weight) in out.iter().zip(weights) {
                gradient[j] += r.eps[j - start] * weight;
            }
        }
    }
    gradient
}
