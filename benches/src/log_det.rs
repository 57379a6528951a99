//! `ℓ = log|det DT|` at given images, and its gradient in the parameters.

use std::convert::Infallible;

use ircpm_ad::Dual;
use ircpm_flow::Part;
use ircpm_manifolds::{Base, Manifold};

use crate::case::Case;
use crate::tape::TapeScalar;
use crate::unrolled::Unrolled;

/// Sum of `ℓ` over the images `y`, by the flow's inverse.
pub fn implicit(case: &Case, y: &[f64]) -> f64 {
    base(case, y) - case.flow.inverse(&case.theta, y).log_q.iter().sum::<f64>()
}

/// Sum of `ℓ` over the images `y` and its gradient in the parameters, by the flow's implicit derivatives.
pub fn implicit_gradient(case: &Case, y: &[f64]) -> (f64, Vec<f64>) {
    let sums = case.flow.inverse_gradient(&case.theta, y, |part: Part<'_>| {
        part.log_q_bar.fill(-1.0);
        Ok::<f64, Infallible>(part.log_q.iter().sum())
    });
    let (gradient, log_q, _) = sums.unwrap_or_else(|never| match never {});
    (base(case, y) - log_q.into_iter().sum::<f64>(), gradient)
}

/// Sum of `ℓ` over the base points `x`, by duals through `steps` gradient steps per layer.
pub fn unrolled<const D: usize>(case: &Case, x: &[f64], steps: usize) -> f64
where
    Dual<f64, D>: TapeScalar,
{
    let method = Unrolled::new(case, steps);
    x.chunks_exact(case.manifold.ambient()).map(|x| method.log_det::<D>(&case.theta, x)).sum()
}

/// Logarithm of the base density, summed over the points.
fn base(case: &Case, points: &[f64]) -> f64 {
    points.chunks_exact(case.manifold.ambient()).map(|x| case.manifold.log_base::<f64>(x)).sum()
}
