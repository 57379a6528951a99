//! Lemma 1: where isometries leave psi as it is, `T ∘ g = g ∘ T` and `q ∘ g = q`; where they do not, neither holds.

use ircpm_flow::{Affine, Features, Flow, FlowSpec, Symmetries, Symmetry, Workspace};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::networks::{points, regular, spec};

/// Psi is a mean of at most 120 numbers of order one, in two orders: each sum errs by some ten roundings.
const PSI: f64 = 1e-13;
/// Preimages and their densities are explicit; `H ≥ 0.1` multiplies roundings of its entries by ten, two layers by a
/// hundred.
const EXPLICIT: f64 = 1e-12;
/// Both solves of one layer end with residuals of 1e-13, which `H ≥ 0.1` turns into errors of at most 1e-12; some 1e-13
/// are seen. Each further layer multiplies them by ten at most.
const SOLVED: f64 = 2e-12;
/// A defect above this is no rounding error.
const VISIBLE: f64 = 1e-3;

/// Every name that a symmetry can have, on every kind of manifold that it means something on.
const TABLE: &[(&str, &[&str])] = &[
    ("T2", &["permutations"]),
    ("T3", &["permutations"]),
    ("S2", &["permutations"]),
    ("S1xS1", &["permutations"]),
    ("T3", &["shifts"]),
    ("S3", &["shifts"]),
    ("T1xT1xT1", &["shifts"]),
    ("T3", &["reversal"]),
    ("S1xS1", &["reversal"]),
    ("T2", &["inversion"]),
    ("S3", &["inversion"]),
    ("T1xS2", &["inversion"]),
    ("R2", &["inversion"]),
    ("T2", &["reflections"]),
    ("S2", &["reflections"]),
    ("T1xS1", &["reflections"]),
    ("T2", &["permutation(-2, 1)"]),
    ("S3", &["permutation(2, 1, -4, 3)"]),
    ("T2", &["turns(1/2, 0)"]),
    ("T2", &["turns(1/3, -1/3)"]),
    ("T1xS2", &["f1.turns(1/2)"]),
    ("T2", &["matrix(0 -1, 1 0)"]),
    ("S2", &["matrix(0.6 0.8 0, 0.8 -0.6 0, 0 0 1)"]),
    ("R2", &["matrix(0 -1, 1 0)"]),
    ("T2", &["translations(1, -1)"]),
    ("T3", &["translations(1, -2, 3)"]),
    ("T3", &["translations(1, 1, 0)", "translations(0, 1, 2)"]),
    ("T2xS1", &["f1.translations(2, 1)"]),
    ("S2", &["rotations(1, 2)"]),
    ("S3", &["rotations(1, 3, 4)"]),
    ("T1xS2", &["f2.rotations(1, 3)"]),
    ("S1xS2", &["f2.rotations(2, 3)", "f1.inversion"]),
    ("T3", &["translations(1, 1, 1)", "shifts", "inversion"]),
    ("T2", &["reflections", "permutations", "turns(1/2, 1/2)"]),
    ("S2", &["rotations(1, 2)", "Cs"]),
    ("T1xS2", &["f2.C3v", "f1.inversion"]),
    ("R3", &["D3"]),
    ("S2", &["Cs"]),
    ("S2", &["Ci"]),
    ("S2", &["C5"]),
    ("S2", &["C4v"]),
    ("S2", &["C3h"]),
    ("S2", &["D3"]),
    ("S2", &["D4h"]),
    ("S2", &["D2d"]),
    ("S2", &["S4"]),
    ("S2", &["T"]),
    ("S2", &["Td"]),
    ("S2", &["Th"]),
    ("S2", &["O"]),
    ("S2", &["Oh"]),
    ("S2", &["I"]),
    ("S2", &["Ih"]),
];

fn parsed(names: &[&str]) -> Vec<Symmetry> {
    names.iter().map(|name| name.parse().unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn symmetries(manifold: &str, names: &[&str]) -> Symmetries {
    Symmetries::new(&parsed(names), &manifold.parse().unwrap()).unwrap_or_else(|e| panic!("{e}"))
}

fn with_symmetry(manifold: &str, layers: usize, names: &[&str]) -> FlowSpec {
    FlowSpec { symmetry: parsed(names), ..spec(manifold, layers, true, &[8, 8]) }
}

/// `g z` of every point.
fn image(g: &Affine, z: &[f64]) -> Vec<f64> {
    let mut out = z.to_vec();
    let n = g.coordinates();
    z.chunks(n).zip(out.chunks_mut(n)).for_each(|(z, out)| g.apply(z, out));
    out
}

/// A product of three generators, elements of continuous groups by random angles.
fn random_element(symmetries: &Symmetries, rng: &mut Pcg64) -> Affine {
    let mut g = Affine::identity(symmetries.group().elements()[0].coordinates());
    for _ in 0..3 {
        let examples = symmetries.examples(rng.random_range(-7.0..7.0));
        g = examples[rng.random_range(0..examples.len())].1.after(&g);
    }
    g
}

/// How far a flow is from commuting with an isometry.
#[derive(Debug)]
struct Defects {
    /// Largest difference of `psi(g y)` and `psi(y)`, of the first layer.
    psi: f64,
    /// Largest distance of `T(g x)` and `g T(x)`.
    distance: f64,
    /// Largest difference of `log q` at these two.
    density_of_images: f64,
    /// Largest length of the gradient of `log q` at an image.
    slope: f64,
    /// Largest difference of `log q(g y)` and `log q(y)`.
    density: f64,
}

fn defects(flow: &Flow, theta: &[f64], g: &Affine, seed: u64) -> Defects {
    let m = flow.manifold();
    let (x, n) = (points(m, 40, seed), m.ambient());
    let gx = image(g, &x);
    let turned_first = flow.try_forward(theta, &gx).expect("the map is regular");
    let pushed = flow.try_forward(theta, &x).expect("the map is regular");
    let turned_last = image(g, &pushed.y);
    let psi = |points: &[f64]| {
        let mut psi = vec![0.0; points.len() / n];
        Workspace::with(|work| flow.map(0).potential(&theta[flow.slot(0)], points, &mut psi, work));
        psi
    };
    let largest = |max: f64, x: f64| if x <= max { max } else { x };
    let gap = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, largest);
    let scores = flow.score(theta, &turned_last);
    let slopes = scores.chunks(n).map(|score| score.iter().map(|s| s * s).sum::<f64>().sqrt());
    let distances = turned_first.y.chunks(n).zip(turned_last.chunks(n)).map(|(a, b)| m.distance(a, b));
    Defects {
        psi: gap(&psi(&gx), &psi(&x)),
        distance: distances.fold(0.0, largest),
        density_of_images: gap(&turned_first.log_q, &pushed.log_q),
        slope: slopes.fold(0.0, largest),
        density: gap(&flow.log_prob(theta, &gx), &flow.log_prob(theta, &x)),
    }
}

fn assert_equivariant(context: &str, flow: &Flow, theta: &[f64], g: &Affine, seed: u64) {
    let found = defects(flow, theta, g, seed);
    let context = format!("{context} on {}, {} layers, seed {seed}, {g:?}", flow.manifold(), flow.layers());
    let Defects { psi, distance, density_of_images, slope, density } = found;
    assert!(psi < PSI, "{context}: psi differs by {psi:e}");
    let solved = SOLVED * 10_f64.powi(flow.layers() as i32 - 1);
    assert!(distance < solved, "{context}: T(g x) and g T(x) are {distance:e} apart");
    // Images that far apart differ in log q by its slope times their distance, beside the errors of the solves.
    let bound = solved + slope * distance;
    assert!(
        density_of_images < bound,
        "{context}: log q of images differs by {density_of_images:e}, slope {slope}"
    );
    assert!(density < EXPLICIT, "{context}: log q differs by {density:e}");
}

fn config() -> ProptestConfig {
    let failure_persistence = Some(Box::new(FileFailurePersistence::WithSource("regressions")) as Box<_>);
    ProptestConfig { cases: 4, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn maps_commute_with_every_symmetry_of_their_potentials(seed in any::<u64>(), layers in 1_usize..3) {
        for (manifold, names) in TABLE {
            let flow = Flow::new(with_symmetry(manifold, layers, names)).unwrap();
            let (theta, _) = regular(&flow, seed);
            let g = random_element(&symmetries(manifold, names), &mut Pcg64::seed_from_u64(seed));
            assert_equivariant(&names.join(", "), &flow, &theta, &g, seed);
        }
    }

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
            let features = Features::Combinations { directions, order: 1 };
            let flow = Flow::new(FlowSpec { features, ..with_symmetry(manifold, layers, &[]) }).unwrap();
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
            let features = Features::Subset { coordinates };
            let flow = Flow::new(FlowSpec { features, ..with_symmetry(manifold, layers, &[]) }).unwrap();
            let (theta, _) = regular(&flow, seed);
            assert_equivariant("rotation", &flow, &theta, &g, seed);
        }
    }
}

#[test]
fn maps_of_plain_networks_commute_with_no_symmetry() {
    for (seed, (manifold, names)) in (400..).zip(TABLE) {
        let flow = Flow::new(with_symmetry(manifold, 1, &[])).unwrap();
        let (theta, _) = regular(&flow, seed);
        for (_, g) in symmetries(manifold, names).examples(1.0) {
            let found = defects(&flow, &theta, &g, seed);
            let Defects { psi, distance, density_of_images, density, .. } = found;
            let least = psi.min(distance).min(density_of_images).min(density);
            assert!(least > VISIBLE, "{names:?} on {manifold}, seed {seed}, {g:?}: {found:?}");
        }
    }
}

#[test]
fn average_over_a_part_of_a_group_commutes_with_that_part_alone() {
    let flow = Flow::new(with_symmetry("T2", 1, &["permutations"])).unwrap();
    let element = |name| symmetries("T2", &[name]).examples(0.0).swap_remove(0).1;
    for seed in 410..414 {
        let (theta, _) = regular(&flow, seed);
        assert_equivariant("permutations", &flow, &theta, &element("permutations"), seed);
        let distance = defects(&flow, &theta, &element("reflections"), seed).distance;
        assert!(distance > VISIBLE, "seed {seed}: T commutes with a reflection up to {distance:e}");
    }
}
