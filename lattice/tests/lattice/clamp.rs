//! The floor under eigenvalues, against its definition with a dense spectrum and central differences.

use ircpm_flow::Jacobian;

use super::setup::{flow, folding, oracle, points, potentials, random, step};

/// The floor.
const FLOOR: f64 = 0.2;

#[test]
fn scores_under_a_floor_equal_their_definition() {
    for (name, charges) in potentials() {
        let (flow, mut rng) = (flow(&charges, 1), random(11));
        let (n, samples) = (charges.sites(), 12);
        let y = points(n, samples, &mut rng);
        let theta = folding(&charges, FLOOR, &y, &mut rng);
        let scores = flow.scores(&theta, &y, FLOOR);
        let mut below = 0;
        for s in 0..samples {
            let (_, _, h) = oracle(&charges, &theta, &y[s * n..(s + 1) * n]);
            let log = |l: &f64| if *l < FLOOR { FLOOR.ln() + (l - FLOOR) / FLOOR } else { l.ln() };
            let spectrum = h.symmetric_eigenvalues();
            let log_q = spectrum.iter().map(log).sum::<f64>() - n as f64 * std::f64::consts::TAU.ln();
            below += usize::from(spectrum.min() < FLOOR);
            assert!((scores.log_q[s] - log_q).abs() < 1e-11, "{name}: {} {log_q}", scores.log_q[s]);
            assert!((scores.lowest[s] - spectrum.min().min(FLOOR)).abs() < 1e-11, "{name}");
            assert!(scores.inside[s]);
        }
        assert!(below > 0 && below < samples, "{name}: {below} samples are below the floor");
    }
}

#[test]
fn gradients_under_a_floor_equal_central_differences() {
    for (name, charges) in potentials() {
        let (flow, mut rng) = (flow(&charges, 2), random(12));
        let y = points(charges.sites(), 4, &mut rng);
        let theta = [folding(&charges, FLOOR, &y, &mut rng), folding(&charges, FLOOR, &y, &mut rng)].concat();
        let lowest = flow.scores(&theta, &y, FLOOR).lowest;
        assert!(lowest.iter().any(|l| *l < FLOOR), "{name}: no sample is below the floor");
        let mut jacobian = Jacobian::default();
        flow.jacobian(&theta, &y, &[1.0; 4], FLOOR, &mut jacobian);
        let columns = jacobian.into_columns();
        let largest = columns.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        let step = step(&charges) * 0.1;
        for k in (0..flow.parameters()).step_by(2) {
            let at = |h: f64| {
                let mut moved = theta.clone();
                moved[k] += h;
                flow.scores(&moved, &y, FLOOR).log_q
            };
            let (up, down) = (at(step), at(-step));
            for s in 0..4 {
                // The score is once differentiable, so that second differences bound the error where an eigenvalue
                // crosses the floor; elsewhere rounding does.
                let of = (up[s] - down[s]) / (2.0 * step);
                let error = (columns[k * 4 + s] - of).abs();
                assert!(error < 1e-6 * largest, "{name}, parameter {k}: {} {of}", columns[k * 4 + s]);
            }
        }
    }
}
