//! A trained network: the potential of the preset `torus-multi-modal`, two hidden layers of 32 units.

use std::ops::ControlFlow;

use ircpm_ad::{Jet, Scalar};
use ircpm_certify::{Layer, Options, Outcome, Verdict};
use ircpm_flow::{Expression, FeatureMap, Features, Network};

pub(crate) fn network() -> Network {
    let features = FeatureMap::new(&Features::Harmonics { order: 1 }, &"T2".parse().unwrap()).unwrap();
    Network::new(features, &[32, 32], 1.0)
}

/// The parameters that training found, as little-endian doubles.
pub(crate) fn trained() -> Vec<f64> {
    let bytes = include_bytes!("../data/torus-multi-modal.theta");
    bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// The parameters of `factor · psi`.
fn scaled(factor: f64) -> Vec<f64> {
    let mut theta = trained();
    assert!(network().rescale(&mut theta, factor));
    theta
}

/// The smallest eigenvalue of `H` at a point, in doubles.
fn eigenvalue(theta: &[f64], point: [f64; 2]) -> f64 {
    let theta: Vec<Jet<f64, 2>> = theta.iter().map(|&w| Jet::constant(w)).collect();
    let z = [0, 1].map(|k| Jet::variable(point[k], k));
    let [[a, b], [_, d]] = network().value(&theta, &z).hess;
    1.0 + 0.5 * (a + d - ((a - d).powi(2) + 4.0 * b * b).sqrt())
}

/// The smallest one over a grid.
fn sampled(theta: &[f64]) -> f64 {
    let side = 128;
    let at = |i: usize| std::f64::consts::TAU * i as f64 / side as f64;
    let points = (0..side * side).map(|i| [at(i / side), at(i % side)]);
    points.map(|point| eigenvalue(theta, point)).fold(f64::INFINITY, f64::min)
}

fn certify(theta: &[f64], options: &Options) -> Outcome {
    Layer::<_, 2>::new(&network(), theta).unwrap().certify(options, &|_| ControlFlow::Continue(()))
}

#[test]
fn a_trained_network_is_certified_within_five_per_cent() {
    let theta = trained();
    let sampled = sampled(&theta);
    let outcome = certify(&theta, &Options::default());
    let Verdict::Certified { bound } = outcome.verdict else { panic!("{outcome:?}") };
    assert!(bound <= sampled && bound > 0.94 * sampled, "{outcome:?}, sampled {sampled}");
    // That H is positive definite takes fewer cells.
    let positive = certify(&theta, &Options { tolerance: 1.0, ..Options::default() });
    assert!(matches!(positive.verdict, Verdict::Certified { bound } if bound > 0.0), "{positive:?}");
    assert!(positive.cells < outcome.cells, "{positive:?} {outcome:?}");
    // A search that is broken off has proven nothing.
    let layer = network();
    let layer = Layer::<_, 2>::new(&layer, &theta).unwrap();
    let stopped = layer.certify(&Options::default(), &|_| ControlFlow::Break(()));
    let undecided = matches!(stopped.verdict, Verdict::Undecided { .. });
    assert!(undecided && stopped.cells < outcome.cells, "{stopped:?} {outcome:?}");
}

#[test]
fn a_network_scaled_until_it_folds_is_refuted() {
    let least = sampled(&trained());
    // On a torus an eigenvalue λ becomes 1 − factor (1 − λ).
    let theta = scaled(1.2 / (1.0 - least));
    let outcome = certify(&theta, &Options::default());
    let Verdict::Refuted { ref point, bound } = outcome.verdict else { panic!("{outcome:?}") };
    let there = eigenvalue(&theta, [point[0], point[1]]);
    assert!(there < 0.0 && (there - bound).abs() < 1e-9, "{outcome:?}, {there}");
}

#[test]
fn a_network_that_folds_by_a_ten_thousandth_is_not_certified() {
    let least = sampled(&trained());
    let theta = scaled((1.0 + 1e-4) / (1.0 - least));
    let folded = sampled(&theta);
    assert!(folded < -0.99e-4 && folded > -1.01e-4, "{folded}");
    let outcome = certify(&theta, &Options { cells: 20_000, ..Options::default() });
    assert!(!matches!(outcome.verdict, Verdict::Certified { .. }), "{outcome:?}");
}
