//! Values, gradients, Hessians, log-determinants and eigenvalues against nested duals and dense matrices.

use ircpm_flow::{Direction, Record, Workspace};
use ircpm_lattice::Structure;

use super::setup::{folding, map, oracle, parameters, points, potentials, random};

/// Rounding of sums of some hundred terms of order one.
const ROUNDING: f64 = 2e-13;

#[test]
fn inverse_and_log_det_equal_nested_duals() {
    for (name, charges) in potentials() {
        let mut rng = random(1);
        let theta = parameters(&charges, 0.8, &mut rng);
        let (n, samples) = (charges.sites(), 11);
        let y = points(n, samples, &mut rng);
        let map = map(&charges, Structure::Automatic);
        let mut record = Record::default();
        Workspace::with(|work| map.run(Direction::Inverse, &theta, &y, &mut record, work));
        let mut psi = vec![0.0; samples];
        Workspace::with(|work| map.potential(&theta, &y, &mut psi, work));
        let (mut lowest, mut gradients, mut hessians) =
            (vec![0.0; samples], vec![0.0; samples * n], vec![0.0; samples * n * n]);
        map.smallest_eigenvalues(&record, &mut lowest);
        assert!(map.potential_derivatives(&record, &mut gradients, &mut hessians));
        for s in 0..samples {
            let (value, gradient, h) = oracle(&charges, &theta, &y[s * n..(s + 1) * n]);
            assert!(record.ok[s] && record.converged[s], "{name}");
            assert!((psi[s] - value).abs() < ROUNDING, "{name}: psi {} {value}", psi[s]);
            let log_det = h.determinant().ln();
            assert!(
                (record.log_det[s] + log_det).abs() < ROUNDING,
                "{name}: {} {log_det}",
                record.log_det[s]
            );
            for i in 0..n {
                let turn = record.x[s * n + i] - y[s * n + i] - gradient[i];
                assert!(
                    (turn - (turn / std::f64::consts::TAU).round() * std::f64::consts::TAU).abs() < ROUNDING
                );
                assert!((gradients[s * n + i] - gradient[i]).abs() < ROUNDING, "{name}");
                for j in 0..n {
                    let identity = f64::from(i == j);
                    assert!(
                        (hessians[s * n * n + i * n + j] + identity - h[(i, j)]).abs() < ROUNDING,
                        "{name}"
                    );
                }
            }
            let least = h.symmetric_eigenvalues().min();
            assert!((lowest[s] - least).abs() < 1e-8, "{name}: {} {least}", lowest[s]);
        }
    }
}

#[test]
fn signs_and_eigenvalues_hold_where_the_map_folds() {
    for (name, charges) in potentials() {
        let mut rng = random(2);
        let (n, samples) = (charges.sites(), 40);
        let y = points(n, samples, &mut rng);
        let theta = folding(&charges, 0.0, &y, &mut rng);
        let map = map(&charges, Structure::Automatic);
        let mut record = Record::default();
        Workspace::with(|work| map.run(Direction::Inverse, &theta, &y, &mut record, work));
        let (mut log_det, mut sign, mut lowest) =
            (vec![0.0; samples], vec![0.0; samples], vec![0.0; samples]);
        map.signed_log_dets(&record, &mut log_det, &mut sign);
        map.smallest_eigenvalues(&record, &mut lowest);
        for s in 0..samples {
            let (_, _, h) = oracle(&charges, &theta, &y[s * n..(s + 1) * n]);
            let (determinant, least) = (h.determinant(), h.clone().symmetric_eigenvalues().min());
            assert_eq!(record.ok[s], least > 0.0, "{name}: {least}");
            assert_eq!(sign[s], determinant.signum(), "{name}: {determinant}");
            // Elimination without pivots loses digits where a pivot is small.
            assert!(
                (log_det[s] + determinant.abs().ln()).abs() < 1e-9,
                "{name}: {} {determinant}",
                log_det[s]
            );
            assert!((lowest[s] - least).abs() < 1e-7, "{name}: {} {least}", lowest[s]);
        }
        assert!(record.ok.contains(&false), "{name} does not fold");
    }
}

#[test]
fn failed_samples_are_marked() {
    let (_, charges) = potentials().swap_remove(0);
    let (map, n) = (map(&charges, Structure::Automatic), charges.sites());
    let mut rng = random(3);
    let theta = parameters(&charges, 0.5, &mut rng);
    let mut y = points(n, 3, &mut rng);
    y[n + 2] = f64::NAN;
    for direction in [Direction::Forward, Direction::Inverse] {
        let mut record = Record::default();
        Workspace::with(|work| map.run(direction, &theta, &y, &mut record, work));
        assert_eq!(record.ok, [true, false, true]);
        let mut lowest = [0.0; 3];
        map.smallest_eigenvalues(&record, &mut lowest);
        let (mut log_det, mut sign) = ([0.0; 3], [0.0; 3]);
        map.signed_log_dets(&record, &mut log_det, &mut sign);
        assert!(log_det[1].is_nan() && sign == [1.0, 0.0, 1.0] && lowest[0] > 0.0);
        if direction == Direction::Inverse {
            assert!(lowest[1].is_nan());
        }
    }
}
