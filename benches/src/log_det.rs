//! `ℓ = log|det DT|` of given images, and its gradient in the parameters.

use std::convert::Infallible;

use ircpm_ad::Dual;
use ircpm_flow::Part;
use ircpm_manifolds::{Base, Manifold};

use crate::case::Case;
use crate::tape::TapeScalar;
use crate::unrolled::Unrolled;

/// Sum of `ℓ` over the images `y`, from the Hessians there.
pub fn implicit(case: &Case, y: &[f64]) -> f64 {
    base(case, y) - case.flow.inverse(&case.theta, y).log_q.iter().sum::<f64>()
}

/// The same with its gradient in the parameters, from one contraction.
pub fn implicit_gradient(case: &Case, y: &[f64]) -> (f64, Vec<f64>) {
    let sums = case.flow.inverse_gradient(&case.theta, y, |part: Part<'_>| {
        part.log_q_bar.fill(-1.0);
        Ok::<f64, Infallible>(part.log_q.iter().sum())
    });
    let (gradient, log_q, _) = sums.unwrap_or_else(|never| match never {});
    (base(case, y) - log_q.into_iter().sum::<f64>(), gradient)
}

/// Sum of `ℓ` over the base points `x`, by duals through `steps` gradient steps a layer.
pub fn unrolled<const D: usize>(case: &Case, x: &[f64], steps: usize) -> f64
where
    Dual<f64, D>: TapeScalar,
{
    let method = Unrolled::new(case, steps);
    x.chunks_exact(case.manifold.ambient()).map(|x| method.log_det::<D>(&case.theta, x)).sum()
}

/// Logarithm of the base density, uniform here, summed over the points.
fn base(case: &Case, points: &[f64]) -> f64 {
    points.chunks_exact(case.manifold.ambient()).map(|x| case.manifold.log_base::<f64>(x)).sum()
}
