//! One training step without the optimiser's update: reverse KL and its gradient in all parameters.

use std::convert::Infallible;

use ircpm_ad::Dual;
use ircpm_ad::derivative::ScalarField;
use ircpm_flow::{Part, SolveStats};
use ircpm_manifolds::{Base, Manifold};

use crate::case::Case;
use crate::energy::CosineEnergy;
use crate::hessian;
use crate::tape::{TapeScalar, Var};
use crate::unrolled::{Unrolled, UnrolledStep};

/// Sum over the base points `x` of `u(y) + log q(y)`, its gradient and the solves' statistics, by implicit derivatives.
pub fn implicit(case: &Case, x: &[f64]) -> (f64, Vec<f64>, SolveStats) {
    let n = case.manifold.ambient();
    let step = case.flow.forward_gradient(&case.theta, x, |part: Part<'_>| {
        let mut loss = 0.0;
        for s in (0..part.ok.len()).filter(|&s| part.ok[s]) {
            let y = &part.points[s * n..(s + 1) * n];
            loss += CosineEnergy.eval(y) + part.log_q[s];
            CosineEnergy.gradient(y, &mut part.points_bar[s * n..(s + 1) * n]);
            part.log_q_bar[s] = 1.0;
        }
        Ok::<f64, Infallible>(loss)
    });
    let (gradient, losses, stats) = step.unwrap_or_else(|never| match never {});
    (losses.into_iter().sum(), gradient, stats)
}

/// Floating-point operations per weight and sample of the contraction at a point whose Hessian was evaluated: one
/// multiply-add for the Laplacian forward, `D + 1` backward, and `D + 2` to accumulate.
pub const fn contraction_flops(dim: usize) -> usize {
    2 * (1 + (dim + 1) + (dim + 2))
}

/// Floating-point operations of [`implicit`] per sample, in the linear layers alone: in every layer of the flow
/// `evaluations` Hessians and one contraction.
pub fn flops(case: &Case, evaluations: f64) -> f64 {
    let dim = case.manifold.dim();
    let weight = evaluations * hessian::flops(dim) as f64 + contraction_flops(dim) as f64;
    weight * (case.weights() * case.flow.layers()) as f64
}

/// Loss and gradient, summed over the base points `x`, by backpropagation through `steps` gradient steps per layer.
pub fn unrolled<const D: usize>(case: &Case, x: &[f64], steps: usize) -> UnrolledStep
where
    Dual<f64, D>: TapeScalar,
    Var<Dual<f64, D>>: TapeScalar,
{
    let method = Unrolled::new(case, steps);
    let mut sum = UnrolledStep { loss: 0.0, gradient: vec![0.0; case.theta.len()], tape: 0 };
    for x in x.chunks_exact(case.manifold.ambient()) {
        let step = method.step::<D>(&case.theta, x, CosineEnergy);
        sum.loss += step.loss + case.manifold.log_base::<f64>(x);
        sum.tape = sum.tape.max(step.tape);
        sum.gradient.iter_mut().zip(step.gradient).for_each(|(sum, g)| *sum += g);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred steps leave a residual of about 0.3¹⁰⁰, so the difference is the rounding of some 1e5 operations.
    #[test]
    fn unrolled_gradient_matches_implicit_gradient_on_torus_and_sphere() {
        for (manifold, layers, scale) in [("T2", 1, 1.0), ("S2", 1, 2.0), ("S2", 2, 2.0)] {
            let case = Case::new(manifold, &[8, 8], layers, scale);
            let x = case.points(3);
            let ((loss, gradient, _), naive) = (implicit(&case, &x), unrolled::<2>(&case, &x, 100));
            assert!((loss - naive.loss).abs() < 1e-10, "{}: {loss} {}", case.name, naive.loss);
            for (ours, theirs) in gradient.iter().zip(&naive.gradient) {
                assert!((ours - theirs).abs() < 1e-9, "{}: {ours} {theirs}", case.name);
            }
        }
    }
}
