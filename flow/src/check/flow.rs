//! A flow against itself: its directions against each other, its derivatives against determinants and differences.

use ircpm_manifolds::AnyManifold;

use super::{Errors, Violation, number};
use crate::map::Direction;
use crate::stack::Flow;

/// What the inner solves and their condition leave of a layer's accuracy.
const SOLVED: f64 = 1e-10;
/// Step of central differences, and what they are good for at derivatives of order one.
const STEP: f64 = 1e-5;
const DIFFERENCES: f64 = 1e-6;

/// What a flow gets wrong at base points `x` (`[sample][coordinate]`) with the parameters `theta`; nothing if all holds.
///
/// It takes some dozens of runs. The parameters should be those of a regular map: where the map folds, its laws do not hold.
///
/// # Panics
/// If `theta` or `x` has the wrong length.
pub fn flow_violations(flow: &Flow, theta: &[f64], x: &[f64]) -> Vec<Violation> {
    let mut errors = Errors::default();
    let n = flow.manifold().ambient();
    check_directions(flow, theta, x, &mut errors);
    for (s, x) in x.chunks_exact(n).enumerate() {
        let v = tangent(flow.manifold(), x, s);
        check_differential(flow, theta, x, &v, &mut errors);
        check_score(flow, theta, x, &v, &mut errors);
    }
    check_gradients(flow, theta, x, &mut errors);
    errors.violations()
}

/// Some tangent vector at `p`, of length about one.
fn tangent(m: &AnyManifold, p: &[f64], seed: usize) -> Vec<f64> {
    let mut frame = vec![0.0; m.dim() * m.ambient()];
    m.frame(p, &mut frame);
    let mut v = vec![0.0; m.ambient()];
    for (i, row) in frame.chunks_exact(m.ambient()).enumerate() {
        v.iter_mut().zip(row).for_each(|(v, e)| *v += number(seed, i) * e);
    }
    v
}

/// `exp_p(t v)`.
fn moved(m: &AnyManifold, p: &[f64], v: &[f64], t: f64) -> Vec<f64> {
    let velocity: Vec<f64> = v.iter().map(|v| t * v).collect();
    let mut q = p.to_vec();
    m.exp(p, &velocity, &mut q);
    m.wrap(&mut q);
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(f: impl Fn(f64) -> f64) -> f64 {
    (f(STEP) - f(-STEP)) / (2.0 * STEP)
}

fn check_directions(flow: &Flow, theta: &[f64], x: &[f64], errors: &mut Errors) {
    let n = flow.manifold().ambient();
    let pushed = flow.forward(theta, x);
    let pulled = flow.inverse(theta, &pushed.y);
    let failed = pushed.ok.iter().chain(&pulled.ok).filter(|ok| !**ok).count() as f64;
    errors.compare("every sample has an image, and that a preimage", 0.0, (failed, 0.0), 1.0);
    for (a, b) in x.chunks_exact(n).zip(pulled.x.chunks_exact(n)) {
        let distance = flow.manifold().distance(a, b);
        errors.compare("the inverse undoes the map", SOLVED, (distance, 0.0), 1.0);
    }
    errors.compare_all("log q is the same both ways", SOLVED, &pulled.log_q, &pushed.log_q);
}

fn check_differential(flow: &Flow, theta: &[f64], x: &[f64], v: &[f64], errors: &mut Errors) {
    let m = flow.manifold();
    let Some(differential) = flow.differential(theta, x).remove(0) else { return };
    let lost = m.log_base(x) - flow.forward(theta, x).log_q[0];
    let log_det = differential.point.determinant().abs().ln();
    errors.compare("log q loses log|det dT/dx|", SOLVED, (log_det, lost), 1.0 + lost.abs());
    let image_along = |t: f64| flow.forward(theta, &moved(m, x, v, t)).y;
    let (Ok(before), Ok(after)) = (
        m.try_log(&differential.image, &image_along(-STEP)),
        m.try_log(&differential.image, &image_along(STEP)),
    ) else {
        return;
    };
    let expected: Vec<f64> = before.iter().zip(&after).map(|(a, b)| (b - a) / (2.0 * STEP)).collect();
    let found = flow.jvp(theta, x, &vec![0.0; theta.len()], v).points;
    errors.compare_all("dT/dx matches differences of images", DIFFERENCES, &found, &expected);
}

fn check_score(flow: &Flow, theta: &[f64], y: &[f64], v: &[f64], errors: &mut Errors) {
    let expected = difference(|t| flow.log_prob(theta, &moved(flow.manifold(), y, v, t))[0]);
    let found = dot(&flow.score(theta, y), v);
    errors.compare(
        "the score matches differences of log q",
        DIFFERENCES,
        (found, expected),
        1.0 + expected.abs(),
    );
}

fn check_gradients(flow: &Flow, theta: &[f64], x: &[f64], errors: &mut Errors) {
    let n = flow.manifold().ambient();
    let theta_dot: Vec<f64> = (0..theta.len()).map(|k| number(5, k)).collect();
    let along = |t: f64| -> Vec<f64> { theta.iter().zip(&theta_dot).map(|(w, d)| w + t * d).collect() };
    let ones = vec![1.0; x.len() / n];
    for (direction, law) in [
        (Direction::Forward, "the gradient through the solve matches differences"),
        (Direction::Inverse, "the gradient through the inverse matches differences"),
    ] {
        let value = |theta: &[f64]| match direction {
            Direction::Forward => flow.forward(theta, x).log_q.iter().sum::<f64>(),
            Direction::Inverse => flow.log_prob(theta, x).iter().sum(),
        };
        let expected = difference(|t| value(&along(t)));
        let found = dot(&flow.vjp(direction, theta, x, &vec![0.0; x.len()], &ones).theta, &theta_dot);
        errors.compare(law, DIFFERENCES, (found, expected), 1.0 + expected.abs());
    }
}
