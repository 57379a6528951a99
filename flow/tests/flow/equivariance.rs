//! Lemma 1: where isometries leave psi as it is, `T ∘ g = g ∘ T` and `q ∘ g = q`; where they do not, neither holds.

use std::sync::Arc;

use ircpm_flow::{Affine, Average, ConcaveMap, FeatureMap, Features, Flow, FlowSpec, Map, Network};
use ircpm_manifolds::{Manifold, Product};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::networks::{parameters, points, regular, smallest_eigenvalue, spec};

/// Solves end with residuals of 1e-13, which `H ≥ 0.1` turns into errors of at most 1e-12 per layer.
const TOLERANCE: f64 = 1e-10;
/// A defect above this is no rounding error.
const VISIBLE: f64 = 1e-3;

/// `g z` of every point.
fn image(g: &Affine, z: &[f64]) -> Vec<f64> {
    let mut out = z.to_vec();
    let n = g.coordinates();
    z.chunks(n).zip(out.chunks_mut(n)).for_each(|(z, out)| g.apply(z, out));
    out
}

/// Largest distance of `T(g x)` and `g T(x)`, and largest difference of `log q` there, over random points.
fn defects(flow: &Flow, theta: &[f64], g: &Affine, seed: u64) -> (f64, f64) {
    let m = flow.manifold();
    let x = points(m, 40, seed);
    let turned_first = flow.try_forward(theta, &image(g, &x)).expect("the map is regular");
    let pushed = flow.try_forward(theta, &x).expect("the map is regular");
    let turned_last = image(g, &pushed.y);
    let n = m.ambient();
    let distances = turned_first.y.chunks(n).zip(turned_last.chunks(n)).map(|(a, b)| m.distance(a, b));
    let densities = turned_first.log_q.iter().zip(&pushed.log_q).map(|(a, b)| (a - b).abs());
    let largest = |max: f64, x: f64| if x <= max { max } else { x };
    (distances.fold(0.0, largest), densities.fold(0.0, largest))
}

fn assert_equivariant(context: &str, flow: &Flow, theta: &[f64], g: &Affine, seed: u64) {
    let (distance, density) = defects(flow, theta, g, seed);
    let context = format!("{context} on {}, {} layers, seed {seed}, {g:?}", flow.manifold(), flow.layers());
    assert!(distance < TOLERANCE, "{context}: T(g x) and g T(x) are {distance:e} apart");
    assert!(density < TOLERANCE, "{context}: log q differs by {density:e}");
}

fn flips(sign: &[f64]) -> Affine {
    Affine::signed_permutation(&(0..sign.len()).collect::<Vec<_>>(), sign)
}

/// The finite linear group that `generators` generate; entries are integers, so that equal elements compare equal.
fn generated(generators: &[Affine]) -> Vec<Affine> {
    let mut group = vec![Affine::identity(generators[0].coordinates())];
    let mut next = 0;
    while next < group.len() {
        for g in generators {
            let element = g.after(&group[next]);
            if !group.contains(&element) {
                group.push(element);
            }
        }
        next += 1;
    }
    group
}

fn with_features(manifold: &str, layers: usize, features: Features) -> FlowSpec {
    FlowSpec { features, ..spec(manifold, layers, true, &[8, 8]) }
}

/// A stack of one map, whose potential is the network of `spec` averaged over `group`, with random parameters for which
/// it is regular.
fn averaged(spec: &FlowSpec, group: &[Affine], seed: u64) -> (Flow, Vec<f64>) {
    let m: Product = spec.manifold.downcast_ref().cloned().unwrap();
    let features = FeatureMap::new(&spec.features, &spec.manifold).unwrap();
    let network = Network::new(features, &spec.hidden, spec.output_scale);
    let potential = Average::new(network, group.to_vec(), &spec.manifold).unwrap();
    let map: Arc<dyn Map> = match m.dim() {
        2 => Arc::new(ConcaveMap::<_, _, 2>::new(m, potential, spec.solver).unwrap()),
        _ => Arc::new(ConcaveMap::<_, _, 3>::new(m, potential, spec.solver).unwrap()),
    };
    let flow = Flow::from_maps(vec![map; spec.layers], true).unwrap();
    let plain = Flow::new(spec.clone()).unwrap();
    let mut rng = Pcg64::seed_from_u64(seed);
    let candidates = std::iter::repeat_with(|| parameters(&plain, rng.random_range(1.0..2.0), rng.random()));
    let theta = candidates.take(1000).find(|theta| smallest_eigenvalue(&flow, theta) > 0.1);
    (flow, theta.unwrap_or_else(|| panic!("seed {seed}: a thousand random networks, all of them folded")))
}

/// A manifold, the features that a network there has, and generators of a finite group of its isometries.
fn finite_groups() -> Vec<(&'static str, Features, Vec<Affine>)> {
    let waves = Features::Harmonics { order: 1 };
    let square = vec![Affine::signed_permutation(&[1, 0], &[1.0; 2]), flips(&[-1.0, 1.0])];
    let cycle = vec![Affine::signed_permutation(&[1, 2, 0], &[1.0; 3]), flips(&[-1.0; 3])];
    let octants = vec![flips(&[-1.0, 1.0, 1.0]), flips(&[1.0, -1.0, 1.0]), flips(&[1.0, 1.0, -1.0])];
    let pairs =
        vec![flips(&[-1.0, -1.0, 1.0, 1.0]), flips(&[1.0, -1.0, -1.0, 1.0]), flips(&[1.0, 1.0, 1.0, -1.0])];
    vec![
        ("T2", waves.clone(), square),
        ("T3", waves, cycle),
        ("S2", Features::Coordinates, octants),
        ("S3", Features::Coordinates, pairs),
    ]
}

fn config() -> ProptestConfig {
    let failure_persistence = Some(Box::new(FileFailurePersistence::WithSource("regressions")) as Box<_>);
    ProptestConfig { cases: 8, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn invariant_angles_make_maps_that_commute_with_translations(
        seed in any::<u64>(), layers in 1_usize..3, a in -7.0..7.0_f64, b in -7.0..7.0_f64,
    ) {
        let table = [
            ("T2", vec![vec![1, 1]], vec![a, -a]),
            ("T3", vec![vec![1, 1, 0], vec![0, 1, 1]], vec![a, -a, a]),
            ("T3", vec![vec![1, 2, -1]], vec![a, b, a + 2.0 * b]),
        ];
        for (manifold, directions, shift) in table {
            let flow = Flow::new(with_features(manifold, layers, Features::Combinations { directions, order: 1 })).unwrap();
            let (theta, _) = regular(&flow, seed);
            assert_equivariant("translation", &flow, &theta, &Affine::translation(&shift), seed);
        }
    }

    #[test]
    fn some_coordinates_make_maps_that_commute_with_rotations_of_the_others(
        seed in any::<u64>(), layers in 1_usize..3, a in -7.0..7.0_f64, b in -7.0..7.0_f64,
    ) {
        let table = [
            ("S2", vec![2], Affine::rotation(3, (0, 1), a)),
            ("S3", vec![2, 3], Affine::rotation(4, (0, 1), a)),
            ("S3", vec![0], Affine::rotation(4, (1, 2), a).after(&Affine::rotation(4, (2, 3), b))),
        ];
        for (manifold, coordinates, g) in table {
            let flow = Flow::new(with_features(manifold, layers, Features::Subset { coordinates })).unwrap();
            let (theta, _) = regular(&flow, seed);
            assert_equivariant("rotation", &flow, &theta, &g, seed);
        }
    }

    #[test]
    fn averages_make_maps_that_commute_with_permutations_and_reflections(
        seed in any::<u64>(), layers in 1_usize..3, element in any::<prop::sample::Index>(),
    ) {
        for (manifold, features, generators) in finite_groups() {
            let group = generated(&generators);
            let (flow, theta) = averaged(&with_features(manifold, layers, features), &group, seed);
            assert_equivariant("average", &flow, &theta, element.get(&group), seed);
        }
    }
}

#[test]
fn generated_groups_have_their_known_orders() {
    let orders: Vec<usize> =
        finite_groups().iter().map(|(_, _, generators)| generated(generators).len()).collect();
    assert_eq!(orders, [8, 6, 8, 8]);
}

#[test]
fn maps_of_potentials_that_are_not_invariant_commute_with_nothing() {
    let continuous = [
        ("T2", Features::Harmonics { order: 1 }, Affine::translation(&[1.0, -1.0])),
        ("T3", Features::Harmonics { order: 1 }, Affine::translation(&[1.0, -1.0, 1.0])),
        ("S2", Features::Coordinates, Affine::rotation(3, (0, 1), 1.0)),
        ("S3", Features::Coordinates, Affine::rotation(4, (0, 1), 1.0)),
    ];
    let finite = finite_groups()
        .into_iter()
        .map(|(m, features, mut generators)| (m, features, generators.swap_remove(0)));
    for (manifold, features, g) in continuous.into_iter().chain(finite) {
        let flow = Flow::new(with_features(manifold, 1, features)).unwrap();
        for seed in 400..404 {
            let (theta, _) = regular(&flow, seed);
            let (distance, density) = defects(&flow, &theta, &g, seed);
            let context = format!("{manifold}, seed {seed}, {g:?}");
            assert!(distance > VISIBLE, "{context}: T(g x) and g T(x) are only {distance:e} apart");
            assert!(density > VISIBLE, "{context}: log q differs only by {density:e}");
        }
    }
}

#[test]
fn averages_over_a_part_of_a_group_commute_with_that_part_alone() {
    let spec = with_features("T2", 1, Features::Harmonics { order: 1 });
    let (swap, reflection) = (Affine::signed_permutation(&[1, 0], &[1.0; 2]), flips(&[-1.0, 1.0]));
    for seed in 410..414 {
        let (flow, theta) = averaged(&spec, &generated(std::slice::from_ref(&swap)), seed);
        assert_equivariant("swap", &flow, &theta, &swap, seed);
        let (distance, _) = defects(&flow, &theta, &reflection, seed);
        assert!(distance > VISIBLE, "seed {seed}: T commutes with a reflection up to {distance:e}");
    }
}
