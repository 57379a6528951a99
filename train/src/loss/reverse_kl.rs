//! Reverse Kullback–Leibler divergence from an energy.

use ircpm_flow::{Flow, Part};

use super::{Gradient, LossError, Sum, check_input, mean};
use crate::target::Target;

/// `KL(q ‖ p) − log Z = E_x[log q(y) + β u(y)]`, `y = T(x)`, over base points `x` (`[sample][coordinate]`), in nats.
///
/// Samples whose inner solve failed do not count; `stats` says how many there were.
///
/// # Errors
/// [`LossError::NoPoints`] if `x` is empty, [`LossError::Parameter`] if `theta` is not finite, [`LossError::Beta`] if
/// `beta` is not finite, [`LossError::Energy`] if the energy is not finite at an image, [`LossError::Image`] if an
/// image is not finite, [`LossError::Solves`] if every solve failed.
///
/// # Panics
/// If `theta` or `x` has the wrong length for the flow, or the target lives on another manifold.
pub fn reverse_kl(
    flow: &Flow,
    theta: &[f64],
    x: &[f64],
    target: &dyn Target,
    beta: f64,
) -> Result<Gradient, LossError> {
    assert_eq!(flow.manifold(), target.manifold(), "a flow and its target live on one manifold");
    check_input(theta, x)?;
    if !beta.is_finite() {
        return Err(LossError::Beta(beta));
    }
    let n = flow.manifold().ambient();
    let (grad, parts, stats) = flow.forward_gradient(theta, x, |part: Part<'_>| {
        let Part { points, log_q, ok, points_bar, log_q_bar, .. } = part;
        let mut u = vec![0.0; ok.len()];
        target.gradients(points, &mut u, points_bar);
        let mut sum = Sum::default();
        for s in (0..ok.len()).filter(|&s| ok[s]) {
            let slope = &mut points_bar[s * n..(s + 1) * n];
            let bad = std::iter::once(&u[s]).chain(slope.iter()).find(|value| !value.is_finite());
            if let Some(&value) = bad {
                return Err(LossError::energy(value, &points[s * n..(s + 1) * n]));
            }
            slope.iter_mut().for_each(|g| *g *= beta);
            log_q_bar[s] = 1.0;
            let log_weight = -beta * u[s] - log_q[s];
            sum.total -= log_weight;
            sum.count += 1;
            sum.log_weights.push(log_weight);
        }
        Ok(sum)
    })?;
    let points = x.len() / n;
    mean(grad, parts, stats, LossError::Solves { failed: points, points })
}
