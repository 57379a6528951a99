//! The hard minimum as the limit of no smoothing, mass by quadrature, and that nothing folds.

use std::f64::consts::{PI, TAU};

use ircpm_flow::{DiscreteError, DiscreteMap, MapError, Workspace};
use ircpm_manifolds::{AnyManifold, Product};
use proptest::prelude::*;

use crate::setup::{discrete, flow, map, parameters, points};

#[test]
fn hard_minimum_is_the_limit_of_no_smoothing() {
    let manifold = "S2xT1";
    let components = 12;
    let m: Product = manifold.parse().unwrap();
    let erased = AnyManifold::new(m.clone());
    let (n, count) = (erased.ambient(), 200);
    let (hard, theta) = (flow(manifold, &discrete(components, 0.0, false), 1), {
        parameters(&flow(manifold, &discrete(components, 1.0, false), 1), 5)
    });
    let x = points(&erased, count, 6);
    let of = |smoothing: f64| {
        let map = DiscreteMap::<_, 3>::new(m.clone(), &discrete(components, smoothing, false)).unwrap();
        let mut phi = vec![0.0; count];
        Workspace::with(|work| map.phi(&theta, &x, &mut phi, work));
        phi
    };
    let exact: Vec<f64> = x
        .chunks_exact(n)
        .map(|x| {
            let cost = |i: usize| {
                let mut y = theta[i * n..][..n].to_vec();
                erased.wrap(&mut y);
                0.5 * erased.distance(x, &y).powi(2) + theta[components * n + i]
            };
            (0..components).map(cost).fold(f64::INFINITY, f64::min)
        })
        .collect();
    for (s, (phi, exact)) in of(0.0).iter().zip(&exact).enumerate() {
        assert!((phi - exact).abs() < 1e-14, "sample {s}: {phi} is not {exact}");
    }
    // −γ log Σ exp(−c/γ) lies below the minimum by at most γ log N.
    for smoothing in [0.1, 0.01, 1e-3, 1e-6] {
        for (s, (phi, exact)) in of(smoothing).iter().zip(&exact).enumerate() {
            let below = exact - phi;
            let most = smoothing * (components as f64).ln();
            assert!((-1e-14..=most).contains(&below), "γ = {smoothing}, sample {s}: {below}");
        }
    }
    // Its images are the points themselves, and there is no density.
    let pushed = hard.forward(&theta, &x);
    let nearly = flow(manifold, &discrete(components, 1e-6, false), 1).forward(&theta, &x);
    let mut apart = 0;
    for s in 0..count {
        assert!(!pushed.ok[s] && pushed.log_q[s].is_nan(), "sample {s} has a density");
        let image = &pushed.y[s * n..][..n];
        let to_sites = (0..components).map(|i| {
            let mut y = theta[i * n..][..n].to_vec();
            erased.wrap(&mut y);
            erased.distance(image, &y)
        });
        assert!(to_sites.fold(f64::INFINITY, f64::min) < 1e-7, "sample {s} is mapped to {image:?}");
        apart += usize::from(erased.distance(image, &nearly.y[s * n..][..n]) > 1e-6);
    }
    assert!(apart <= 2, "{apart} images are not those of the limit");
}

#[test]
fn hard_minimum_with_a_constant_is_the_identity_where_the_constant_is_least() {
    let flow = flow("R2", &discrete(4, 0.0, true), 1);
    let mut theta = flow.initial(0);
    theta[8..].fill(-0.5); // Less than the constant within a distance of one.
    let far = [7.0, 8.0];
    let pushed = flow.forward(&theta, &far);
    assert_eq!((pushed.y, pushed.ok), (far.to_vec(), vec![true]));
    let near = flow.forward(&theta, &theta[..2]);
    assert_eq!((near.y, near.ok), (theta[..2].to_vec(), vec![false]));
}

/// `∫ |det DT| dx` by the midpoint rule.
fn volume(manifold: &str, components: usize, smoothing: f64, layers: usize, side: usize) -> f64 {
    let flow = flow(manifold, &discrete(components, smoothing, false), layers);
    let theta = parameters(&flow, 12);
    let (mut x, mut weights) = (vec![], vec![]);
    for i in 0..side {
        for j in 0..side {
            let (a, b) = ((i as f64 + 0.5) / side as f64, (j as f64 + 0.5) / side as f64);
            if manifold == "T2" {
                x.extend([TAU * a, TAU * b]);
                weights.push((TAU / side as f64).powi(2));
            } else {
                let (polar, azimuth) = (PI * a, TAU * b);
                x.extend([polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin(), polar.cos()]);
                weights.push(TAU * PI / (side * side) as f64 * polar.sin());
            }
        }
    }
    let pushed = flow.forward(&theta, &x);
    assert!(pushed.ok.iter().all(|&ok| ok), "{manifold}");
    let log_volume = flow.manifold().log_volume().unwrap();
    // |det DT| = base / q.
    pushed.log_q.iter().zip(&weights).map(|(log_q, w)| w * (-log_volume - log_q).exp()).sum()
}

#[test]
fn images_cover_the_manifold_once() {
    for (manifold, exact) in [("T2", TAU * TAU), ("S2", 4.0 * PI)] {
        for layers in [1, 2] {
            let found = volume(manifold, 40, 0.3, layers, 400);
            assert!((found / exact - 1.0).abs() < 1e-3, "{manifold}, {layers} layers: {found} of {exact}");
        }
    }
    // Few components: the kinks at the cut loci leave gaps, which are not covered.
    let gaps = 1.0 - volume("T2", 4, 1.0, 1, 400) / (TAU * TAU);
    assert!(gaps > 0.05, "{gaps}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// `A` is positive definite for any parameters, because tori, spheres and their products have nonnegative
    /// cross-curvature.
    #[test]
    fn smoothed_maps_do_not_fold(
        manifold in 0..5usize,
        components in 4..30usize,
        smoothing in 0.2..1.5f64,
        constant: bool,
        spread in 0.0..4.0f64,
        seed: u64,
    ) {
        let manifold = ["T2", "S2", "S2xT1", "S3", "R2"][manifold];
        let flow = flow(manifold, &discrete(components, smoothing, constant), 1);
        let mut theta = parameters(&flow, seed);
        // Offsets of any size, not only those of a start near the identity.
        let count = theta.len();
        for (k, alpha) in theta[count - components..].iter_mut().enumerate() {
            *alpha += spread * (seed as f64 + 7.0 * k as f64).sin();
        }
        let x = points(flow.manifold(), 50, seed ^ 1);
        let pushed = flow.forward(&theta, &x);
        for s in (0..50).filter(|&s| !pushed.ok[s]) {
            // Where one component has all the weight, A is zero to rounding, and a neighbourhood is mapped to one point.
            prop_assert!(squeezed(&flow, &theta, &x, s), "{manifold}, sample {s}");
        }
    }
}

/// Whether the map nearly ends at a point there: neighbours at a distance of 1e-3 have images within 1e-12 of each
/// other.
fn squeezed(flow: &ircpm_flow::Flow, theta: &[f64], x: &[f64], s: usize) -> bool {
    let (m, n) = (flow.manifold(), flow.manifold().ambient());
    let x = &x[s * n..][..n];
    let image = |x: &[f64]| flow.forward(theta, x).y;
    let (mut frame, mut least) = (vec![0.0; n * m.dim()], f64::INFINITY);
    m.frame(x, &mut frame);
    for row in frame.chunks_exact(n) {
        let velocity: Vec<f64> = row.iter().map(|e| 1e-3 * e).collect();
        let mut moved = x.to_vec();
        m.exp(x, &velocity, &mut moved);
        least = least.min(m.distance(&image(x), &image(&moved)));
    }
    least < 1e-12
}

#[test]
fn what_cannot_be_built_is_refused() {
    assert_eq!(map("S2", &discrete(0, 0.1, false)).unwrap_err(), DiscreteError::NoComponents);
    for smoothing in [-0.1, f64::NAN, f64::INFINITY] {
        let error = map("S2", &discrete(3, smoothing, false)).unwrap_err();
        assert!(matches!(error, DiscreteError::Smoothing { .. }), "{error}");
    }
    let m: Product = "S2".parse().unwrap();
    let error = DiscreteMap::<_, 3>::new(m, &discrete(3, 0.1, false)).unwrap_err();
    assert!(matches!(error, DiscreteError::Map(MapError::Dimension { dim: 2, compiled: 3, .. })), "{error}");
}

#[test]
fn failed_samples_do_not_move_the_gradient() {
    let flow = flow("S2", &discrete(9, 0.3, false), 2);
    let theta = parameters(&flow, 2);
    let mut x = points(flow.manifold(), 5, 3);
    let all = flow.vjp(ircpm_flow::Direction::Forward, &theta, &x[..12], &x[..12], &[1.0; 4]);
    x[12] = f64::NAN;
    let pushed = flow.forward(&theta, &x);
    assert_eq!(pushed.ok, [true, true, true, true, false]);
    let found = flow.vjp(ircpm_flow::Direction::Forward, &theta, &x, &x, &[1.0; 5]);
    for (a, b) in found.theta.iter().zip(&all.theta) {
        assert!((a - b).abs() < 1e-13 * (1.0 + b.abs()), "{a} is not {b}");
    }
}
