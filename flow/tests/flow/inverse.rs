//! The closed-form inverse, the mass of the density, and what happens to maps that fold.

use std::f64::consts::{PI, TAU};

use ircpm_flow::{Direction, Features, Flow, Record, SampleError, Workspace};

use crate::networks::{parameters, points, regular, smallest_eigenvalue, spec};

const MANIFOLDS: [&str; 9] = ["T1", "T2", "T3", "S1", "S2", "S3", "S4", "R2", "S2xT1"];

#[test]
fn inverse_undoes_the_map_with_minus_its_log_det() {
    for (seed, name) in (40..).zip(MANIFOLDS) {
        for layers in [1, 3] {
            let flow = Flow::new(spec(name, layers, false, &[16, 16])).unwrap();
            let (theta, rejected) = regular(&flow, seed);
            let x = points(flow.manifold(), 500, seed);
            let pushed = flow.try_forward(&theta, &x).unwrap();
            let pulled = flow.inverse(&theta, &pushed.y);
            let context = format!("{name}, {layers} layers, seed {seed}, {rejected} rejected");
            for (a, b) in pulled.x.iter().zip(&x) {
                let error = (a - b).abs();
                // Angles may come back on the other side of 2π.
                assert!(error.min((error - TAU).abs()) < 1e-12 * layers as f64, "{context}: {a} is not {b}");
            }
            for (a, b) in pulled.log_q.iter().zip(&pushed.log_q) {
                assert!((a - b).abs() < 1e-11, "{context}: log q is {a} one way and {b} the other");
            }
        }
    }
}

/// `∫ q` by the uniform grid on T², which is spectrally accurate.
fn torus_mass(flow: &Flow, theta: &[f64]) -> f64 {
    let n = 160;
    let grid: Vec<f64> = (0..n * n).flat_map(|k| [k / n, k % n].map(|i| TAU * i as f64 / n as f64)).collect();
    let pulled = flow.inverse(theta, &grid);
    pulled.log_q.iter().map(|l| l.exp()).sum::<f64>() * (TAU / n as f64).powi(2)
}

/// `∫ q` on S²: the trapezoidal rule in azimuth, Gauss–Legendre in height.
fn sphere_mass(flow: &Flow, theta: &[f64]) -> f64 {
    let (heights, n) = (gauss_legendre(100), 200);
    let mut grid = Vec::new();
    let mut weights = Vec::new();
    for &(z, w) in &heights {
        for k in 0..n {
            let azimuth = TAU * k as f64 / n as f64;
            let r = (1.0 - z * z).sqrt();
            grid.extend([r * azimuth.cos(), r * azimuth.sin(), z]);
            weights.push(w * TAU / n as f64);
        }
    }
    let pulled = flow.inverse(theta, &grid);
    pulled.log_q.iter().zip(weights).map(|(l, w)| l.exp() * w).sum()
}

/// Nodes and weights on [−1, 1], by Newton's method on the Legendre polynomial.
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    (1..=n)
        .map(|i| {
            let mut x = (PI * (i as f64 - 0.25) / (n as f64 + 0.5)).cos();
            let mut slope = 0.0;
            for _ in 0..20 {
                let (mut p, mut before) = (1.0, 0.0);
                for k in 0..n {
                    (p, before) = (((2 * k + 1) as f64 * x * p - k as f64 * before) / (k + 1) as f64, p);
                }
                slope = n as f64 * (x * p - before) / (x * x - 1.0);
                x -= p / slope;
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

#[test]
fn density_of_a_regular_map_integrates_to_one() {
    for seed in 60..64 {
        for layers in [1, 2] {
            let torus = Flow::new(spec("T2", layers, false, &[8, 8])).unwrap();
            let (theta, _) = regular(&torus, seed);
            let mass = torus_mass(&torus, &theta);
            assert!((mass - 1.0).abs() < 1e-8, "T2, {layers} layers, seed {seed}: mass {mass}");
            let sphere = Flow::new(spec("S2", layers, false, &[8, 8])).unwrap();
            let (theta, _) = regular(&sphere, seed);
            let mass = sphere_mass(&sphere, &theta);
            assert!((mass - 1.0).abs() < 1e-8, "S2, {layers} layers, seed {seed}: mass {mass}");
        }
    }
}

#[test]
fn folded_maps_are_flagged_though_round_trips_look_fine() {
    let mut folded = 0;
    for (seed, name) in (80..).zip(["T2", "S2"].into_iter().cycle().take(40)) {
        let flow = Flow::new(spec(name, 1, true, &[32, 32])).unwrap();
        let theta = parameters(&flow, 4.0, seed);
        let mass = if name == "T2" { torus_mass(&flow, &theta) } else { sphere_mass(&flow, &theta) };
        // Quadrature of a folded density, which has poles, is good for a few per cent.
        if (mass - 1.0).abs() > 0.05 || !mass.is_finite() {
            folded += 1;
            let smallest = smallest_eigenvalue(&flow, &theta);
            assert!(smallest <= 0.0, "{name}, seed {seed}: mass {mass}, yet H ≥ {smallest} everywhere");
            let pulled = flow.inverse(&theta, &points(flow.manifold(), 4000, 99));
            assert!(pulled.ok.contains(&false), "{name}, seed {seed}: no point of a folded map is flagged");
        }
    }
    assert!(folded >= 4, "the generator made {folded} folded maps of 40: too few to show anything");
}

/// `∫ base(S) det DS` and `∫ base(S) |det DS|` over T² on `n × n` nodes, and whether a determinant is negative.
fn signed_torus_masses(flow: &Flow, theta: &[f64], n: usize) -> (f64, f64, bool) {
    let step = TAU / n as f64;
    let nodes: Vec<f64> = (0..n * n).flat_map(|i| [step * (i / n) as f64, step * (i % n) as f64]).collect();
    let found = flow.signed_densities(theta, &nodes);
    let terms = found.log_q.iter().zip(&found.sign).map(|(l, sign)| (sign * l.exp(), l.exp()));
    let (signed, whole) = terms.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    (step * step * signed, step * step * whole, found.sign.contains(&-1.0))
}

#[test]
fn signed_densities_of_folded_maps_integrate_to_their_degree() {
    let mut folded = 0;
    for seed in 80..100 {
        for layers in [1, 2] {
            let flow = Flow::new(spec("T2", layers, false, &[16, 16])).unwrap();
            let theta = parameters(&flow, 3.0, seed);
            let (signed, whole, negative) = signed_torus_masses(&flow, &theta, 400);
            // The signed integrand is smooth and periodic; two layers that fold have narrow structures.
            let tolerance = if layers == 1 { 1e-9 } else { 1e-5 };
            assert!((signed - 1.0).abs() < tolerance, "seed {seed}, {layers} layers: {signed}");
            assert!(whole > signed - 1e-12, "seed {seed}: {whole} {signed}");
            folded += usize::from(negative && whole > 1.01);
        }
    }
    assert!(folded >= 8, "the generator made {folded} folded maps of 40: too few to show anything");
}

#[test]
fn signed_densities_are_log_q_where_the_map_does_not_fold_and_nan_outside() {
    for (seed, name) in (40..).zip(["T2", "S2", "R2", "S2xT1"]) {
        let flow = Flow::new(spec(name, 2, false, &[8, 8])).unwrap();
        let (theta, mut y) = (parameters(&flow, 1.5, seed), points(flow.manifold(), 300, seed));
        y[0] = f64::NAN;
        let (found, pulled) = (flow.signed_densities(&theta, &y), flow.inverse(&theta, &y));
        let lowest = flow.inverse_with_eigenvalues(&theta, &y).1;
        assert_eq!((&found.ok, found.sign[0]), (&pulled.ok, 0.0), "{name}");
        assert!(found.log_q[0].is_nan() && pulled.ok.iter().filter(|ok| **ok).count() > 20, "{name}");
        for s in 1..300 {
            assert!(found.min_eigenvalue[s] == lowest[s] || lowest[s].is_nan(), "{name}, sample {s}");
            if pulled.ok[s] {
                assert_eq!((found.log_q[s], found.sign[s]), (pulled.log_q[s], 1.0), "{name}, sample {s}");
            }
        }
    }
}

#[test]
fn failed_solve_is_an_error_that_names_the_sample() {
    let mut spec = spec("T2", 1, true, &[8, 8]);
    spec.solver.max_steps = 1;
    let flow = Flow::new(spec).unwrap();
    let theta = parameters(&flow, 2.0, 5);
    let x = points(flow.manifold(), 40, 5);
    let error = flow.try_forward(&theta, &x).unwrap_err();
    assert!(matches!(error, SampleError::MaxSteps { sample: 0, steps: 1, .. }), "{error:?}");
    assert_eq!(flow.forward(&theta, &x).stats.unconverged, 40);
}

#[test]
fn parameters_that_are_not_numbers_fail_every_solve() {
    let flow = Flow::new(spec("S2", 1, true, &[4])).unwrap();
    let mut theta = flow.initial(0);
    theta[3] = f64::NAN;
    let pushed = flow.forward(&theta, &points(flow.manifold(), 10, 1));
    assert!(pushed.ok.iter().all(|ok| !ok));
    let pulled = flow.inverse(&theta, &points(flow.manifold(), 10, 1));
    assert!(pulled.ok.iter().all(|ok| !ok));
}

#[test]
fn rescaled_potentials_carry_eigenvalues_towards_one() {
    for (layers, shared) in [(1, true), (2, true), (2, false)] {
        let flow = Flow::new(spec("T2", layers, shared, &[8, 8])).unwrap();
        let (theta, y) = (parameters(&flow, 4.0, 8), points(flow.manifold(), 20, 8));
        let mut smaller = theta.clone();
        assert!(flow.rescale(&mut smaller, 0.75));
        for layer in 0..layers {
            let whole = flow.potential(&theta, layer, &y);
            for (a, b) in whole.iter().zip(flow.potential(&smaller, layer, &y)) {
                assert!((0.75 * a - b).abs() < 1e-14, "{a} {b}");
            }
        }
        if layers == 1 {
            let lowest = |theta: &[f64]| flow.inverse_with_eigenvalues(theta, &y).1;
            for (a, b) in lowest(&theta).iter().zip(lowest(&smaller)) {
                assert!((0.75 * a + 0.25 - b).abs() < 1e-13, "{a} {b}");
            }
        }
    }
}

#[test]
fn nan_that_psi_does_not_read_is_not_ok() {
    let unread = [
        ("R2", Features::Subset { coordinates: vec![0] }),
        ("T2", Features::Combinations { directions: vec![vec![1, 0]], order: 1 }),
    ];
    for (name, features) in unread {
        let mut spec = spec(name, 1, true, &[4]);
        spec.features = features;
        let flow = Flow::new(spec).unwrap();
        for bad in [f64::NAN, f64::INFINITY] {
            let pulled = flow.inverse(&flow.initial(0), &[0.3, bad, 0.3, 0.4]);
            assert_eq!(pulled.ok, [false, true], "{name}, coordinate {bad}");
        }
    }
}

/// Eigenvalues of a general Schur form, where the flow has those of a symmetric matrix: above the floor, around it and
/// below zero.
#[test]
fn eigenvalues_and_continued_logarithms_match_a_schur_form() {
    let floor = 0.4;
    let mut below = 0;
    for (seed, name) in (90..).zip(["T3", "S3", "S2xT1", "T5", "T8"]) {
        let flow = Flow::new(spec(name, 1, true, &[8, 8])).unwrap();
        let (theta, m) = (parameters(&flow, 4.0, seed), flow.manifold());
        let (n, d) = (m.ambient(), m.dim());
        let y = points(m, 200, seed);
        let mut record = Record::default();
        Workspace::with(|work| flow.map(0).run(Direction::Inverse, &theta, &y, &mut record, work));
        let (_, smallest) = flow.inverse_with_eigenvalues(&theta, &y);
        let scores = flow.scores(&theta, &y, floor);
        let mut coframe = vec![0.0; d * n];
        for s in 0..200 {
            let h = flow.map(0).hessian(&record, s).expect("a concave map has one");
            let values = h.complex_eigenvalues().map(|l| l.re);
            let (least, size) = (values.min(), values.amax());
            let error = (smallest[s] - least).abs();
            assert!(error < 1e-13 * size, "{name}, sample {s}: {} is not {least}", smallest[s]);
            if !scores.inside[s] {
                continue;
            }
            let log = |l: f64| if l < floor { floor.ln() + (l - floor) / floor } else { l.ln() };
            let log_det: f64 = values.iter().map(|&l| log(l)).sum();
            // grad psi at y is the velocity of the geodesic to x.
            let (x, y) = (&record.x[s * n..][..n], &y[s * n..][..n]);
            let velocity = m.try_log(y, x).expect("the sample is inside");
            m.coframe(y, &mut coframe);
            let pair = |covector: &[f64]| covector.iter().zip(&velocity).map(|(a, b)| a * b).sum();
            let g: Vec<f64> = coframe.chunks_exact(n).map(pair).collect();
            let expected = m.log_base(x) - m.mixed_log_det(&g) + log_det;
            let error = (scores.log_q[s] - expected).abs();
            assert!(
                error < 1e-12 * size / floor,
                "{name}, sample {s}: {} is not {expected}",
                scores.log_q[s]
            );
            assert!((scores.lowest[s] - least.min(floor)).abs() < 1e-13 * size, "{name}, sample {s}");
            below += usize::from(least < floor);
        }
    }
    assert!(below > 100, "{below} samples below the floor");
}

#[test]
fn smallest_eigenvalue_is_nan_when_that_of_one_layer_is() {
    let flow = Flow::new(spec("T2", 2, false, &[4])).unwrap();
    for layer in 0..2 {
        let mut theta = flow.initial(0);
        theta[layer * flow.parameters() / 2] = f64::NAN;
        let (pulled, eigenvalues) = flow.inverse_with_eigenvalues(&theta, &[0.3, 0.4]);
        assert!(eigenvalues[0].is_nan() && !pulled.ok[0], "layer {layer}: {pulled:?}");
    }
}

#[test]
#[should_panic(expected = "points of T2 have 2 coordinates")]
fn points_of_a_wrong_length_are_refused() {
    let flow = Flow::new(spec("T2", 1, true, &[4])).unwrap();
    flow.forward(&flow.initial(0), &[0.1, 0.2, 0.3]);
}
