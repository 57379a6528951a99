//! Lemma 1 for costs to orbits: `T(g x) = g T(x)` and `q(g y) = q(y)` to rounding, which plain costs do not give.

use std::f64::consts::{PI, TAU};

use ircpm_flow::{Affine, Discrete, DiscreteError, DiscreteMap, Flow, OrbitGroup, Workspace};
use ircpm_manifolds::Product;
use proptest::prelude::*;

use crate::setup::{discrete, flow, map, parameters, points};

/// Two layers of some dozen terms.
const ROUNDING: f64 = 1e-11;
/// A defect above this is no rounding error.
const VISIBLE: f64 = 1e-3;

/// `g z` of every point.
fn image(g: &Affine, z: &[f64]) -> Vec<f64> {
    let mut out = z.to_vec();
    let n = g.coordinates();
    z.chunks(n).zip(out.chunks_mut(n)).for_each(|(z, out)| g.apply(z, out));
    out
}

/// Largest distance of `T(g x)` and `g T(x)`, and largest difference of `log q` there.
fn defects(flow: &Flow, theta: &[f64], g: &Affine, seed: u64) -> (f64, f64) {
    let (m, n) = (flow.manifold(), flow.manifold().ambient());
    let x = points(m, 40, seed);
    let first = flow.try_forward(theta, &image(g, &x)).expect("the map is regular");
    let pushed = flow.try_forward(theta, &x).expect("the map is regular");
    let last = image(g, &pushed.y);
    let distances = first.y.chunks(n).zip(last.chunks(n)).map(|(a, b)| m.distance(a, b));
    let densities = first.log_q.iter().zip(&pushed.log_q).map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
    (distances.fold(0.0, f64::max), densities.fold(0.0, f64::max))
}

fn flips(sign: &[f64]) -> Affine {
    Affine::signed_permutation(&(0..sign.len()).collect::<Vec<_>>(), sign)
}

fn permutation(from: &[usize]) -> Affine {
    Affine::signed_permutation(from, &vec![1.0; from.len()])
}

/// The finite group that `generators` generate.
fn generated(generators: &[Affine]) -> Vec<Affine> {
    let near = |a: &Affine, b: &Affine| {
        let turns = |x: f64| (x - (x / TAU).round() * TAU).abs();
        (&a.matrix - &b.matrix).amax() < 1e-9 && (&a.shift - &b.shift).iter().all(|&x| turns(x) < 1e-9)
    };
    let mut group = vec![Affine::identity(generators[0].coordinates())];
    let mut next = 0;
    while next < group.len() {
        for g in generators {
            let element = g.after(&group[next]);
            if !group.iter().any(|known| near(known, &element)) {
                group.push(element);
            }
        }
        next += 1;
    }
    group
}

/// A name, a manifold, generators of a finite group, and directions of translations.
type Case = (&'static str, Vec<Affine>, Vec<Vec<i32>>);

fn cases() -> Vec<Case> {
    vec![
        ("T2", vec![permutation(&[1, 0])], vec![]),
        ("T2", vec![flips(&[-1.0, -1.0]), Affine::translation(&[PI, 0.0])], vec![]),
        ("S2", vec![flips(&[-1.0, 1.0, 1.0]), permutation(&[1, 2, 0])], vec![]),
        ("S2", vec![Affine::rotation(3, (0, 1), TAU / 5.0)], vec![]),
        ("R2", vec![Affine::rotation(2, (0, 1), TAU / 3.0), flips(&[1.0, -1.0])], vec![]),
        ("T2", vec![], vec![vec![1, -1]]),
        ("T2", vec![], vec![vec![2, 3]]),
        ("T3", vec![], vec![vec![1, 1, 1]]),
        ("T3", vec![], vec![vec![0, 1, -2]]),
        ("T3", vec![permutation(&[1, 2, 0])], vec![vec![1, 1, 1]]),
        ("S2xT1", vec![flips(&[1.0, 1.0, -1.0, -1.0])], vec![vec![0, 0, 0, 1]]),
    ]
}

fn spec((manifold, generators, translations): &Case) -> Discrete {
    let group = if generators.is_empty() { vec![] } else { generated(generators) };
    let symmetry = OrbitGroup { group, translations: translations.clone() };
    Discrete { symmetry, ..discrete(7, 0.6, *manifold == "R2") }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn costs_to_orbits_make_the_map_equivariant_and_the_density_invariant(
        case in 0..11usize,
        layers in 1..3usize,
        seed: u64,
        t in -10.0..10.0f64,
    ) {
        let case = &cases()[case];
        let (manifold, generators, translations) = case;
        let flow = flow(manifold, &spec(case), layers);
        let theta = parameters(&flow, seed);
        let shifts = translations.iter().map(|k| {
            Affine::translation(&k.iter().map(|&k| t * f64::from(k)).collect::<Vec<_>>())
        });
        for g in generators.iter().cloned().chain(shifts) {
            let (distance, density) = defects(&flow, &theta, &g, seed ^ 5);
            prop_assert!(distance < ROUNDING, "{manifold}, {g:?}: images differ by {distance:e}");
            prop_assert!(density < ROUNDING, "{manifold}, {g:?}: log q differs by {density:e}");
        }
    }

    /// The squared distance to an orbit, against the least one over a fine grid of the orbit and its refinement.
    #[test]
    fn closed_form_is_the_least_cost_over_the_orbit(
        direction in 0..4usize,
        seed: u64,
    ) {
        let direction = [vec![1, -1, 0], vec![1, 1, 1], vec![2, -1, 3], vec![0, 2, 3]][direction].clone();
        let m: Product = "T3".parse().unwrap();
        let symmetry = OrbitGroup { group: vec![], translations: vec![direction.clone()] };
        let map = DiscreteMap::<_, 3>::new(m, &Discrete { symmetry, ..discrete(1, 0.0, false) }).unwrap();
        let erased = ircpm_flow::Map::manifold(&map);
        let (x, y) = (points(erased, 1, seed), points(erased, 1, seed ^ 3));
        let theta = [&y[..], &[0.0]].concat();
        let mut phi = [0.0];
        Workspace::with(|work| map.phi(&theta, &x, &mut phi, work));
        let cost = |t: f64| {
            let moved: Vec<f64> = y.iter().zip(&direction).map(|(y, &k)| y + t * f64::from(k)).collect();
            0.5 * erased.distance(&x, &moved).powi(2)
        };
        let grid = 2000;
        let of = |k: usize| TAU * k as f64 / grid as f64;
        let best = (0..grid).min_by(|&a, &b| cost(of(a)).total_cmp(&cost(of(b)))).unwrap();
        // Golden-section search in the two cells around the best point of the grid.
        let (mut a, mut b) = (of(best) - TAU / grid as f64, of(best) + TAU / grid as f64);
        for _ in 0..60 {
            let (c, d) = (a + 0.381_966 * (b - a), b - 0.381_966 * (b - a));
            if cost(c) < cost(d) { b = d } else { a = c }
        }
        let expected = cost(0.5 * (a + b));
        prop_assert!((phi[0] - expected).abs() < 1e-12, "{direction:?}: {} is not {expected}", phi[0]);
    }
}

#[test]
fn costs_to_points_do_not_give_the_symmetry() {
    for case in cases() {
        let (manifold, generators, translations) = &case;
        let plain = flow(manifold, &discrete(7, 0.6, *manifold == "R2"), 1);
        let theta = parameters(&plain, 1);
        let mut elements = generators.clone();
        elements.extend(
            translations
                .iter()
                .map(|k| Affine::translation(&k.iter().map(|&k| 1.3 * f64::from(k)).collect::<Vec<_>>())),
        );
        for g in elements {
            let (distance, density) = defects(&plain, &theta, &g, 2);
            assert!(distance > VISIBLE && density > VISIBLE, "{manifold}, {g:?}: {distance:e}, {density:e}");
        }
    }
}

#[test]
fn gradients_of_costs_to_orbits_obey_the_laws_of_flows() {
    for case in cases() {
        let flow = flow(case.0, &spec(&case), 2);
        let theta = parameters(&flow, 4);
        // Images, because a point in a gap at a cut locus has no preimage.
        let x = flow.forward(&theta, &points(flow.manifold(), 3, 7)).y;
        let violations = ircpm_flow::check::flow_violations(&flow, &theta, &x);
        assert!(violations.is_empty(), "{case:?}: {violations:#?}");
    }
}

#[test]
fn symmetries_that_are_none_are_refused() {
    let refused = |manifold: &str, group: Vec<Affine>, translations: Vec<Vec<i32>>| {
        let symmetry = OrbitGroup { group, translations };
        map(manifold, &Discrete { symmetry, ..discrete(3, 0.1, false) }).unwrap_err()
    };
    let half = vec![flips(&[-1.0, 1.0, 1.0])];
    assert!(matches!(refused("S2", half, vec![]), DiscreteError::Group(_)), "a generator is no group");
    for (manifold, translations) in [
        ("T2", vec![vec![1]]),
        ("T2", vec![vec![0, 0]]),
        ("S2", vec![vec![1, 0, 0]]),
        ("R2", vec![vec![1, 0]]),
        ("T3", vec![vec![1, 1, 0], vec![0, 1, 1]]),
    ] {
        let error = refused(manifold, vec![], translations.clone());
        assert!(matches!(error, DiscreteError::Translation { .. }), "{manifold}, {translations:?}: {error}");
    }
    // Swapping the angles turns the direction into another one.
    let error = refused("T2", generated(&[permutation(&[1, 0])]), vec![vec![1, 2]]);
    assert!(matches!(error, DiscreteError::Translation { index: 0, .. }), "{error}");
}
