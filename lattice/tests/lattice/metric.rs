//! Maps in another flat metric, against nested duals, dense matrices and central differences.

use std::f64::consts::TAU;
use std::sync::Arc;

use ircpm_flow::{Direction, Expression, Flow, Map, Record, Solver, Workspace};
use ircpm_lattice::{ChargesError, LatticeMap, LatticePotential, Metric, Square, Wall, wall};
use nalgebra::{Cholesky, DMatrix, DVector};
use rand::RngExt;

use super::setup::{
    assert_scores_have_gradients, difference, oracle, parameters, points, potentials, random, step,
};

/// Potentials with a metric each: bonds of neighbours, and one bond between ends that no term couples.
fn cases() -> Vec<(&'static str, LatticePotential, Metric)> {
    let of = |(name, psi): (&'static str, LatticePotential)| {
        let n = psi.sites();
        let mut bonds: Vec<(usize, usize)> = (1..n).map(|i| (i - 1, i)).collect();
        bonds.push((n - 1, 0));
        let metric = Metric::new(n, 1.5, &bonds).unwrap();
        (name, psi, metric)
    };
    let mut cases: Vec<_> = potentials().into_iter().map(of).collect();
    let square = Square::default().charges(4).unwrap().into();
    cases.push(("bonds of a square lattice", square, Metric::new(16, 0.7, &Square::bonds(4)).unwrap()));
    cases
}

fn map(psi: &LatticePotential, metric: &Metric) -> Arc<LatticeMap> {
    Arc::new(LatticeMap::in_metric(psi.clone(), metric.clone(), Solver::default()).unwrap())
}

fn flow(psi: &LatticePotential, metric: &Metric) -> Flow {
    let map: Arc<dyn Map> = map(psi, metric);
    Flow::from_maps(vec![Arc::clone(&map), map], false).unwrap()
}

/// `∂psi` and `H = G + ∂∂psi` by nested duals.
fn definition(
    psi: &LatticePotential,
    metric: &Metric,
    theta: &[f64],
    y: &[f64],
) -> (DVector<f64>, DMatrix<f64>) {
    let (_, gradient, h) = oracle(psi, theta, y);
    (gradient, h - DMatrix::identity(y.len(), y.len()) + metric.matrix())
}

/// The eigenvalues of `G⁻¹H`, ascending.
fn eigenvalues(metric: &Metric, h: &DMatrix<f64>) -> Vec<f64> {
    let l = Cholesky::new(metric.matrix()).unwrap().l().try_inverse().unwrap();
    let mut values: Vec<f64> = (&l * h * l.transpose()).symmetric_eigenvalues().iter().copied().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Parameters for which the least eigenvalue of `G⁻¹H` at the given points is `level`.
fn folding(psi: &LatticePotential, metric: &Metric, level: f64, y: &[f64], seed: u64) -> Vec<f64> {
    let mut theta = parameters(psi, 1.0, &mut random(seed));
    let below = |y: &[f64]| 1.0 - eigenvalues(metric, &definition(psi, metric, &theta, y).1)[0];
    let worst = y.chunks(psi.sites()).map(below).fold(0.0, f64::max);
    psi.rescale(&mut theta, (1.0 - level) / worst);
    theta
}

#[test]
fn bonds_of_a_square_are_its_neighbours() {
    let mut bonds = Square::bonds(3);
    bonds.iter_mut().for_each(|(i, j)| (*i, *j) = ((*i).min(*j), (*i).max(*j)));
    bonds.sort_unstable();
    let expected = [
        (0, 1),
        (0, 2),
        (0, 3),
        (0, 6),
        (1, 2),
        (1, 4),
        (1, 7),
        (2, 5),
        (2, 8),
        (3, 4),
        (3, 5),
        (3, 6),
        (4, 5),
        (4, 7),
        (5, 8),
        (6, 7),
        (6, 8),
        (7, 8),
    ];
    assert_eq!(bonds, expected);
    let g = Metric::new(9, 2.0, &bonds).unwrap().matrix();
    assert_eq!((g[(0, 0)], g[(0, 1)], g[(0, 4)], g.row(4).sum()), (9.0, -2.0, 0.0, 1.0));
}

#[test]
fn inverse_and_log_det_equal_their_definition() {
    for (name, psi, metric) in cases() {
        let (n, samples, mut rng) = (psi.sites(), 9, random(51));
        let theta = parameters(&psi, 0.8, &mut rng);
        let y = points(n, samples, &mut rng);
        let (map, mut record) = (map(&psi, &metric), Record::default());
        Workspace::with(|work| map.run(Direction::Inverse, &theta, &y, &mut record, work));
        let mut lowest = vec![0.0; samples];
        map.smallest_eigenvalues(&record, &mut lowest);
        for s in 0..samples {
            let (gradient, h) = definition(&psi, &metric, &theta, &y[s * n..(s + 1) * n]);
            let moved = metric.matrix().try_inverse().unwrap() * gradient;
            for i in 0..n {
                let turns = (record.x[s * n + i] - y[s * n + i] - moved[i]) / TAU;
                assert!((turns - turns.round()).abs() < 1e-12, "{name}: {turns}");
            }
            let log_det = h.determinant().ln() - metric.matrix().determinant().ln();
            assert!((record.log_det[s] + log_det).abs() < 1e-12, "{name}: {log_det}");
            let least = eigenvalues(&metric, &h)[0];
            assert!((lowest[s] - least).abs() < 1e-7, "{name}: {} {least}", lowest[s]);
            let own = map.hessian(&record, s).unwrap().symmetric_eigenvalues().min();
            assert!((own - least).abs() < 1e-11, "{name}: {own} {least}");
        }
    }
}

#[test]
fn preimages_map_back() {
    for (name, psi, metric) in cases() {
        let (flow, mut rng) = (flow(&psi, &metric), random(52));
        let theta = [parameters(&psi, 0.9, &mut rng), parameters(&psi, 0.9, &mut rng)].concat();
        let x = points(psi.sites(), 30, &mut rng);
        let pushed = flow.try_forward(&theta, &x).unwrap();
        let pulled = flow.try_inverse(&theta, &pushed.y).unwrap();
        for (a, b) in x.iter().zip(&pulled.x) {
            let turns = (a - b) / TAU;
            assert!((turns - turns.round()).abs() < 1e-11, "{name}: {a} {b}");
        }
        for (a, b) in pushed.log_q.iter().zip(&pulled.log_q) {
            assert!((a - b).abs() < 1e-10, "{name}: {a} {b}");
        }
    }
}

#[test]
fn gradients_equal_central_differences_in_both_directions() {
    for (name, psi, metric) in cases() {
        let (flow, n, mut rng) = (flow(&psi, &metric), psi.sites(), random(53));
        let theta = [parameters(&psi, 0.8, &mut rng), parameters(&psi, 0.8, &mut rng)].concat();
        let x = points(n, 4, &mut rng);
        let phases: Vec<f64> = (0..n).map(|_| rng.random_range(0.0..6.0)).collect();
        for forward in [true, false] {
            // f(z, log q) = Σ cos(zᵢ + φᵢ) + (log q)²/10
            let of = |part: ircpm_flow::Part<'_>| -> Result<(), std::convert::Infallible> {
                for s in 0..part.log_q.len() {
                    for i in 0..n {
                        part.points_bar[s * n + i] = -(part.points[s * n + i] + phases[i]).sin();
                    }
                    part.log_q_bar[s] = part.log_q[s] / 5.0;
                }
                Ok(())
            };
            let Ok((gradient, _, _)) = match forward {
                true => flow.forward_gradient(&theta, &x, of),
                false => flow.inverse_gradient(&theta, &x, of),
            };
            let total = |theta: &[f64]| -> f64 {
                let (z, log_q) = match forward {
                    true => Some(flow.forward(theta, &x)).map(|of| (of.y, of.log_q)).unwrap(),
                    false => Some(flow.inverse(theta, &x)).map(|of| (of.x, of.log_q)).unwrap(),
                };
                let one = |(z, log_q): (&[f64], f64)| {
                    z.iter().zip(&phases).map(|(z, p)| (z + p).cos()).sum::<f64>() + log_q * log_q / 10.0
                };
                z.chunks(n).zip(log_q).map(one).sum()
            };
            let largest = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
            for k in (0..flow.parameters()).step_by(4) {
                let of = difference(&theta, k, step(&psi), total);
                assert!(
                    (gradient[k] - of).abs() < 1e-8 * largest,
                    "{name}, {forward}, {k}: {} {of}",
                    gradient[k]
                );
            }
        }
    }
}

#[test]
fn scores_hold_below_a_floor() {
    const FLOOR: f64 = 0.2;
    for (name, psi, metric) in cases() {
        let (flow, n, mut rng) = (flow(&psi, &metric), psi.sites(), random(54));
        let y = points(n, 4, &mut rng);
        let one = folding(&psi, &metric, 0.5 * FLOOR, &y, 55);
        let theta = [one.clone(), one].concat();
        let scores = flow.scores(&theta, &y, FLOOR);
        assert!(scores.lowest.iter().any(|lowest| *lowest < FLOOR), "{name}: no sample is below the floor");
        assert_scores_have_gradients(name, &flow, &theta, &y, FLOOR, step(&psi) * 0.1, 5);
    }
}

#[test]
fn the_wall_measures_curvature_in_the_metric() {
    for (name, psi, metric) in cases() {
        let mut rng = random(56);
        let theta = parameters(&psi, 1.0, &mut rng);
        let map = map(&psi, &metric);
        let curvature =
            |theta: &[f64], y: &[f64]| 1.0 - eigenvalues(&metric, &definition(&psi, &metric, theta, y).1)[0];
        let worst = wall::search(&map, &theta, 64, 100, 1).unwrap();
        assert!((worst.curvature - curvature(&theta, &worst.point)).abs() < 1e-6, "{name}");
        let random = points(psi.sites(), 300, &mut rng);
        let highest = random.chunks(psi.sites()).map(|y| curvature(&theta, y)).fold(0.0, f64::max);
        assert!(worst.curvature > highest, "{name}: {} {highest}", worst.curvature);
        let LatticePotential::Charges(_) = psi else {
            // Of networks only the output weights have a derivative here, as in the metric `I`.
            continue;
        };
        // At a point of a short search the largest eigenvalue is single, and has a derivative.
        let mut wall = Wall::new(Arc::clone(&map), 0.9, 16, 4).unwrap();
        wall.search(&theta, 2);
        let worst = wall.worst(&theta);
        let largest = worst.gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for k in (0..theta.len()).step_by(3) {
            let of = difference(&theta, k, step(&psi), |theta| curvature(theta, &worst.point));
            assert!((worst.gradient[k] - of).abs() < 1e-4 * largest, "{name}, parameter {k}: {of}");
        }
    }
}

#[test]
fn folds_keep_their_signs() {
    for (name, psi, metric) in cases() {
        let (n, samples, mut rng) = (psi.sites(), 20, random(57));
        let y = points(n, samples, &mut rng);
        let theta = folding(&psi, &metric, -0.2, &y, 58);
        let (map, mut record) = (map(&psi, &metric), Record::default());
        Workspace::with(|work| map.run(Direction::Inverse, &theta, &y, &mut record, work));
        let (mut log_det, mut sign) = (vec![0.0; samples], vec![0.0; samples]);
        map.signed_log_dets(&record, &mut log_det, &mut sign);
        for s in 0..samples {
            let (_, h) = definition(&psi, &metric, &theta, &y[s * n..(s + 1) * n]);
            let ratio = h.determinant() / metric.matrix().determinant();
            assert_eq!(record.ok[s], eigenvalues(&metric, &h)[0] > 0.0, "{name}");
            assert_eq!(sign[s], ratio.signum(), "{name}");
            assert!((log_det[s] + ratio.abs().ln()).abs() < 1e-9, "{name}");
        }
        assert!(record.ok.contains(&false), "{name} does not fold");
    }
}

#[test]
fn metrics_are_checked() {
    for value in [-1.0, 2e4, f64::NAN, f64::INFINITY] {
        assert!(matches!(Metric::new(3, value, &[(0, 1)]), Err(ChargesError::Stiffness { .. })));
    }
    assert!(matches!(Metric::new(3, 1.0, &[(0, 3)]), Err(ChargesError::Site { .. })));
    assert!(matches!(Metric::new(3, 1.0, &[(1, 1)]), Err(ChargesError::SiteTwice { .. })));
    let psi = Square::default().charges(3).unwrap();
    let refused = LatticeMap::in_metric(psi, Metric::new(4, 1.0, &[]).unwrap(), Solver::default());
    assert!(matches!(refused, Err(ChargesError::Sites { expected: 9, found: 4 })));
}
