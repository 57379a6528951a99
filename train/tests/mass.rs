//! Mass and folds: what maps with a known answer are reported as, wherever their points lie.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ircpm_ad::Scalar;
use ircpm_flow::{ConcaveMap, Derived, Expression, Features, Flow, FlowSpec, Map, Solver};
use ircpm_manifolds::{AnyManifold, Euclidean};
use ircpm_train::config::{Config, EvaluationConfig, Override};
use ircpm_train::data::encode;
use ircpm_train::evaluation::{Evaluation, evaluate, seed_of_run};
use ircpm_train::points::Generator;
use ircpm_train::training::{Problem, Source};

/// `psi(y) = −10 y` on R¹: `T(x) = x + 10`.
#[derive(Debug)]
struct Shift;

/// `psi(y) = −6 y + (B/ω) cos ω(y − 6)` in the first coordinate: `S(y) = t − B sin ωt`, `t = y − 6`, takes every value in
/// (−4.9, 4.9) three times, near `t = ±4.3` and with a negative slope near 0.
#[derive(Debug)]
struct TwoPeaks {
    dim: usize,
}

const B: f64 = 8.0;
const OMEGA: f64 = 0.6;

#[rustfmt::skip] // short answers
impl Expression for Shift {
    fn inputs(&self) -> usize { 1 }
    fn parameters(&self) -> usize { 0 }
    fn value<S: Scalar>(&self, _: &[S], z: &[S]) -> S { z[0] * -10.0 }
}

#[rustfmt::skip] // short answers
impl Expression for TwoPeaks {
    fn inputs(&self) -> usize { self.dim }
    fn parameters(&self) -> usize { 0 }
    fn value<S: Scalar>(&self, _: &[S], z: &[S]) -> S {
        z[0] * -6.0 + ((z[0] - 6.0) * OMEGA).cos() * (B / OMEGA)
    }
}

fn stack(map: impl Map + 'static) -> Flow {
    Flow::from_maps(vec![Arc::new(map) as Arc<dyn Map>], false).unwrap()
}

fn normal(count: usize, dim: usize, mean: f64, deviation: f64) -> Vec<f64> {
    let mut rng = Generator::from_seed(11);
    (0..count * dim).map(|_| mean + deviation * rng.normal()).collect()
}

fn measured(flow: &Flow, theta: &[f64], train: &[f64], held_out: &[f64], samples: usize) -> Evaluation {
    let settings = EvaluationConfig { samples, uniform: samples, ..EvaluationConfig::default() };
    evaluate(flow, theta, Source::points(train, held_out), &settings, &AtomicBool::new(false)).unwrap()
}

#[test]
fn mass_of_a_normal_density_far_from_the_base_is_one() {
    let flow = stack(
        ConcaveMap::<_, _, 1>::new(Euclidean::new(1).unwrap(), Derived(Shift), Solver::default()).unwrap(),
    );
    let y = normal(500, 1, 10.0, 1.0);
    let found = measured(&flow, &[], &y[..400], &y[400..], 4096);
    assert!((found.mass.value - 1.0).abs() < 1e-8 && found.mass.error() < 1e-6, "{:?}", found.mass);
    assert!(found.is_density() && found.mass.reversed == 0.0, "{found:?}");
    // −½ log 2πe.
    let held_out = found.held_out.unwrap();
    assert!((held_out.value + 1.4189).abs() < 4.0 * held_out.standard_error, "{held_out:?}");
    assert!(!found.likeness.unwrap().is_unlike(), "{:?}", found.likeness);
}

#[test]
fn mass_of_points_that_are_narrow_and_far_from_the_base_is_one() {
    let settings = |samples: usize| {
        let sets = [format!("evaluation.samples={samples}"), format!("evaluation.uniform={samples}")];
        sets.map(|set| set.parse::<Override>().unwrap())
    };
    let dir = tempfile::tempdir().unwrap();
    // Numbers of 1e9 are rounded to 1.2e-7, which is a ten-thousandth of the second spread.
    for (mean, spread, samples, error) in
        [(2.45e6, 1.0, 200, 1e-8), (1e9, 1e-3, 4096, 1e-4), (1.7e12, 200.0, 4096, 1e-6)]
    {
        let y = normal(300, 1, mean, spread);
        fs::write(dir.path().join("points.npy"), encode(&y, 1)).unwrap();
        let text = "[training]\nloss = \"likelihood\"\n[data]\nfile = \"points.npy\"\nmanifold = \"R1\"\n";
        let config = Config::parse_with(text, "test", &settings(samples)).unwrap();
        let problem = Problem::new(config, dir.path()).unwrap();
        let (problem, state) = problem.fit_linear(&AtomicBool::new(false), &mut ()).unwrap();
        let found = evaluate(
            &problem.flow,
            &state.theta,
            problem.source(),
            &problem.config.evaluation,
            &AtomicBool::new(false),
        )
        .unwrap();
        let mass = found.mass;
        assert!((mass.value - 1.0).abs() < 1e-6 && mass.error() < error, "{mean} ± {spread}: {mass:?}");
        assert!(found.is_density(), "{mean} ± {spread}: {found:?}");
    }
}

#[test]
fn two_peaks_on_a_line_of_which_the_map_comes_to_one_are_a_fold_of_mass_three() {
    let map = ConcaveMap::<_, _, 1>::new(
        Euclidean::new(1).unwrap(),
        Derived(TwoPeaks { dim: 1 }),
        Solver::default(),
    );
    let flow = stack(map.unwrap());
    // Far from the valley between the peaks, where alone the slope is negative.
    let y: Vec<f64> =
        normal(400, 1, 0.0, 0.1).iter().enumerate().map(|(i, e)| e + [1.7, 10.3][i % 2]).collect();
    assert!(flow.inverse(&[], &y).ok.iter().all(|&ok| ok), "H is positive at every point of the data");
    let found = measured(&flow, &[], &y[..360], &y[360..], 4096);
    // Values of |S| above 4.9 have up to seven preimages, and the mass beyond is 1e-6.
    assert!((found.mass.value - 3.0).abs() < 1e-5, "{:?}", found.mass);
    assert!((found.mass.reversed - 1.0).abs() < 1e-5, "{:?}", found.mass);
    assert!(found.is_folded() && !found.is_density() && found.fold.min_eigenvalue < 0.0);
    assert!(found.fold.unreached > 100, "points of one peak do not come back: {:?}", found.fold);
    assert!(found.likeness.unwrap().is_unlike(), "{:?}", found.likeness);
}

#[test]
fn peak_that_the_plane_hides_is_found_from_the_data() {
    let map = ConcaveMap::<_, _, 2>::new(
        Euclidean::new(2).unwrap(),
        Derived(TwoPeaks { dim: 2 }),
        Solver::default(),
    );
    let flow = stack(map.unwrap());
    let noise = normal(400, 2, 0.0, 0.1);
    let y: Vec<f64> = noise
        .chunks_exact(2)
        .enumerate()
        .flat_map(|(i, e)| [e[0] + [1.7, 10.3][i % 2], 10.0 * e[1]])
        .collect();
    let found = measured(&flow, &[], &y, &[], 32_768);
    let error = found.mass.standard_error.unwrap();
    assert!((found.mass.value - 3.0).abs() < 5.0 * error && error < 0.1, "{:?}", found.mass);
    assert!(found.is_folded() && found.fold.unreached > 100, "{found:?}");
    assert_eq!((found.held_out, found.held_out_points), (None, Some(0)));
}

fn network(manifold: &str, layers: usize, output_scale: f64) -> Flow {
    Flow::new(FlowSpec {
        manifold: manifold.parse().unwrap(),
        layers,
        shared: false,
        hidden: vec![8, 8],
        features: if manifold.contains('T') {
            Features::Harmonics { order: 1 }
        } else {
            Features::Coordinates
        },
        symmetry: vec![],
        output_scale,
        solver: Solver::default(),
    })
    .unwrap()
}

/// Images of random base points, as data.
fn images(flow: &Flow, theta: &[f64], count: usize) -> Vec<f64> {
    let pushed = flow.sample(theta, count, 3);
    assert!(pushed.ok.iter().all(|&ok| ok));
    pushed.y
}

#[test]
fn mass_of_maps_without_folds_is_one_within_its_error_on_every_kind_of_manifold() {
    for name in ["T1", "T2", "S2", "R1", "R1xT1", "S1xR1", "R2", "S2xR1", "R1xT2", "T3", "S3"] {
        let flow = network(name, 2, 2.0);
        for seed in 0..3 {
            let theta = flow.initial(seed);
            let data = images(&flow, &theta, 200);
            let found = measured(&flow, &theta, &data, &[], 8192);
            let mass = found.mass;
            let dim = name.parse::<AnyManifold>().unwrap().dim();
            let quadrature = dim <= 2 && name != "R2";
            assert_eq!(mass.resolution.is_some(), quadrature, "{name}: {mass:?}");
            let (error, most) = if quadrature { (1e-7, 1e-6) } else { (5.0 * mass.error(), 0.02) };
            assert!(
                (mass.value - 1.0).abs() <= error && mass.error() <= most,
                "{name}, seed {seed}: {mass:?}"
            );
            assert!(found.is_density() && mass.reversed == 0.0, "{name}, seed {seed}: {found:?}");
        }
    }
}

#[test]
fn folded_maps_have_a_mass_above_one_by_twice_its_reversed_part() {
    let mut folded = 0;
    for name in ["T1", "T2", "R1xT1", "T3"] {
        let flow = network(name, 1, 0.025);
        for seed in 0..4 {
            let theta = flow.initial(seed);
            let found = measured(&flow, &theta, &[], &[], 16_384);
            let mass = found.mass;
            // Beside a quadrature's own error, kinks between its nodes.
            let error = 5.0 * mass.error() + 1e-3;
            assert!((mass.value - 2.0 * mass.reversed - 1.0).abs() < error, "{name}, seed {seed}: {mass:?}");
            if mass.reversed > 1e-3 {
                folded += 1;
                assert!(mass.value > 1.0 && found.is_folded() && !found.is_density(), "{name}: {found:?}");
            }
        }
    }
    assert!(folded >= 6, "{folded} of 16 maps fold: too few to show anything");
}

#[test]
fn fold_that_only_nodes_of_the_quadrature_see_is_a_fold() {
    // Eight fresh points, two samples and no data: only the nodes are many.
    let flow = network("T2", 1, 0.05);
    let (mut only, mut all) = (0, 0);
    for seed in 0..8 {
        let theta = flow.initial(seed);
        let settings = EvaluationConfig { samples: 2, uniform: 8, ..EvaluationConfig::default() };
        let source = Source::points(&[], &[]);
        let found = evaluate(&flow, &theta, source, &settings, &AtomicBool::new(false)).unwrap();
        all += usize::from(found.mass.reversed > 0.0);
        only += usize::from(found.is_folded() && found.fold.indefinite_share < 0.1);
        assert_eq!(found.is_folded(), found.mass.reversed > 0.0, "seed {seed}: {found:?}");
    }
    assert!(all > 2 && only > 0, "{all} folds, {only} of them small");
}

#[test]
fn few_held_out_points_have_no_likelihood_and_are_counted() {
    let flow = network("T1", 1, 2.0);
    let theta = flow.initial(0);
    let found = measured(&flow, &theta, &[0.1, 0.5, 3.0], &[1.0], 64);
    assert_eq!((found.held_out, found.held_out_points), (None, Some(1)));
}

#[test]
fn runs_of_several_seeds_are_measured_at_points_of_their_own() {
    let seeds: Vec<u64> =
        (0..50).flat_map(|run| (0..4).map(move |evaluation| seed_of_run(evaluation, run))).collect();
    let mut sorted = seeds.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), seeds.len());
    assert_eq!(seed_of_run(1, 7), seed_of_run(1, 7));
}
