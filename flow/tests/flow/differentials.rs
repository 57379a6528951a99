//! Exact derivatives of a flow at points against finite differences: scores, differentials, products with vectors.

use ircpm_flow::{Direction, Features, Flow, SampleError};
use ircpm_manifolds::AnyManifold;

use crate::networks::{points, regular, spec};

/// Central differences with this step are good to some 1e-9 of a function of order one.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 2e-7;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The point `exp_p(t v)`.
fn moved(m: &AnyManifold, p: &[f64], v: &[f64], t: f64) -> Vec<f64> {
    let velocity: Vec<f64> = v.iter().map(|v| t * v).collect();
    let mut q = p.to_vec();
    m.exp(p, &velocity, &mut q);
    m.wrap(&mut q);
    q
}

/// A tangent vector at `p` with the given frame coordinates.
fn tangent(m: &AnyManifold, p: &[f64], t: &[f64]) -> Vec<f64> {
    let mut frame = vec![0.0; m.dim() * m.ambient()];
    m.frame(p, &mut frame);
    let mut v = vec![0.0; m.ambient()];
    for (row, t) in frame.chunks_exact(m.ambient()).zip(t) {
        v.iter_mut().zip(row).for_each(|(v, e)| *v += t * e);
    }
    v
}

/// The velocity at `q` of a curve that passes `before` and `after` at `∓STEP`.
fn velocity(m: &AnyManifold, q: &[f64], before: &[f64], after: &[f64]) -> Vec<f64> {
    let (a, b) = (m.try_log(q, before).unwrap(), m.try_log(q, after).unwrap());
    a.iter().zip(&b).map(|(a, b)| (b - a) / (2.0 * STEP)).collect()
}

/// Some numbers of order one.
fn numbers(n: usize, seed: f64) -> Vec<f64> {
    (0..n).map(|k| (seed + 1.7 * k as f64).sin()).collect()
}

const CASES: [(&str, usize, bool); 5] =
    [("T2", 1, true), ("S2", 2, false), ("R2", 2, true), ("S2xT1", 1, true), ("T3", 2, true)];

#[test]
fn score_is_the_gradient_of_log_prob() {
    for (seed, (name, layers, shared)) in (500..).zip(CASES) {
        let flow = Flow::new(spec(name, layers, shared, &[6, 6])).unwrap();
        let (m, (theta, _)) = (flow.manifold(), regular(&flow, seed));
        let y = points(m, 5, seed);
        let score = flow.score(&theta, &y);
        for (y, score) in y.chunks_exact(m.ambient()).zip(score.chunks_exact(m.ambient())) {
            let v = tangent(m, y, &numbers(m.dim(), seed as f64));
            let at = |t: f64| flow.log_prob(&theta, &moved(m, y, &v, t))[0];
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!(
                (dot(score, &v) - expected).abs() < TOLERANCE,
                "{name}: {} is not {expected}",
                dot(score, &v)
            );
        }
    }
}

#[test]
fn differential_and_jvp_match_differences_of_images() {
    for (seed, (name, layers, shared)) in (510..).zip(CASES) {
        let flow = Flow::new(spec(name, layers, shared, &[5])).unwrap();
        let (m, (theta, _)) = (flow.manifold(), regular(&flow, seed));
        let x = points(m, 1, seed);
        let (t, theta_dot) = (numbers(m.dim(), 0.3), numbers(theta.len(), 0.9));
        let x_dot = tangent(m, &x, &t);
        let at = |s: f64| {
            let theta: Vec<f64> = theta.iter().zip(&theta_dot).map(|(w, d)| w + s * d).collect();
            flow.try_forward(&theta, &moved(m, &x, &x_dot, s)).unwrap()
        };
        let (before, after) = (at(-STEP), at(STEP));
        let image = flow.forward(&theta, &x).y;
        let expected = velocity(m, &image, &before.y, &after.y);
        let tangent_found = flow.jvp(&theta, &x, &theta_dot, &x_dot);
        for (a, b) in tangent_found.points.iter().zip(&expected) {
            assert!((a - b).abs() < TOLERANCE, "{name}: {a} is not {b}");
        }
        let log_q = (after.log_q[0] - before.log_q[0]) / (2.0 * STEP);
        let found = tangent_found.log_q[0];
        assert!((found - log_q).abs() < TOLERANCE, "{name}: d log q is {found}, not {log_q}");

        // The same from the matrices, in the frame at the image.
        let differential = flow.differential(&theta, &x).remove(0).expect("the solve succeeds");
        let mut coframe = vec![0.0; m.dim() * m.ambient()];
        m.coframe(&image, &mut coframe);
        for (k, covector) in coframe.chunks_exact(m.ambient()).enumerate() {
            let by_point: f64 = (0..m.dim()).map(|i| differential.point[(k, i)] * t[i]).sum();
            let by_parameters: f64 =
                differential.parameters.row(k).iter().zip(&theta_dot).map(|(a, b)| a * b).sum();
            let error = (by_point + by_parameters - dot(covector, &expected)).abs();
            assert!(error < TOLERANCE, "{name}, row {k}: {error:e}");
        }
        // |det dT/dx| is what the density lost.
        let log_det = differential.point.determinant().abs().ln();
        let base: f64 = m.log_base(&x);
        let error = (base - log_det - flow.forward(&theta, &x).log_q[0]).abs();
        assert!(error < 1e-11, "{name}: log-determinants differ by {error:e}");
    }
}

#[test]
fn vjp_is_the_transpose_of_jvp_and_marks_failed_samples() {
    for (seed, (name, layers, shared)) in (520..).zip(CASES) {
        let flow = Flow::new(spec(name, layers, shared, &[5])).unwrap();
        let (m, (theta, _)) = (flow.manifold(), regular(&flow, seed));
        let (n, x) = (m.ambient(), points(m, 40, seed));
        let (points_bar, log_q_bar) = (numbers(x.len(), 0.1), numbers(40, 0.7));
        let theta_dot = numbers(theta.len(), 0.2);
        let x_dot: Vec<f64> =
            x.chunks_exact(n).flat_map(|x| tangent(m, x, &numbers(m.dim(), x[0]))).collect();
        let pulled = flow.vjp(Direction::Forward, &theta, &x, &points_bar, &log_q_bar);
        let pushed = flow.jvp(&theta, &x, &theta_dot, &x_dot);
        let left = dot(&pulled.theta, &theta_dot) + dot(&pulled.points, &x_dot);
        let right = dot(&points_bar, &pushed.points) + dot(&log_q_bar, &pushed.log_q);
        assert!((left - right).abs() < 1e-10 * (1.0 + left.abs()), "{name}: {left} is not {right}");

        let mut spoilt = x.clone();
        spoilt[3 * n] = f64::NAN;
        let pulled = flow.vjp(Direction::Forward, &theta, &spoilt, &points_bar, &log_q_bar);
        assert!(!pulled.ok[3] && pulled.ok.iter().filter(|ok| **ok).count() == 39, "{name}");
        assert!(pulled.theta.iter().chain(&pulled.points).all(|g| g.is_finite()), "{name}");
        assert!(flow.score(&theta, &spoilt)[3 * n..4 * n].iter().all(|g| g.is_nan()), "{name}");
        assert!(flow.jvp(&theta, &spoilt, &theta_dot, &x_dot).log_q[3].is_nan(), "{name}");
        assert!(flow.differential(&theta, &spoilt)[3].is_none(), "{name}");
    }
}

#[test]
fn samples_have_the_density_that_log_prob_gives_them() {
    let flow = Flow::new(spec("S2", 2, true, &[6])).unwrap();
    let (theta, _) = regular(&flow, 530);
    let samples = flow.sample(&theta, 1000, 4);
    assert!(samples.ok.iter().all(|&ok| ok));
    for (a, b) in flow.log_prob(&theta, &samples.y).iter().zip(&samples.log_q) {
        assert!((a - b).abs() < 1e-11, "{a} {b}");
    }
    // Importance weights of the uniform density average to its normaliser, one.
    let uniform = -(4.0 * std::f64::consts::PI).ln();
    let mean = samples.log_q.iter().map(|l| (uniform - l).exp()).sum::<f64>() / 1000.0;
    assert!((mean - 1.0).abs() < 0.2, "{mean}");
    assert_eq!(flow.sample(&theta, 1000, 4).y, samples.y);
    assert_ne!(flow.sample(&theta, 1000, 5).y, samples.y);
}

#[test]
fn points_off_the_manifold_are_not_ok_and_have_no_density() {
    let mut spec = spec("S2", 1, true, &[4]);
    spec.features = Features::Coordinates;
    let flow = Flow::new(spec).unwrap();
    let theta = flow.initial(0);
    let y = [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.6, 0.8];
    let pulled = flow.inverse(&theta, &y);
    assert_eq!(pulled.ok, [false, false, true]);
    assert!(pulled.log_q[0].is_nan() && pulled.log_q[1].is_nan() && pulled.log_q[2].is_finite());
    assert_eq!(flow.forward(&theta, &y).ok, [false, false, true]);
    assert_eq!(flow.scores(&theta, &y, 0.1).inside, [false, false, true]);
    let error = flow.try_inverse(&theta, &y).unwrap_err();
    assert!(matches!(error, SampleError::Point { sample: 0, .. }), "{error}");
    let mut broken = theta.clone();
    broken[1] = f64::NAN;
    let error = flow.try_inverse(&broken, &y[6..]).unwrap_err();
    assert!(matches!(error, SampleError::Parameter { index: 1, .. }), "{error}");
}
