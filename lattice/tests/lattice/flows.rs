//! Stacks of lattice maps: round trips, mass, and gradients against central differences.

use std::convert::Infallible;

use ircpm_flow::Jacobian;
use ircpm_lattice::Chain;
use rand::RngExt;

use super::setup::{difference, flow, parameters, points, potentials, random, step};

#[test]
fn images_and_preimages_are_inverse_to_each_other() {
    for (name, charges) in potentials() {
        let mut rng = random(6);
        let flow = flow(&charges, 2);
        let theta = [parameters(&charges, 0.9, &mut rng), parameters(&charges, 0.9, &mut rng)].concat();
        let x = points(charges.sites(), 50, &mut rng);
        let pushed = flow.try_forward(&theta, &x).unwrap();
        let pulled = flow.try_inverse(&theta, &pushed.y).unwrap();
        for (a, b) in x.iter().zip(&pulled.x) {
            let turns = (a - b) / std::f64::consts::TAU;
            assert!((turns - turns.round()).abs() < 1e-11, "{name}: {a} {b}");
        }
        for (a, b) in pushed.log_q.iter().zip(&pulled.log_q) {
            assert!((a - b).abs() < 1e-10, "{name}: {a} {b}");
        }
    }
}

#[test]
fn mass_is_one() {
    let charges = Chain { range: 2, degree: 3, boundary: 1, ..Chain::default() }.charges(6).unwrap().into();
    let (flow, mut rng) = (flow(&charges, 2), random(7));
    let theta = [parameters(&charges, 0.9, &mut rng), parameters(&charges, 0.9, &mut rng)].concat();
    let samples = 100_000;
    let log_q = flow.log_prob(&theta, &points(6, samples, &mut rng));
    let volume = std::f64::consts::TAU.powi(6);
    let q: Vec<f64> = log_q.iter().map(|l| l.exp() * volume).collect();
    let mean = q.iter().sum::<f64>() / samples as f64;
    let variance = q.iter().map(|q| (q - mean).powi(2)).sum::<f64>() / samples as f64;
    let error = (variance / samples as f64).sqrt();
    assert!(variance > 0.01, "the density is not uniform");
    assert!((mean - 1.0).abs() < 3.0 * error && error < 0.01, "{mean} ± {error}");
}

#[test]
fn scores_in_parameters_equal_central_differences() {
    for (name, charges) in potentials() {
        let mut rng = random(8);
        let flow = flow(&charges, 2);
        let theta = [parameters(&charges, 0.8, &mut rng), parameters(&charges, 0.8, &mut rng)].concat();
        let y = points(charges.sites(), 3, &mut rng);
        let mut jacobian = Jacobian::default();
        flow.jacobian(&theta, &y, &[1.0; 3], 1e-3, &mut jacobian);
        let columns = jacobian.into_columns();
        let largest = columns.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for k in 0..flow.parameters() {
            for s in 0..3 {
                let of = difference(&theta, k, step(&charges), |theta| flow.log_prob(theta, &y)[s]);
                let error = (columns[k * 3 + s] - of).abs();
                assert!(error < 1e-8 * largest, "{name}, parameter {k}: {} {of}", columns[k * 3 + s]);
            }
        }
    }
}

#[test]
fn gradients_of_a_loss_equal_central_differences_in_both_directions() {
    for (name, charges) in potentials() {
        let mut rng = random(9);
        let flow = flow(&charges, 2);
        let n = charges.sites();
        let theta = [parameters(&charges, 0.8, &mut rng), parameters(&charges, 0.8, &mut rng)].concat();
        let x = points(n, 5, &mut rng);
        let phases: Vec<f64> = (0..n).map(|_| rng.random_range(0.0..6.0)).collect();
        // f(z, log q) = Σ cos(zᵢ + φᵢ) + (log q)²/10
        let loss = |z: &[f64], log_q: f64| {
            z.iter().zip(&phases).map(|(z, p)| (z + p).cos()).sum::<f64>() + log_q * log_q / 10.0
        };
        for forward in [true, false] {
            let of = |part: ircpm_flow::Part<'_>| -> Result<(), Infallible> {
                for s in 0..part.log_q.len() {
                    for i in 0..n {
                        part.points_bar[s * n + i] = -(part.points[s * n + i] + phases[i]).sin();
                    }
                    part.log_q_bar[s] = part.log_q[s] / 5.0;
                }
                Ok(())
            };
            let Ok((gradient, _, _)) = if forward {
                flow.forward_gradient(&theta, &x, of)
            } else {
                flow.inverse_gradient(&theta, &x, of)
            };
            let total = |theta: &[f64]| -> f64 {
                let (z, log_q) = if forward {
                    let pushed = flow.forward(theta, &x);
                    (pushed.y, pushed.log_q)
                } else {
                    let pulled = flow.inverse(theta, &x);
                    (pulled.x, pulled.log_q)
                };
                z.chunks(n).zip(log_q).map(|(z, log_q)| loss(z, log_q)).sum()
            };
            let largest = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
            for k in (0..flow.parameters()).step_by(3) {
                let of = difference(&theta, k, step(&charges), total);
                let error = (gradient[k] - of).abs();
                assert!(
                    error < 1e-8 * largest,
                    "{name}, forward {forward}, parameter {k}: {} {of}",
                    gradient[k]
                );
            }
        }
    }
}
