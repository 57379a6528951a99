//! A flow against itself: its directions against each other, its derivatives against determinants and differences.

use ircpm_manifolds::AnyManifold;

use super::{Errors, Violation, number};
use crate::lanes::Workspace;
use crate::map::{Cotangents, Direction, Gradients, Map, Record, ThetaGradient};
use crate::stack::{Flow, Jacobian};

/// What the inner solves and their condition leave of a layer's accuracy.
const SOLVED: f64 = 1e-10;
/// Step of central differences, and what they are good for at derivatives of order one.
const STEP: f64 = 1e-5;
const DIFFERENCES: f64 = 1e-6;
/// A floor under eigenvalues that clamps nothing where a map is regular, and one that clamps something nearly
/// everywhere.
const FLOORS: [f64; 2] = [1e-9, 0.9];

/// What a flow gets wrong at base points `x` (`[sample][coordinate]`) with the parameters `theta`; nothing if all
/// holds.
///
/// It takes some dozens of runs per sample. The parameters should be those of a regular map: where the map folds, its
/// laws do not hold.
///
/// # Panics
/// If `theta` or `x` has the wrong length, or there are no points.
pub fn flow_violations(flow: &Flow, theta: &[f64], x: &[f64]) -> Vec<Violation> {
    let n = flow.manifold().ambient();
    assert!(!x.is_empty() && x.len().is_multiple_of(n), "at least one point, of {n} coordinates");
    let mut errors = Errors::default();
    check_directions(flow, theta, x, &mut errors);
    for (s, x) in x.chunks_exact(n).enumerate() {
        check_differential(flow, theta, x, &tangent(flow.manifold(), x, s), &mut errors);
    }
    for direction in [Direction::Forward, Direction::Inverse] {
        check_cotangents(flow, direction, theta, x, &mut errors);
    }
    check_floors(flow, theta, x, &mut errors);
    for layer in 0..flow.layers() {
        check_layer(flow.map(layer), &theta[flow.slot(layer)], x, &mut errors);
    }
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

/// `a + t b`.
fn along(a: &[f64], b: &[f64], t: f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + t * b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(f: impl Fn(f64) -> f64) -> f64 {
    (f(STEP) - f(-STEP)) / (2.0 * STEP)
}

fn numbers(seed: usize, count: usize) -> Vec<f64> {
    (0..count).map(|k| number(seed, k)).collect()
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
    let velocity = |t: f64| m.try_log(&differential.image, &flow.forward(theta, &moved(m, x, v, t)).y);
    let missing = vec![f64::NAN; x.len()];
    let (before, after) = (velocity(-STEP), velocity(STEP));
    let (before, after) = (before.as_ref().unwrap_or(&missing), after.as_ref().unwrap_or(&missing));
    let expected: Vec<f64> = before.iter().zip(after).map(|(a, b)| (b - a) / (2.0 * STEP)).collect();
    let found = flow.jvp(theta, x, &vec![0.0; theta.len()], v).points;
    errors.compare_all("dT/dx matches differences of images", DIFFERENCES, &found, &expected);
}

/// Cotangents of points and of log-densities together, pulled back to the parameters and to the points, against
/// differences of the loss whose cotangents they are.
fn check_cotangents(flow: &Flow, direction: Direction, theta: &[f64], points: &[f64], errors: &mut Errors) {
    let (m, n) = (flow.manifold(), flow.manifold().ambient());
    let samples = points.len() / n;
    let run = |theta: &[f64], points: &[f64]| match direction {
        Direction::Forward => {
            let pushed = flow.forward(theta, points);
            (pushed.y, pushed.log_q)
        }
        Direction::Inverse => {
            let pulled = flow.inverse(theta, points);
            (pulled.x, pulled.log_q)
        }
    };
    // A linear function of the displacement of each end, measured by the logarithm from where it is.
    let (ends, _) = run(theta, points);
    let covectors: Vec<f64> = ends
        .chunks_exact(n)
        .enumerate()
        .flat_map(|(s, end)| {
            let mut covector = tangent(m, end, s + 7);
            m.lower(end, &mut covector);
            covector
        })
        .collect();
    let log_q_bar = numbers(13, samples);
    let loss = |(found, log_q): (Vec<f64>, Vec<f64>)| {
        let moved = ends.chunks_exact(n).zip(found.chunks_exact(n)).zip(covectors.chunks_exact(n));
        let of = |((end, found), covector): ((&[f64], &[f64]), &[f64])| {
            m.try_log(end, found).map_or(f64::NAN, |v| dot(&v, covector))
        };
        moved.map(of).sum::<f64>() + dot(&log_q, &log_q_bar)
    };
    let pulled = flow.vjp(direction, theta, points, &covectors, &log_q_bar);
    let theta_dot = numbers(5, theta.len());
    let [of_parameters, of_points] = match direction {
        Direction::Forward => {
            ["the solve's gradient in the parameters", "the solve's gradient in the points"]
        }
        Direction::Inverse => {
            ["the inverse's gradient in the parameters", "the inverse's gradient in the points"]
        }
    };
    let expected = difference(|t| loss(run(&along(theta, &theta_dot, t), points)));
    let found = dot(&pulled.theta, &theta_dot);
    errors.compare(of_parameters, DIFFERENCES, (found, expected), 1.0 + expected.abs());
    let velocities: Vec<Vec<f64>> =
        points.chunks_exact(n).enumerate().map(|(s, p)| tangent(m, p, s + 3)).collect();
    let all = |t: f64| -> Vec<f64> {
        points.chunks_exact(n).zip(&velocities).flat_map(|(p, v)| moved(m, p, v, t)).collect()
    };
    let expected = difference(|t| loss(run(theta, &all(t))));
    let found = dot(&pulled.points, &velocities.concat());
    errors.compare(of_points, DIFFERENCES, (found, expected), 1.0 + expected.abs());
}

/// Scores under a floor, and their gradients sample by sample.
fn check_floors(flow: &Flow, theta: &[f64], y: &[f64], errors: &mut Errors) {
    let n = flow.manifold().ambient();
    let (pulled, eigenvalues) = flow.inverse_with_eigenvalues(theta, y);
    let scores = flow.scores(theta, y, FLOORS[0]);
    let law = "scores above the floor are log q, and lowest is the floor";
    errors.compare_all(law, SOLVED, &scores.log_q, &pulled.log_q);
    errors.compare_all(law, SOLVED, &scores.lowest, &vec![FLOORS[0]; y.len() / n]);
    let theta_dot = numbers(5, theta.len());
    let weights = numbers(17, y.len() / n);
    for floor in FLOORS {
        let scores = flow.scores(theta, y, floor);
        let lowest: Vec<f64> = eigenvalues.iter().map(|l| l.min(floor)).collect();
        let law = "lowest is the smallest eigenvalue below the floor";
        errors.compare_all(law, SOLVED, &scores.lowest, &lowest);
        let mut jacobian = Jacobian::default();
        flow.jacobian(theta, y, &weights, floor, &mut jacobian);
        let columns = jacobian.blocks().flat_map(|block| {
            let samples = block.len() / theta.len().max(1);
            (0..samples).map(move |s| block.iter().skip(s).step_by(samples).copied().collect::<Vec<f64>>())
        });
        for (s, column) in columns.enumerate() {
            let score =
                |t: f64| flow.scores(&along(theta, &theta_dot, t), &y[s * n..(s + 1) * n], floor).log_q[0];
            let expected = weights[s] * difference(score);
            let law = "each sample's gradient matches differences of its score";
            errors.compare(
                law,
                10.0 * DIFFERENCES,
                (dot(&column, &theta_dot), expected),
                1.0 + expected.abs(),
            );
        }
    }
}

/// What the checks of the flow as a whole do not see of a layer.
fn check_layer(map: &dyn Map, theta: &[f64], points: &[f64], errors: &mut Errors) {
    let samples = points.len() / map.manifold().ambient();
    let mut record = Record::for_gradients();
    let mut eigenvalues = vec![0.0; samples];
    let (mut once, mut points_bar) = (vec![0.0; theta.len()], vec![0.0; points.len()]);
    let mut twice = once.clone();
    let (of_points, of_log_det) = (numbers(19, points.len()), numbers(23, samples));
    Workspace::with(|work| {
        map.run(Direction::Inverse, theta, points, &mut record, work);
        map.smallest_eigenvalues(&record, &mut eigenvalues);
        for (sum, times) in [(&mut once, 1), (&mut twice, 2)] {
            for _ in 0..times {
                let cotangents = Cotangents { points: &of_points, log_det: &of_log_det };
                let into = Gradients { theta: ThetaGradient::Sum(sum), points: &mut points_bar };
                map.pull_back(Direction::Inverse, theta, &record, cotangents, into, work);
            }
        }
    });
    let doubled: Vec<f64> = once.iter().map(|g| 2.0 * g).collect();
    errors.compare_all("pull_back adds to the gradient in the parameters", SOLVED, &twice, &doubled);
    for (s, &found) in eigenvalues.iter().enumerate() {
        if let Some(h) = map.hessian(&record, s) {
            let expected = h.symmetric_eigenvalues().min();
            errors.compare(
                "smallest_eigenvalues are those of hessian",
                SOLVED,
                (found, expected),
                1.0 + expected.abs(),
            );
        }
    }
}
