//! Losses against finite differences, and energies that are not numbers.

use ircpm_flow::{Features, Flow, FlowSpec, Solver};
use ircpm_manifolds::AnyManifold;
use ircpm_train::loss::{LossError, likelihood, reverse_kl, reverse_kl_by_path};
use ircpm_train::target::{self, Target};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

fn flow(manifold: &AnyManifold, layers: usize) -> Flow {
    Flow::new(FlowSpec {
        manifold: manifold.clone(),
        layers,
        shared: true,
        hidden: vec![6, 6],
        features: Features::Harmonics { order: 1 },
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    })
    .unwrap()
}

fn points(manifold: &AnyManifold, count: usize, seed: u64) -> Vec<f64> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut out = vec![0.0; count * manifold.ambient()];
    for p in out.chunks_exact_mut(manifold.ambient()) {
        let u: Vec<f64> = (0..manifold.cube_dim()).map(|_| rng.random()).collect();
        manifold.base_point(&u, p);
    }
    out
}

/// Fourth-order central difference of step 1e-4: 1e-8 of truncation and rounding together for losses of order one.
fn difference(theta: &[f64], k: usize, loss: impl Fn(&[f64]) -> f64) -> f64 {
    let step = 1e-4;
    let at = |h: f64| {
        let mut moved = theta.to_vec();
        moved[k] += h;
        loss(&moved)
    };
    (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
}

#[test]
fn gradients_equal_finite_differences_for_every_target() {
    for (seed, name) in (0..).zip(target::names()) {
        let target = target::by_name(name).unwrap();
        let flow = flow(target.manifold(), 2);
        let theta = flow.initial(seed);
        let x = points(target.manifold(), 50, seed);
        let kl = reverse_kl(&flow, &theta, &x, target.as_ref(), 0.7).unwrap();
        let data = likelihood(&flow, &theta, &x).unwrap();
        for k in (0..theta.len()).step_by(7) {
            let expected =
                difference(&theta, k, |t| reverse_kl(&flow, t, &x, target.as_ref(), 0.7).unwrap().loss);
            assert!((kl.grad[k] - expected).abs() < 1e-7, "{name}, seed {seed}, reverse KL, parameter {k}");
            let expected = difference(&theta, k, |t| likelihood(&flow, t, &x).unwrap().loss);
            assert!((data.grad[k] - expected).abs() < 1e-7, "{name}, seed {seed}, likelihood, parameter {k}");
        }
    }
}

#[test]
fn path_gradient_is_that_through_the_points_alone() {
    let beta = 0.7;
    for (seed, name) in (0..).zip(["torus-multi-modal", "sphere-four-mode", "chain-4"]) {
        let target = target::by_name(name).unwrap();
        let flow = flow(target.manifold(), 2);
        let theta = flow.initial(seed);
        let x = points(target.manifold(), 50, seed);
        let path = reverse_kl_by_path(&flow, &theta, &x, target.as_ref(), beta).unwrap();
        let whole = reverse_kl(&flow, &theta, &x, target.as_ref(), beta).unwrap();
        assert_eq!((path.loss, &path.log_weights), (whole.loss, &whole.log_weights), "{name}, seed {seed}");
        // The points move with the parameters, the density does not.
        let loss = |t: &[f64]| {
            let y = flow.try_forward(t, &x).unwrap().y;
            let mut u = vec![0.0; 50];
            target.energies(&y, &mut u);
            let log_q = flow.log_prob(&theta, &y);
            log_q.iter().zip(&u).map(|(log_q, u)| log_q + beta * u).sum::<f64>() / 50.0
        };
        for k in (0..theta.len()).step_by(7) {
            let expected = difference(&theta, k, loss);
            assert!((path.grad[k] - expected).abs() < 1e-7, "{name}, seed {seed}, parameter {k}");
        }
    }
}

#[test]
fn loss_is_minus_the_mean_log_weight() {
    let target = target::by_name("sphere-four-mode").unwrap();
    let flow = flow(target.manifold(), 1);
    let kl =
        reverse_kl(&flow, &flow.initial(1), &points(target.manifold(), 64, 1), target.as_ref(), 1.0).unwrap();
    let mean = kl.log_weights.iter().sum::<f64>() / 64.0;
    assert_eq!(kl.log_weights.len(), 64);
    assert!((kl.loss + mean).abs() < 1e-13);
}

/// An energy that is not a number on half of the torus.
struct Broken(AnyManifold);

impl Target for Broken {
    fn name(&self) -> &str {
        "broken"
    }
    fn manifold(&self) -> &AnyManifold {
        &self.0
    }
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }
    fn energies(&self, y: &[f64], u: &mut [f64]) {
        for (y, u) in y.chunks_exact(2).zip(u) {
            *u = if y[0] > 3.0 { f64::NAN } else { 0.0 };
        }
    }
    fn gradients(&self, y: &[f64], u: &mut [f64], grad: &mut [f64]) {
        self.energies(y, u);
        grad.fill(0.0);
    }
}

#[test]
fn energy_that_is_not_finite_is_an_error_that_names_the_point() {
    let target = Broken("T2".parse().unwrap());
    let flow = flow(target.manifold(), 1);
    let x = points(target.manifold(), 64, 2);
    let error = reverse_kl(&flow, &flow.initial(0), &x, &target, 1.0).unwrap_err();
    let LossError::Energy { value, point } = error else { panic!("{error}") };
    assert!(value.is_nan() && point.len() == 2 && point[0] > 3.0);
}

#[test]
fn input_without_a_loss_is_named() {
    let target = target::by_name("torus-unimodal").unwrap();
    let flow = flow(target.manifold(), 1);
    let (x, start) = (points(target.manifold(), 8, 3), flow.initial(0));
    let kl = |theta: &[f64], x: &[f64], beta| reverse_kl(&flow, theta, x, target.as_ref(), beta).unwrap_err();
    let mut theta = start.clone();
    theta[2] = f64::NAN;
    let error = kl(&theta, &x, 1.0);
    assert!(matches!(error, LossError::Parameter { index: 2, .. }), "{error}");
    let error = likelihood(&flow, &theta, &x).unwrap_err();
    assert!(matches!(error, LossError::Parameter { index: 2, .. }), "{error}");
    assert_eq!(kl(&start, &[], 1.0), LossError::NoPoints);
    assert_eq!(likelihood(&flow, &start, &[]).unwrap_err(), LossError::NoPoints);
    let error = kl(&start, &x, f64::NAN);
    assert!(matches!(error, LossError::Beta(_)), "{error}");
}

#[test]
fn likelihood_counts_every_point_where_the_map_folds() {
    let flow = flow(&"T2".parse().unwrap(), 1);
    let y = points(flow.manifold(), 64, 4);
    let mut theta = flow.initial(0);
    theta.iter_mut().for_each(|t| *t *= 4.0);
    let (pulled, _) = flow.inverse_with_eigenvalues(&theta, &y);
    assert!(pulled.ok.iter().any(|ok| !ok), "the map folds at some of the points");
    let at = likelihood(&flow, &theta, &y).and_then(|gradient| gradient.check()).unwrap();
    assert_eq!((at.stats.points, at.stats.indefinite), (64, 0));
    for k in (0..theta.len()).step_by(7) {
        // Logarithms below the floor are tangents of slope a thousand.
        let expected = difference(&theta, k, |t| likelihood(&flow, t, &y).unwrap().loss);
        assert!(
            (at.grad[k] - expected).abs() < 1e-5 * (1.0 + expected.abs()),
            "{k}: {} {expected}",
            at.grad[k]
        );
    }
}

#[test]
fn likelihood_without_a_preimage_is_refused() {
    let flow = flow(&"S2".parse().unwrap(), 1);
    let y = points(flow.manifold(), 64, 4);
    let mut theta = flow.initial(0);
    theta.iter_mut().for_each(|t| *t *= 1e3);
    // A potential this steep reaches beyond the injectivity radius nearly everywhere.
    let refused = likelihood(&flow, &theta, &y).and_then(|gradient| gradient.check());
    let error = refused.unwrap_err();
    assert!(matches!(error, LossError::Folds { points: 64, .. }), "{error}");
}
