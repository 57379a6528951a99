//! Linear potentials: fast forms against the definition, the density as a concave function of the parameters.

use std::sync::Arc;

use ircpm_flow::check::{flow_violations, potential_violations};
use ircpm_flow::{Conditioning, Flow, Linear, LinearMap, Map, Solver, Terms, linear_map};
use ircpm_manifolds::{AnyManifold, Coordinates, Product};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::networks::{points, spec};

const MANIFOLDS: [&str; 11] =
    ["T1", "T2", "T3", "S2", "S3", "S4", "S2xT1", "R2", "R1xT1", "T1xC1", "S2xR1xC2"];

/// The manifold of this name, with random rows where it has conditioning variables.
fn manifold_of(name: &str) -> AnyManifold {
    let product: Product = name.parse().unwrap();
    let contexts = AnyManifold::from(product.clone()).contexts();
    let mut rng = Pcg64::seed_from_u64(9);
    let rows: Vec<f64> = (0..50 * contexts).map(|_| rng.random_range(-3.0..3.0)).collect();
    product.given(contexts, &rows).into()
}

/// Functions of every family that the manifold has.
fn terms(manifold: &AnyManifold, seed: u64) -> Terms {
    let variables = [
        Conditioning { shift: 0.3, scale: 2.0, range: [-1.0, 1.2] },
        Conditioning { shift: -1.0, scale: 0.5, range: [-3.0, 3.0] },
    ];
    let mut terms = Terms::new(manifold).conditioned(&variables[..manifold.contexts()], (seed % 3) as usize);
    let kinds = manifold.coordinates();
    let angles: usize = kinds.iter().map(|kind| if let Coordinates::Angles(n) = kind { *n } else { 0 }).sum();
    if angles > 0 {
        let row = |k: i32, l: i32| {
            let mut row = vec![0; angles];
            row[0] = k;
            row[angles - 1] += l;
            row
        };
        terms = terms.waves(&[row(1, 0), row(0, 3), row(2, -1), row(1, 2)]);
    }
    let mut start = 0;
    for kind in &kinds {
        if let Coordinates::UnitVector(n) = kind {
            let mut centre = vec![0.6; *n];
            (1..*n).for_each(|i| centre[i] = 0.8 / ((*n - 1) as f64).sqrt());
            terms = terms.zonal(start..start + n, &centre, 1..4);
        }
        start += kind.len();
    }
    for centre in points(manifold, 3, seed).chunks_exact(manifold.ambient()) {
        terms = terms.bump(centre, 3.0);
    }
    terms.polynomials()
}

/// A layer, and the largest multiple of random parameters at which no point of a fine set folds, times `share`.
fn layer(name: &str, share: f64, seed: u64) -> (Arc<dyn LinearMap>, Flow, Vec<f64>) {
    let manifold = manifold_of(name);
    let map = linear_map(&manifold, terms(&manifold, seed), Solver::default()).unwrap();
    let flow = Flow::from_maps(vec![map.clone() as Arc<dyn Map>], false).unwrap();
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut a: Vec<f64> = (0..flow.parameters()).map(|_| rng.random_range(-1.0..1.0)).collect();
    let y = points(&manifold, 500, seed + 1);
    let feasible = |a: &[f64]| {
        let (pulled, lowest) = flow.inverse_with_eigenvalues(a, &y);
        pulled.ok.iter().all(|ok| *ok) && lowest.iter().all(|l| *l > 0.0)
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if feasible(&a.iter().map(|a| a * middle).collect::<Vec<_>>()) { low = middle } else { high = middle }
    }
    a.iter_mut().for_each(|a| *a *= low * share);
    (map, flow, a)
}

/// `Z a` of every point, `[sample][local coordinate]`.
fn local_coordinates(map: &dyn LinearMap, y: &[f64], a: &[f64]) -> Vec<Vec<f64>> {
    let (n, e) = (map.manifold().ambient(), map.local_coordinates());
    let samples = y.len() / n;
    let mut features = vec![0.0; samples * e * a.len()];
    map.features(y, &mut features);
    let entry =
        |s: usize, e: usize| (0..a.len()).map(|k| features[(e * a.len() + k) * samples + s] * a[k]).sum();
    (0..samples).map(|s| (0..e).map(|i| entry(s, i)).collect()).collect()
}

#[test]
fn fast_forms_of_linear_potentials_equal_their_definition() {
    for (seed, name) in (500..).zip(MANIFOLDS) {
        let manifold = manifold_of(name);
        let potential = Linear(terms(&manifold, seed));
        let (_, _, a) = layer(name, 0.5, seed);
        let y = points(&manifold, 5, seed + 2);
        let found = potential_violations(&potential, &a, &y);
        assert!(found.is_empty(), "{name}, seed {seed}: {found:?}");
    }
}

#[test]
fn flows_of_linear_layers_obey_the_laws_of_flows() {
    for (seed, name) in (520..).zip(["T2", "S2", "R1xT1", "S2xR1xC2"]) {
        let (_, flow, a) = layer(name, 0.7, seed);
        let found = flow_violations(&flow, &a, &points(flow.manifold(), 20, seed + 3));
        assert!(found.is_empty(), "{name}, seed {seed}: {found:?}");
    }
}

#[test]
fn density_in_local_coordinates_is_that_of_the_flow_with_its_derivatives() {
    for (seed, name) in (540..).zip(MANIFOLDS) {
        let (map, flow, a) = layer(name, 0.9, seed);
        let n = flow.manifold().ambient();
        let y = points(flow.manifold(), 33, seed + 2);
        let log_q = flow.log_prob(&a, &y);
        let (_, lowest) = flow.inverse_with_eigenvalues(&a, &y);
        let e = map.local_coordinates();
        for (s, z) in local_coordinates(&*map, &y, &a).iter().enumerate() {
            let point = &y[s * n..(s + 1) * n];
            let (mut gradient, mut curvature) = (vec![0.0; e], vec![0.0; e * e]);
            let value = map.expand_log_density(point, z, &mut gradient, &mut curvature);
            if log_q[s].is_nan() {
                assert_eq!(
                    (value, map.log_density(point, z)),
                    (f64::NEG_INFINITY, f64::NEG_INFINITY),
                    "{name}"
                );
                continue;
            }
            assert!(
                (value - log_q[s]).abs() < 1e-11,
                "{name}, seed {seed}, {s}: {value} is not {}",
                log_q[s]
            );
            assert!((map.log_density(point, z) - value).abs() < 1e-12, "{name}");
            assert!((map.smallest_eigenvalue(z) - lowest[s]).abs() < 1e-11, "{name}");
            // Central differences, at points where nearly singular matrices do not spoil them.
            if lowest[s] < 0.1 {
                continue;
            }
            let h = 1e-5;
            for i in 0..e {
                let at = |t: f64| {
                    let mut moved = z.clone();
                    moved[i] += t;
                    let (mut g, mut c) = (vec![0.0; e], vec![0.0; e * e]);
                    (map.expand_log_density(point, &moved, &mut g, &mut c), g)
                };
                let ((up, up_gradient), (down, down_gradient)) = (at(h), at(-h));
                let slope = (up - down) / (2.0 * h);
                assert!(
                    (slope - gradient[i]).abs() < 1e-5 * (1.0 + slope.abs()),
                    "{name}, {i}: {slope}, {gradient:?}"
                );
                for j in 0..e {
                    let bent = (down_gradient[j] - up_gradient[j]) / (2.0 * h);
                    let expected = curvature[i * e + j];
                    assert!(
                        (bent - expected).abs() < 1e-4 * (1.0 + bent.abs()),
                        "{name}, {i} {j}: {bent}, {expected}"
                    );
                }
            }
        }
    }
}

/// Largest violation of concavity of `log q` and of `λ_min ≥` the lesser end on the chord between two parameters, over
/// points; none if an end folds at one of the points.
fn chord(flow: &Flow, ends: [&[f64]; 2], t: f64, y: &[f64]) -> Option<[f64; 2]> {
    let between: Vec<f64> = ends[0].iter().zip(ends[1]).map(|(a, b)| (1.0 - t) * a + t * b).collect();
    let [first, last, middle] = [ends[0], ends[1], &between].map(|a| flow.inverse_with_eigenvalues(a, y));
    let is_sound = |(pulled, _): &(ircpm_flow::Pulled, Vec<f64>)| pulled.ok.iter().all(|ok| *ok);
    if !(is_sound(&first) && is_sound(&last)) {
        return None;
    }
    let mut worst = [0.0_f64; 2];
    for s in 0..first.1.len() {
        let line = (1.0 - t) * first.0.log_q[s] + t * last.0.log_q[s];
        // NaN where the middle folds: the largest violation of all.
        let gap = line - middle.0.log_q[s];
        worst[0] = if gap.is_nan() { f64::INFINITY } else { worst[0].max(gap) };
        let lesser = first.1[s].min(last.1[s]);
        worst[1] = worst[1].max(lesser - middle.1[s]);
    }
    Some(worst)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn log_density_of_linear_layers_is_concave_and_maps_without_folds_are_a_convex_set(
        seed in 0_u64..1_000_000,
        index in 0..MANIFOLDS.len(),
        t in 0.05..0.95_f64,
    ) {
        let name = MANIFOLDS[index];
        let (_, flow, a) = layer(name, 0.98, seed);
        let mut rng = Pcg64::seed_from_u64(seed + 7);
        let y = points(flow.manifold(), 64, seed + 1);
        // Another direction, scaled to the boundary as well.
        let mut b: Vec<f64> = a.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        for _ in 0..200 {
            let (pulled, _) = flow.inverse_with_eigenvalues(&b, &y);
            if pulled.ok.iter().all(|ok| *ok) {
                break;
            }
            b.iter_mut().for_each(|b| *b *= 0.9);
        }
        let worst = chord(&flow, [&a, &b], t, &y).expect("both ends have densities at these points");
        // Rounding of logarithms of determinants near the boundary.
        prop_assert!(worst[0] < 1e-9 && worst[1] < 1e-10, "{} {:?}", name, worst);
    }
}

#[test]
fn log_density_of_networks_is_not_concave_in_their_parameters() {
    let flow = Flow::new(spec("T2", 1, false, &[6, 6])).unwrap();
    let y = points(flow.manifold(), 64, 1);
    let violated = (0..40).any(|seed| {
        let scaled = |seed| flow.initial(seed).iter().map(|w| 1.2 * w).collect::<Vec<f64>>();
        chord(&flow, [&scaled(seed), &scaled(seed + 100)], 0.5, &y).is_some_and(|worst| worst[0] > 1e-3)
    });
    assert!(violated, "no chord between networks shows that the law can fail");
}

#[test]
fn contraction_lifts_the_smallest_eigenvalue_as_promised() {
    // H is concave along the ray from the identity: λ_min(H(t a)) ≥ 1 − t (1 − λ_min(H(a))), for folded maps too.
    for (seed, name) in (560..).zip(MANIFOLDS) {
        let (_, flow, a) = layer(name, 1.3, seed);
        let y = points(flow.manifold(), 200, seed + 5);
        let (pulled, lowest) = flow.inverse_with_eigenvalues(&a, &y);
        for t in [0.3, 0.8, 0.99] {
            let scaled: Vec<f64> = a.iter().map(|a| t * a).collect();
            let (_, after) = flow.inverse_with_eigenvalues(&scaled, &y);
            for s in (0..lowest.len()).filter(|&s| pulled.ok[s] || lowest[s] < 0.0) {
                let bound = 1.0 - t * (1.0 - lowest[s]);
                assert!(after[s] >= bound - 1e-10, "{name}, {t}: {} is below {bound}", after[s]);
            }
        }
    }
}

#[test]
fn conditional_layer_is_the_layer_of_psi_at_each_value_of_the_variable() {
    let variable = Conditioning { shift: 0.5, scale: 2.0, range: [-1.5, 1.25] };
    // Inside the range, and beyond it, where the variable is that at its end.
    for (c, w) in [(2.7_f64, 1.1_f64), (3.1, 1.25), (-7.0, -1.5)] {
        assert_layer_is_that_at(variable, c, w / (1.0 + w * w / 9.0).sqrt());
    }
}

fn assert_layer_is_that_at(variable: Conditioning, c: f64, s: f64) {
    let waves = [vec![1], vec![2]];
    let conditional = manifold_of("T1xC1");
    let terms = Terms::new(&conditional).conditioned(&[variable], 2).waves(&waves);
    let flow = |manifold: &AnyManifold, terms: Terms| {
        let map = linear_map(manifold, terms, Solver::default()).unwrap();
        Flow::from_maps(vec![map as Arc<dyn Map>], false).unwrap()
    };
    let of_both = flow(&conditional, terms);
    let circle = manifold_of("T1");
    let of_angle = flow(&circle, Terms::new(&circle).waves(&waves));
    let a: Vec<f64> = (0..12).map(|k| 0.02 * f64::from(k * k % 7) - 0.05).collect();
    let at_c: Vec<f64> = (0..4).map(|k| a[k] + s * a[4 + k] + s * s * a[8 + k]).collect();
    let angles: Vec<f64> = (0..20).map(|i| 0.3 * f64::from(i)).collect();
    let both: Vec<f64> = angles.iter().flat_map(|&angle| [angle, c]).collect();
    let (pushed, alone) = (of_both.forward(&a, &both), of_angle.forward(&at_c, &angles));
    let (pulled, log_q) = (of_both.inverse(&a, &both), of_angle.log_prob(&at_c, &angles));
    for i in 0..angles.len() {
        assert!(pushed.ok[i] && alone.ok[i]);
        assert_eq!((pushed.y[2 * i + 1], pulled.x[2 * i + 1]), (c, c), "variables are carried along");
        assert!((pushed.y[2 * i] - alone.y[i]).abs() < 1e-13);
        assert!((pushed.log_q[i] - alone.log_q[i]).abs() < 1e-13);
        assert!((pulled.log_q[i] - log_q[i]).abs() < 1e-13);
    }
}
