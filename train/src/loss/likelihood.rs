//! Maximum likelihood of given points, finite where the map folds.

use ircpm_flow::{Flow, Part, SolveStats};

use super::{Gradient, LossError, Sum, check_input};
use crate::ranks::Ranks;

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
    shared_likelihood(&Ranks::ALONE, flow, theta, y, weights)
}

/// [`weighted_likelihood`] by some ranks together.
pub(crate) fn shared_likelihood(
    ranks: &Ranks,
    flow: &Flow,
    theta: &[f64],
    y: &[f64],
    weights: &[f64],
) -> Result<Gradient, LossError> {
    check_input(theta, y)?;
    let n = flow.manifold().ambient();
    let points = y.len() / n;
    assert_eq!(weights.len(), points, "one weight per point");
    let (grad, parts, _) = ranks.gradient(points, |batch| {
        let (y, weights) = (&y[batch.start * n..batch.end * n], &weights[batch]);
        flow.inverse_gradient_with_floor(theta, y, FLOOR, |part: Part<'_>| {
            let mut sum = Sum::default();
            for s in (0..part.ok.len()).filter(|&s| part.ok[s]) {
                let weight = weights[part.samples.start + s];
                part.log_q_bar[s] = -weight;
                sum.total -= weight * part.log_q[s];
                sum.count += 1;
            }
            Ok::<Sum, LossError>(sum)
        })
    })?;
    let inside: usize = parts.iter().map(|part| part.count).sum();
    if inside == 0 {
        return Err(LossError::Folds { failed: points, points });
    }
    let loss = parts.iter().map(|part| part.total).sum();
    // The inverse takes no solve that could fail.
    let stats = SolveStats { points, indefinite: points - inside, ..SolveStats::default() };
    Ok(Gradient { loss, grad, log_weights: vec![], stats })
}
