//! The implicit map with derivatives of psi by nested duals: Newton's method, and log-determinants with their
//! gradients.

use std::array::from_fn;

use ircpm_ad::Scalar;
use ircpm_flow::Cholesky;
use ircpm_flow::map::log_det;
use ircpm_manifolds::{BlockMut, Manifold};

use crate::case::Case;
use crate::contraction::{add_pull_back, cotangent};
use crate::hessian::{NestedDual, nested_jet};
use crate::tape::TapeScalar;

/// Norm of the objective's gradient at which the steps end, that of [`ircpm_flow::Solver`].
const TOLERANCE: f64 = 1e-13;
/// Largest number of steps; no solve here takes as many.
const MOST_STEPS: usize = 30;

/// `T(x)` of one layer by full Newton steps, without a line search, which these cases do not need.
pub fn image<const D: usize>(case: &Case, theta: &[NestedDual<f64, D>], x: &[f64]) -> Vec<f64> {
    let (m, n) = (&case.manifold, x.len());
    let (mut y, mut next) = (x.to_vec(), vec![0.0; n]);
    let (mut velocity, mut frame) = (vec![0.0; n], vec![0.0; n * D]);
    for _ in 0..MOST_STEPS {
        let psi = nested_jet(case, theta, &y);
        m.log_on_cover(&y, x, &mut velocity);
        m.frame(&y, BlockMut::dense(&mut frame, y.len()));
        let along = |k: usize| (0..n).map(|c| frame[k * n + c] * velocity[c]).sum::<f64>();
        let v: [f64; D] = from_fn(along);
        let gradient: [f64; D] = from_fn(|k| v[k] - psi.grad[k]);
        if gradient.iter().map(|g| g * g).sum::<f64>().sqrt() < TOLERANCE {
            break;
        }
        let step = Cholesky::new(&log_det::hessian(m, &v, &psi.hess)).solve(gradient);
        for c in 0..n {
            velocity[c] = (0..D).map(|k| frame[k * n + c] * step[k]).sum();
        }
        m.exp(&y, &velocity, &mut next);
        y.copy_from_slice(&next);
    }
    y
}

/// Sum of `ℓ = log|det DT|` over images of one layer, by nested duals.
pub fn log_dets<const D: usize>(case: &Case, points: &[f64]) -> f64 {
    let theta: Vec<NestedDual<f64, D>> = case.theta.iter().map(|&w| Scalar::constant(w)).collect();
    let at = |y: &[f64]| {
        let psi = nested_jet(case, &theta, y);
        let factor = Cholesky::new(&log_det::hessian(&case.manifold, &psi.grad, &psi.hess));
        log_det::log_det(&case.manifold, &psi.grad, &factor)
    };
    points.chunks_exact(case.manifold.ambient()).map(at).sum()
}

/// Gradient in the parameters of [`log_dets`], by the tape over nested duals.
pub fn log_det_gradients<const D: usize>(case: &Case, points: &[f64]) -> Vec<f64>
where
    NestedDual<f64, D>: TapeScalar,
{
    let theta: Vec<NestedDual<f64, D>> = case.theta.iter().map(|&w| Scalar::constant(w)).collect();
    let mut sum = vec![0.0; theta.len()];
    for y in points.chunks_exact(case.manifold.ambient()) {
        let psi = nested_jet(case, &theta, y);
        let factor = Cholesky::new(&log_det::hessian(&case.manifold, &psi.grad, &psi.hess));
        let b =
            log_det::gradient_cotangent(&case.manifold, &psi.grad, &factor.inverse_transposed()).map(|b| -b);
        // ∂ℓ/∂H = −H⁻¹, column by column.
        let a: [[f64; D]; D] = from_fn(|i| factor.solve(from_fn(|j| if i == j { -1.0 } else { 0.0 })));
        add_pull_back(case, y, cotangent::<D>(&a, &b), &mut sum);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log_det as ours, solve};

    /// Both solves stop at residuals of 1e-13; values are sums of three log-determinants and their gradients.
    #[test]
    fn textbook_newton_matches_flow_on_torus_and_sphere() {
        for case in [Case::torus(2, 9), Case::new("S2", &[9, 9], 1, 2.0)] {
            let x = case.points(3);
            let pushed = solve::implicit(&case.flow, &case.theta, &x);
            let theta: Vec<NestedDual<f64, 2>> = case.theta.iter().map(|&w| Scalar::constant(w)).collect();
            let n = case.manifold.ambient();
            for (x, theirs) in x.chunks(n).zip(pushed.y.chunks(n)) {
                let mut y = image(&case, &theta, x);
                case.manifold.wrap(&mut y);
                assert!(case.manifold.distance(&y, theirs) < 1e-12, "{}: {y:?} {theirs:?}", case.name);
            }
            let (value, gradient) = ours::implicit_gradient(&case, &pushed.y);
            assert!((log_dets::<2>(&case, &pushed.y) - value).abs() < 1e-12, "{}", case.name);
            assert!((ours::unrolled::<2>(&case, &x, 100) - value).abs() < 1e-10, "{}", case.name);
            for (a, b) in log_det_gradients::<2>(&case, &pushed.y).iter().zip(gradient) {
                assert!((a - b).abs() < 1e-11, "{}: {a} {b}", case.name);
            }
        }
    }
}
