//! Densities of points by linear layers: small random sets of every kind, known laws, determinism.

use std::f64::consts::TAU;
use std::sync::atomic::AtomicBool;

use ircpm_flow::Flow;
use ircpm_manifolds::AnyManifold;
use ircpm_train::WeightedPoints;
use ircpm_train::convex::{LinearDensity, LinearOptions};
use ircpm_train::fit::{FitError, Options, fit_data};
use ircpm_train::points::Generator;

/// A uniform number in `[0, 1)`.
fn uniform(rng: &mut Generator) -> f64 {
    (rng.next_u64() >> 11) as f64 * 2f64.powi(-53)
}

/// Points of some random law: clusters around random centres, or uniform points, possibly rounded, so that some repeat.
fn random_points(manifold: &AnyManifold, count: usize, rng: &mut Generator) -> Vec<f64> {
    let (n, dim) = (manifold.ambient(), manifold.dim());
    let clusters = 1 + rng.below(4);
    let spread = 10f64.powf(-1.5 * uniform(rng));
    let scale = 10f64.powf(6.0 * uniform(rng) - 3.0);
    let mut cube = vec![0.0; manifold.cube_dim()];
    let mut base = |rng: &mut Generator| {
        cube.iter_mut().for_each(|u| *u = uniform(rng));
        let mut p = vec![0.0; n];
        manifold.base_point(&cube, &mut p);
        p
    };
    let centres: Vec<Vec<f64>> = (0..clusters).map(|_| base(rng)).collect();
    let is_uniform = rng.below(5) == 0;
    let mut points = Vec::new();
    for _ in 0..count {
        let mut p = if is_uniform { base(rng) } else { centres[rng.below(clusters)].clone() };
        if !is_uniform {
            let mut frame = vec![0.0; n * dim];
            manifold.frame(&p, &mut frame);
            let mut v = vec![0.0; n];
            for axis in frame.chunks_exact(n) {
                let t = spread * rng.normal();
                v.iter_mut().zip(axis).for_each(|(v, e)| *v += t * e);
            }
            let mut q = vec![0.0; n];
            manifold.exp(&p, &v, &mut q);
            p = q;
        }
        if manifold.log_volume().is_none() {
            // Real columns in units of their own, all coordinates of R² being real.
            p.iter_mut().enumerate().for_each(|(i, x)| *x = *x * scale * 10f64.powi(i as i32) + 3.0 * scale);
        }
        manifold.wrap(&mut p);
        points.extend(p);
    }
    points
}

#[test]
fn fifty_random_small_sets_end_with_a_density_or_a_refusal() {
    let (mut densities, mut refusals) = (0, 0);
    for seed in 0..50 {
        let name = ["T1", "T2", "S2", "S3", "R2", "T1xS2"][seed as usize % 6];
        let manifold: AnyManifold = name.parse().expect("a manifold");
        let mut rng = Generator::from_seed(seed);
        let count = 2 + rng.below(40);
        let mut points = random_points(&manifold, count, &mut rng);
        match seed % 10 {
            // All points the same, and many times the same few.
            8 => points = points[..manifold.ambient()].repeat(count),
            9 => {
                let few = points[..points.len().min(3 * manifold.ambient())].to_vec();
                points = few.repeat(10);
            }
            _ => {}
        }
        match fit_data(&manifold, &points, &Options::default().seed(seed).samples(16_384)) {
            Ok((_, fit)) => {
                let e = fit.evaluation;
                assert!(e.is_density(), "{name}, seed {seed}, {count} points: {:?}, {:?}", e.fold, e.mass);
                densities += 1;
            }
            Err(FitError::Degenerate(_) | FitError::TooFew { .. }) => refusals += 1,
            Err(error) => panic!("{name}, seed {seed}: {error}"),
        }
    }
    assert!(densities >= 35 && refusals >= 5, "{densities} densities, {refusals} refusals");
}

/// Points on S² around so many random centres in turn, at so many radians.
fn clusters(count: usize, centres: usize, spread: f64, rng: &mut Generator) -> Vec<f64> {
    let unit = |v: [f64; 3]| {
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.map(|x| x / norm)
    };
    let centres: Vec<[f64; 3]> =
        (0..centres).map(|_| unit([rng.normal(), rng.normal(), rng.normal()])).collect();
    (0..count).flat_map(|i| unit(centres[i % centres.len()].map(|x| x + spread * rng.normal()))).collect()
}

#[test]
fn fine_structure_takes_more_bumps_than_a_smooth_density() {
    let manifold: AnyManifold = "S2".parse().expect("a sphere");
    let (stop, mut options) = (AtomicBool::new(false), LinearOptions::default());
    options.layers = 1;
    let mut rng = Generator::from_seed(12);
    for (count, centres, spread, bumps) in [(240, 30, 0.02, 60), (900, 1, 0.5, 25)] {
        let points = clusters(count, centres, spread, &mut rng);
        let density = LinearDensity::fit(&manifold, &points, &[], &options, &stop, &mut |_| ());
        let terms = density.expect("kernels").terms;
        assert!(
            terms.iter().all(|layer| layer.bumps.len() == bumps),
            "{centres} centres: {}",
            terms[0].bumps.len()
        );
    }
}

/// Quantiles of the von Mises law at 1, of concentration `kappa`, in an order that mixes them.
fn von_mises(count: usize, kappa: f64) -> Vec<f64> {
    const NODES: usize = 200_000;
    let density = |i: usize| (kappa * ((TAU * i as f64 / NODES as f64).cos() - 1.0)).exp();
    let total: f64 = (0..NODES).map(density).sum();
    let (mut sum, mut out) = (0.0, Vec::with_capacity(count));
    for i in 0..NODES {
        sum += density(i);
        while out.len() < count && sum > total * (out.len() as f64 + 0.5) / count as f64 {
            out.push((1.0 + TAU * i as f64 / NODES as f64).rem_euclid(TAU));
        }
    }
    (0..count).map(|i| out[i * 617 % count]).collect()
}

#[test]
fn von_mises_laws_are_learned_from_their_quantiles() {
    for kappa in [2.0, 20.0, 100.0] {
        let (flow, fit) = fit_data(
            &"T1".parse().expect("a circle"),
            &von_mises(1000, kappa),
            &Options::default().samples(4096),
        )
        .expect("a density");
        assert!(fit.evaluation.is_density(), "{kappa}: {:?}", fit.evaluation.mass);
        let kl = kl_from_von_mises(kappa, &flow, &fit.theta);
        assert!(kl < 0.02, "κ = {kappa}: KL {kl}");
    }
}

#[test]
fn one_stack_serves_for_many_points_and_those_that_judge_them() {
    let (manifold, points) = ("T1".parse().expect("a circle"), von_mises(2500, 20.0));
    let (train, validation) = points.split_at(2250);
    let (stop, options) = (AtomicBool::new(false), LinearOptions::default());
    let density = LinearDensity::fit(&manifold, train, validation, &options, &stop, &mut |_| ());
    let density = density.expect("kernels");
    let kl = kl_from_von_mises(20.0, &density.flow, &density.theta);
    assert!((-1e-9..0.005).contains(&kl), "KL {kl}");
}

/// Divergence of a model from the von Mises law at 1, by quadrature, in nats.
fn kl_from_von_mises(kappa: f64, flow: &Flow, theta: &[f64]) -> f64 {
    let nodes: Vec<f64> = (0..4000).map(|i| TAU * f64::from(i) / 4000.0).collect();
    let log_q = flow.log_prob(theta, &nodes);
    let log_p: Vec<f64> = nodes.iter().map(|x| kappa * ((x - 1.0).cos() - 1.0)).collect();
    let total = log_p.iter().map(|l| l.exp()).sum::<f64>() * TAU / 4000.0;
    let terms = log_p.iter().zip(&log_q);
    terms.map(|(p, q)| p.exp() / total * (p - total.ln() - q) * TAU / 4000.0).sum()
}

/// Entropy of the von Mises law, by quadrature, in nats.
fn entropy_of_von_mises(kappa: f64) -> f64 {
    let exponents: Vec<f64> = (0..4000).map(|i| kappa * (TAU * f64::from(i) / 4000.0).cos()).collect();
    let total = exponents.iter().map(|e| e.exp()).sum::<f64>() * TAU / 4000.0;
    exponents.iter().map(|e| e.exp() / total * (total.ln() - e) * TAU / 4000.0).sum()
}

/// Uniform angles with the weights that make them a sample of the von Mises law at 1.
fn weighted_angles(count: usize, kappa: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = Generator::from_seed(seed);
    let angles: Vec<f64> = (0..count).map(|_| TAU * uniform(&mut rng)).collect();
    let weights = angles.iter().map(|angle| (kappa * (angle - 1.0).cos()).exp()).collect();
    (angles, weights)
}

#[test]
fn importance_weights_recover_the_law_from_points_of_another() {
    let circle: AnyManifold = "T1".parse().expect("a circle");
    for kappa in [1.0, 4.0] {
        let mut mean = 0.0;
        let most = -entropy_of_von_mises(kappa);
        for seed in 0..5 {
            let (angles, weights) = weighted_angles(3000, kappa, 20 + seed);
            let options = Options::default().samples(4096).seed(seed);
            let points = WeightedPoints::new(&angles, &weights).expect("weights");
            let (flow, fit) = fit_data(&circle, points, &options).expect("a density");
            let e = &fit.evaluation;
            assert!(e.is_density(), "κ = {kappa}, seed {seed}: {:?}", e.mass);
            assert!(e.likeness.is_some_and(|likeness| !likeness.is_unlike()), "{:?}", e.likeness);
            // Minus the entropy of the law is what no density exceeds on average.
            for found in [e.held_out, e.baseline_kernel, e.baseline_mixture] {
                let found = found.expect("held-out points");
                let errors = (found.value - most) / found.standard_error;
                assert!((-5.0..4.0).contains(&errors), "κ = {kappa}, seed {seed}: {found:?}, at most {most}");
            }
            mean += kl_from_von_mises(kappa, &flow, &fit.theta) / 5.0;
        }
        assert!(mean < 0.01, "κ = {kappa}: KL {mean}");
        // The base density is what the points have without their weights.
        let (flow, theta) = LinearDensity::base(&circle).expect("kernels of T¹");
        let unweighted = kl_from_von_mises(kappa, &flow, &theta);
        assert!(unweighted > 0.1, "κ = {kappa}: {unweighted}");
    }
}

#[test]
fn equal_weights_are_no_weights_and_rows_of_weight_zero_are_no_rows() {
    for name in ["T1", "R2"] {
        let manifold: AnyManifold = name.parse().expect("a manifold");
        let n = manifold.ambient();
        let points = random_points(&manifold, 120, &mut Generator::from_seed(4));
        let options = Options::default().samples(2048);
        let fit = |points: WeightedPoints<'_>| fit_data(&manifold, points, &options).expect("a density").1;
        let plain = fit((&points).into());
        let equal = fit(WeightedPoints::new(&points, &[2.0; 120]).expect("weights"));
        assert_eq!((&plain.theta, &plain.evaluation), (&equal.theta, &equal.evaluation), "{name}");
        let (mut more, mut weights) = (points.clone(), vec![0.7; 120]);
        for row in [120, 60, 0] {
            more.splice(row * n..row * n, points[n..2 * n].to_vec());
            weights.insert(row, 0.0);
        }
        let zero = fit(WeightedPoints::new(&more, &weights).expect("weights"));
        assert_eq!((&plain.theta, &plain.evaluation), (&zero.theta, &zero.evaluation), "{name}");
    }
}

#[test]
fn integer_weights_fit_as_repeated_rows_do() {
    // Folds and centres would be drawn for other rows, so that validation points are given, on a circle without bumps.
    let circle: AnyManifold = "T1".parse().expect("a circle");
    let points = von_mises(900, 4.0);
    let counts: Vec<usize> = (0..900).map(|i| 1 + i * i % 3).collect();
    let repeated: Vec<Vec<f64>> = points.iter().zip(&counts).map(|(x, &count)| vec![*x; count]).collect();
    let weights: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    let fit = |points: WeightedPoints<'_>, validation: WeightedPoints<'_>| {
        let stop = AtomicBool::new(false);
        LinearDensity::fit(&circle, points, validation, &LinearOptions::default(), &stop, &mut |_| ())
            .expect("kernels of T¹")
    };
    let given = |rows: std::ops::Range<usize>| {
        WeightedPoints::new(&points[rows.clone()], &weights[rows]).expect("weights")
    };
    let weighted = fit(given(0..600), given(600..900));
    let repeated = fit((&repeated[..600].concat()).into(), (&repeated[600..].concat()).into());
    assert_eq!(weighted.reports.len(), repeated.reports.len());
    assert!(!weighted.reports.is_empty());
    for (a, b) in weighted.reports.iter().zip(&repeated.reports) {
        assert!((a.gain - b.gain).abs() < 1e-6, "{a:?} {b:?}");
    }
    let nodes: Vec<f64> = (0..100).map(|i| TAU * f64::from(i) / 100.0).collect();
    let [a, b] = [weighted, repeated].map(|fit| fit.flow.log_prob(&fit.theta, &nodes));
    let difference = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn points_far_from_the_origin_and_unequal_columns_are_learned() {
    let mut rng = Generator::from_seed(5);
    let mut draw = |count: usize| -> Vec<f64> {
        let point = |i: usize| {
            let sign = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            [1e4 + 300.0 * sign + 60.0 * rng.normal(), 1e-3 * (sign + 0.5 * rng.normal())]
        };
        (0..count).flat_map(point).collect()
    };
    let (points, fresh) = (draw(400), draw(4000));
    let (flow, fit) =
        fit_data(&"R2".parse().expect("a plane"), &points, &Options::default().samples(8192)).expect("a fit");
    assert!(fit.evaluation.is_density(), "{:?} {:?}", fit.evaluation.mass, fit.evaluation.fold);
    // Entropies of the normal parts and of the choice of a peak: 5.513, −6.182 and 0.693.
    let mean = flow.log_prob(&fit.theta, &fresh).iter().sum::<f64>() / 4000.0;
    assert!((-0.024 - mean) < 0.15 && mean < 0.04, "{mean}");
}

#[test]
fn fits_are_the_same_bits_on_any_number_of_threads() {
    let manifold: AnyManifold = "S2".parse().expect("a sphere");
    let points = random_points(&manifold, 150, &mut Generator::from_seed(3));
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let stop = AtomicBool::new(false);
        pool.install(|| {
            LinearDensity::fit(&manifold, &points, &[], &LinearOptions::default(), &stop, &mut |_| ())
                .expect("kernels of S²")
                .theta
        })
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn fit_stops_when_asked_and_says_so() {
    let manifold: AnyManifold = "T1".parse().expect("a circle");
    let stop = AtomicBool::new(true);
    let density = LinearDensity::fit(
        &manifold,
        &von_mises(200, 2.0),
        &[],
        &LinearOptions::default(),
        &stop,
        &mut |_| (),
    )
    .expect("kernels of T¹");
    assert!(density.interrupted && density.reports.is_empty());
    assert_eq!(density.flow.log_prob(&density.theta, &[0.3]), [-TAU.ln()]);
}

#[test]
fn points_that_are_all_the_same_leave_the_base_density() {
    let manifold: AnyManifold = "S2".parse().unwrap();
    let points = [0.6, 0.0, 0.8].repeat(30);
    let stop = AtomicBool::new(false);
    let options = LinearOptions::default();
    let fit = LinearDensity::fit(&manifold, &points, &[][..], &options, &stop, &mut |_| ()).unwrap();
    let log_q = fit.flow.log_prob(&fit.theta, &[0.0, 0.0, 1.0]);
    assert!((log_q[0] + (4.0 * std::f64::consts::PI).ln()).abs() < 1e-14, "{log_q:?}");
}
