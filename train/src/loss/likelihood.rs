//! Maximum likelihood of given points.

use ircpm_flow::{Flow, Part};

use super::{Gradient, LossError, Sum, check_input, mean};

/// `−mean log q(y)` over given points `y` (`[sample][coordinate]`), in nats: no inner solve, the inverse is explicit.
///
/// Points where the map folds do not count. The data alone do not show whether the map folds elsewhere: look at
/// [`ircpm_flow::Flow::inverse_with_eigenvalues`] over fresh points, because a folded density has a mass above one.
///
/// # Errors
/// [`LossError::NoPoints`] if `y` is empty, [`LossError::Parameter`] if `theta` is not finite, [`LossError::Folds`] if
/// the map folds at every point.
///
/// # Panics
/// If `theta` or `y` has the wrong length for the flow.
pub fn likelihood(flow: &Flow, theta: &[f64], y: &[f64]) -> Result<Gradient, LossError> {
    check_input(theta, y)?;
    let (grad, parts, mut stats) = flow.inverse_gradient(theta, y, |part: Part<'_>| {
        let mut sum = Sum::default();
        for s in (0..part.ok.len()).filter(|&s| part.ok[s]) {
            part.log_q_bar[s] = -1.0;
            sum.total -= part.log_q[s];
            sum.count += 1;
        }
        Ok::<Sum, LossError>(sum)
    })?;
    // The inverse is one evaluation per point and layer, which is no step of a solve.
    stats.steps = 0;
    let points = y.len() / flow.manifold().ambient();
    mean(grad, parts, stats, LossError::Folds { failed: points, points })
}
