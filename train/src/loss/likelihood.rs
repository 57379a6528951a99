//! Maximum likelihood of given points, finite where the map folds.

use ircpm_flow::{Flow, Jacobian, SolveStats};
use nalgebra::DVector;

use super::{Gradient, LossError, check_input};
use crate::least_squares::JacobianRows;

/// Floor under the eigenvalues of `H`, below which `log det H` is continued by its tangent.
const FLOOR: f64 = 1e-3;

/// `−mean log q(y)` over given points `y` (`[sample][coordinate]`), in nats: see [`weighted_likelihood`].
///
/// # Errors
/// As [`weighted_likelihood`].
///
/// # Panics
/// If `theta` or `y` has the wrong length for the flow.
pub fn likelihood(flow: &Flow, theta: &[f64], y: &[f64]) -> Result<Gradient, LossError> {
    let count = y.len() / flow.manifold().ambient();
    weighted_likelihood(flow, theta, y, &vec![(count as f64).recip(); count])
}

/// `−Σ w log q(y)` over given points `y` (`[sample][coordinate]`) with weights `w`, in nats: no inner solve, the inverse
/// is explicit.
///
/// The likelihood of points alone is unbounded: a map that folds elsewhere may have any density at them. Points of the
/// base density among `y`, of a small weight, keep it from folding. Where it folds all the same, the logarithm of an
/// eigenvalue below 1e-3 is continued by its tangent, so that every point counts and pulls the eigenvalue up
/// ([`Flow::scores`]). Points beyond the injectivity radius have neither a density nor a slope: they are counted as
/// indefinite in the statistics, and [`Gradient::check`] refuses a batch of which they are more than half.
///
/// # Errors
/// [`LossError::NoPoints`] if `y` is empty, [`LossError::Parameter`] if `theta` is not finite, [`LossError::Folds`] if
/// no point has a preimage.
///
/// # Panics
/// If `theta` or `y` has the wrong length for the flow, or there is not one weight per point.
pub fn weighted_likelihood(
    flow: &Flow,
    theta: &[f64],
    y: &[f64],
    weights: &[f64],
) -> Result<Gradient, LossError> {
    check_input(theta, y)?;
    let scores = flow.scores(theta, y, FLOOR);
    let points = scores.inside.len();
    assert_eq!(weights.len(), points, "one weight per point");
    let outside = scores.inside.iter().filter(|inside| !**inside).count();
    if outside == points {
        return Err(LossError::Folds { failed: points, points });
    }
    let inside = scores.inside.iter().zip(&scores.log_q).zip(weights).filter(|((inside, _), _)| **inside);
    let loss = -inside.map(|((_, log_q), weight)| weight * log_q).sum::<f64>();
    let mut jacobian = Jacobian::default();
    flow.jacobian(theta, y, weights, FLOOR, &mut jacobian);
    let sum = JacobianRows::stored(&jacobian).transposed_times(&DVector::from_element(points, -1.0));
    let stats = SolveStats { points, indefinite: outside, ..SolveStats::default() };
    Ok(Gradient { loss, grad: sum.as_slice().to_vec(), log_weights: vec![], stats })
}
