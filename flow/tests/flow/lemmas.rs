//! Lemmas 2, 3 and 4 of the paper as statements about maps that were solved for.

use ircpm_flow::{Flow, Method, Solver, Terms};
use ircpm_manifolds::AnyManifold;

use crate::bounds::{linear, zonal};
use crate::networks::{parameters, points, spec};

/// `F(x, y) = d(x, y)²/2 + psi(y)` of one layer, for every `y`.
fn objective(flow: &Flow, theta: &[f64], x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = flow.manifold().ambient();
    let psi = flow.potential(theta, 0, y);
    let cost = |y: &[f64]| 0.5 * flow.manifold().distance(x, y).powi(2);
    y.chunks_exact(n).zip(psi).map(|(y, psi)| cost(y) + psi).collect()
}

#[test]
fn dual_of_a_quadratic_is_lemma_two_s_quadratic() {
    // psi = ½ (y − μ)ᵀ A (y − μ) with A ≻ −1 has the dual phi = ½ (x − μ)ᵀ P (x − μ), P = A (1 + A)⁻¹.
    let plane: AnyManifold = "R2".parse().unwrap();
    let flow = linear(Terms::new(&plane).polynomials(), &plane);
    for (a, mu) in
        [([2.0, 0.5, -0.4], [0.3, -1.1]), ([0.7, -0.2, 0.1], [2.0, 0.0]), ([-0.5, 0.1, -0.6], [0.0, 1.0])]
    {
        let times_a = |v: [f64; 2]| [a[0] * v[0] + a[1] * v[1], a[1] * v[0] + a[2] * v[1]];
        // The library's psi has no constant.
        let [b0, b1] = times_a(mu).map(|b| -b);
        let constant = -0.5 * (b0 * mu[0] + b1 * mu[1]);
        let theta = [b0, b1, a[0], a[1], a[2]];
        let x = points(&plane, 200, 11);
        let phi = flow.dual_potential(&theta, 0, &x);
        let det = (1.0 + a[0]) * (1.0 + a[2]) - a[1] * a[1];
        for (x, phi) in x.chunks_exact(2).zip(&phi) {
            let v = [x[0] - mu[0], x[1] - mu[1]];
            // (1 + A)⁻¹ v, which is y* − μ as well.
            let w = [((1.0 + a[2]) * v[0] - a[1] * v[1]) / det, ((1.0 + a[0]) * v[1] - a[1] * v[0]) / det];
            let pv = times_a(w);
            let expected = 0.5 * (v[0] * pv[0] + v[1] * pv[1]) - constant;
            assert!((phi - expected).abs() < 1e-13 * (1.0 + expected.abs()), "{phi} is not {expected}");
        }
    }
}

#[test]
fn critical_points_of_psi_are_fixed_and_its_dual_has_the_same_value_there() {
    // grad psi = 0 makes y = x critical for F(x, ·), so that T(x) = x and phi(x) = psi(x) = a c·x at the poles.
    let flow = zonal();
    let poles = [0.0, 0.0, 1.0, 0.0, 0.0, -1.0];
    let phi = flow.dual_potential(&[0.7], 0, &poles);
    assert!((phi[0] - 0.7).abs() < 1e-15 && (phi[1] + 0.7).abs() < 1e-15, "{phi:?}");
    // Beyond a = 1 the pole is no minimum of F, which finds lower values beside it: there is no image.
    assert!(flow.dual_potential(&[1.3], 0, &poles)[0].is_nan());
    let beside = [0.6_f64.sin(), 0.0, 0.6_f64.cos()];
    let values = objective(&flow, &[1.3], &poles[..3], &[&poles[..3], &beside].concat());
    assert!(values[1] < values[0], "{values:?}");
}

#[test]
fn global_minimum_lies_within_the_slope_and_descent_reaches_it_where_the_condition_holds() {
    for (seed, name) in (640..).zip(["T2", "S2", "S3", "S2xT1"]) {
        let newton = spec(name, 1, true, &[8, 8]);
        let mut descent = newton.clone();
        descent.solver = Solver { method: Method::GradientDescent, max_steps: 2000, ..Solver::default() };
        let (newton, descent) = (Flow::new(newton).unwrap(), Flow::new(descent).unwrap());
        let m = newton.manifold();
        let (n, y) = (m.ambient(), points(m, 4000, seed));
        // The largest of some scales at which the condition holds, so that it is not met idly.
        let holds = |theta: &[f64]| newton.potential_bounds(theta, &y)[0].sharp().unwrap().holds;
        let scales = (1..40).map(|k| 0.1 * f64::from(k));
        let mut candidates =
            scales.map(|scale| parameters(&newton, scale, seed)).filter(|theta| holds(theta));
        let theta = candidates.next_back().expect("a small potential passes");
        let bounds = newton.potential_bounds(&theta, &y).remove(0);
        assert!(bounds.is_regular() && bounds.hessian.value > 0.3, "{name}: {bounds:?}");

        let x = points(m, 40, seed + 1);
        let (a, b) = (newton.try_forward(&theta, &x).unwrap(), descent.try_forward(&theta, &x).unwrap());
        let phi = newton.dual_potential(&theta, 0, &x);
        let slope = bounds.gradients.iter().map(|f| f.gradient.value.powi(2)).sum::<f64>().sqrt();
        for (s, x) in x.chunks_exact(n).enumerate() {
            let (found, descended) = (&a.y[s * n..(s + 1) * n], &b.y[s * n..(s + 1) * n]);
            let apart = m.distance(found, descended);
            assert!(apart < 1e-9, "{name}: descent ends {apart:e} from Newton's minimum");
            // Lemma 3 as it is sharp; the slope over points is a little below that over the manifold.
            let distance = m.distance(x, found);
            assert!(distance <= 1.01 * slope, "{name}: {distance} beyond {slope}");
            // No point of the manifold has a lower value, and none beyond 2K as low a one as x itself.
            let values = objective(&newton, &theta, x, &y);
            let own = objective(&newton, &theta, x, x)[0];
            assert!(values.iter().all(|f| *f > phi[s] - 1e-13), "{name}: a lower value than phi");
            for (y, value) in y.chunks_exact(n).zip(&values) {
                assert!(m.distance(x, y) < 2.02 * slope || *value > own, "{name}: Lemma 3");
            }
        }
    }
}
