//! The floor under eigenvalues, against its definition with a dense spectrum and central differences.

use super::setup::{assert_scores_have_gradients, flow, folding, oracle, points, potentials, random, step};

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
        assert_scores_have_gradients(name, &flow, &theta, &y, FLOOR, step(&charges) * 0.1, 2);
    }
}
