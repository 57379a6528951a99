//! Images of base points, by the flow, by Newton's method over nested duals and by unrolled gradient steps.

use ircpm_flow::{Flow, Pushed};
use ircpm_manifolds::Manifold;

use crate::case::Case;
use crate::hessian::NestedDual;
use crate::newton;
use crate::unrolled::Unrolled;

/// Images by the flow's own solve, with their log-determinants, which take a few operations per sample.
pub fn implicit(flow: &Flow, theta: &[f64], x: &[f64]) -> Pushed {
    flow.forward(theta, x)
}

/// Images by `steps` gradient steps per layer, each gradient by the tape; `[sample][coordinate]`.
pub fn unrolled(case: &Case, x: &[f64], steps: usize) -> Vec<f64> {
    let method = Unrolled::new(case, steps);
    let image = |x| method.image(x, |y| method.reverse_gradient(&case.theta, y));
    x.chunks_exact(case.manifold.ambient()).flat_map(image).collect()
}

/// Images of one layer by Newton's method over nested duals, `[sample][coordinate]`.
pub fn nested<const D: usize>(case: &Case, x: &[f64]) -> Vec<f64> {
    let theta: Vec<NestedDual<f64, D>> = case.theta.iter().map(|&w| ircpm_ad::Scalar::constant(w)).collect();
    x.chunks_exact(case.manifold.ambient()).flat_map(|x| newton::image(case, &theta, x)).collect()
}
