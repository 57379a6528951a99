//! Images of base points, without gradients.

use ircpm_flow::{Flow, Pushed};
use ircpm_manifolds::Manifold;

use crate::case::Case;
use crate::hessian::NestedDual;
use crate::newton;
use crate::unrolled::Unrolled;

/// By the flow's own solve; its log-determinant, a few operations a sample, comes along.
pub fn implicit(flow: &Flow, theta: &[f64], x: &[f64]) -> Pushed {
    flow.forward(theta, x)
}

/// By `steps` gradient steps, each gradient by the tape.
pub fn unrolled(case: &Case, x: &[f64], steps: usize) -> Vec<f64> {
    let method = Unrolled::new(case, steps);
    let image = |x| method.image(x, |y| method.reverse_gradient(&case.theta, y));
    x.chunks_exact(case.manifold.ambient()).flat_map(image).collect()
}

/// By Newton's method on scalar nested duals.
pub fn nested<const D: usize>(case: &Case, x: &[f64]) -> Vec<f64> {
    let theta: Vec<NestedDual<f64, D>> = case.theta.iter().map(|&w| ircpm_ad::Scalar::constant(w)).collect();
    x.chunks_exact(case.manifold.ambient()).flat_map(|x| newton::image(case, &theta, x)).collect()
}
