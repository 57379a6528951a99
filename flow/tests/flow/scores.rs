//! Gradients of every sample's log-density against their sum, finite differences, and the plain inverse.

use ircpm_flow::BLOCK;
use ircpm_flow::{Flow, Jacobian, Part};

use crate::networks::{parameters, points, regular, spec};

/// Column of sample `s`.
fn column(jacobian: &Jacobian, s: usize) -> Vec<f64> {
    let block = jacobian.blocks().nth(s / BLOCK).expect("a block for every sample");
    let samples = block.len() / jacobian.parameters();
    (0..jacobian.parameters()).map(|k| block[k * samples + s % BLOCK]).collect()
}

fn jacobian(flow: &Flow, theta: &[f64], y: &[f64], weights: &[f64], floor: f64) -> Jacobian {
    let mut jacobian = Jacobian::default();
    flow.jacobian(theta, y, weights, floor, &mut jacobian);
    jacobian
}

#[test]
fn columns_sum_to_the_gradient_of_the_likelihood() {
    for (seed, (name, layers, shared)) in (300..).zip([
        ("T2", 1, true),
        ("T1", 2, false),
        ("S2", 3, true),
        ("S3", 2, false),
        ("R2", 2, true),
        ("S2xT1", 1, false),
        ("T4", 1, true),
    ]) {
        let flow = Flow::new(spec(name, layers, shared, &[7, 5])).unwrap();
        let (theta, _) = regular(&flow, seed);
        let samples = 2 * BLOCK + 37; // Two whole blocks and a part that ends within a pack.
        let y = points(flow.manifold(), samples, seed);
        let weights: Vec<f64> = (0..samples).map(|s| (s as f64).sin()).collect();
        let (expected, _, _) = flow
            .inverse_gradient(&theta, &y, |part: Part<'_>| {
                part.log_q_bar.copy_from_slice(&weights[part.samples.clone()]);
                Ok::<(), ()>(())
            })
            .unwrap();
        let jacobian = jacobian(&flow, &theta, &y, &weights, 1e-3);
        assert_eq!((jacobian.samples(), jacobian.parameters()), (samples, theta.len()));
        let size = expected.iter().fold(1.0, |max: f64, x| max.max(x.abs()));
        for (k, expected) in expected.iter().enumerate() {
            let sum: f64 = jacobian
                .blocks()
                .map(|block| {
                    let samples = block.len() / theta.len();
                    block[k * samples..(k + 1) * samples].iter().sum::<f64>()
                })
                .sum();
            assert!(
                (sum - expected).abs() < 1e-11 * size,
                "{name}, seed {seed}, {k}: {sum} is not {expected}"
            );
        }
    }
}

#[test]
fn columns_match_central_differences_above_and_below_the_floor() {
    let (mut above, mut below) = (0, 0);
    for (seed, (name, layers, shared, scale)) in (320..).zip([
        ("T2", 1, true, 1.5),
        ("T2", 2, false, 5.0),
        ("S2", 1, true, 4.0),
        ("S2", 2, true, 3.0),
        ("S3", 1, true, 4.0),
        ("T3", 1, true, 6.0),
    ]) {
        let flow = Flow::new(spec(name, layers, shared, &[4, 4])).unwrap();
        let theta = parameters(&flow, scale, seed);
        let (samples, floor) = (24, 0.3);
        let y = points(flow.manifold(), samples, seed);
        let scores = flow.scores(&theta, &y, floor);
        let jacobian = jacobian(&flow, &theta, &y, &vec![1.0; samples], floor);
        for s in (0..samples).filter(|&s| scores.inside[s]) {
            let one = &y[s * flow.manifold().ambient()..(s + 1) * flow.manifold().ambient()];
            let column = column(&jacobian, s);
            if scores.lowest[s] < floor {
                below += 1;
            } else {
                above += 1;
            }
            for k in (0..theta.len()).step_by(3) {
                let h = 1e-5;
                let at = |shift: f64| {
                    let mut theta = theta.clone();
                    theta[k] += shift;
                    flow.scores(&theta, one, floor).log_q[0]
                };
                // Fourth order; the floor's kink in the second derivative leaves an error of h² at worst.
                let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
                let error = (column[k] - difference).abs() / (1.0 + difference.abs());
                assert!(
                    error < 1e-6,
                    "{name}, seed {seed}, sample {s}, parameter {k}: {} is not {difference}",
                    column[k]
                );
            }
        }
    }
    assert!(
        above > 20 && below > 20,
        "{above} samples above the floor, {below} below: too few to show anything"
    );
}

#[test]
fn scores_are_the_inverse_above_the_floor_and_finite_where_the_map_folds() {
    let floor = 0.2;
    let mut folded = 0;
    for (seed, name) in (340..).zip(["T1", "T2", "S2", "S3", "T4", "S2xT1"]) {
        let flow = Flow::new(spec(name, 1, true, &[8, 8])).unwrap();
        let theta = parameters(&flow, 4.0, seed);
        let y = points(flow.manifold(), 700, seed);
        let scores = flow.scores(&theta, &y, floor);
        let (pulled, eigenvalues) = flow.inverse_with_eigenvalues(&theta, &y);
        for s in 0..700 {
            if !scores.inside[s] {
                assert!(!pulled.ok[s] && scores.lowest[s].is_nan(), "{name}, sample {s}");
                continue;
            }
            assert!(scores.log_q[s].is_finite(), "{name}, sample {s}");
            let smallest = eigenvalues[s];
            if smallest > floor {
                assert_eq!(
                    (scores.log_q[s], scores.lowest[s]),
                    (pulled.log_q[s], floor),
                    "{name}, sample {s}"
                );
            } else {
                assert!(
                    (scores.lowest[s] - smallest).abs() < 1e-12 * (1.0 + smallest.abs()),
                    "{name}, sample {s}"
                );
            }
            folded += usize::from(smallest < 0.0);
        }
    }
    assert!(folded > 50, "{folded} folded samples: too few to show anything");
}

#[test]
fn jacobian_is_the_same_bits_on_any_number_of_threads() {
    let flow = Flow::new(spec("S2", 2, false, &[6, 6])).unwrap();
    let theta = parameters(&flow, 1.5, 7);
    let y = points(flow.manifold(), 3 * BLOCK + 5, 7);
    let weights = vec![1.0; 3 * BLOCK + 5];
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            jacobian(&flow, &theta, &y, &weights, 0.05).blocks().flatten().copied().collect::<Vec<f64>>()
        })
    };
    assert_eq!(on(1), on(2));
}
