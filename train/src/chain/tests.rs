use std::f64::consts::TAU;

use ircpm_ad::Scalar;
use ircpm_manifolds::AnyManifold;

use super::*;
use crate::convex::LinearDensity;
use crate::points::{Sequence, Spread, base_points};
use crate::target::{Density, InLanes};

/// `u = −1.5 cos(θ − 1)` on the circle.
struct VonMises;

impl Density for VonMises {
    fn manifold(&self) -> AnyManifold {
        "T1".parse().expect("a manifold")
    }
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        -((y[0] - 1.0).cos() * 1.5)
    }
}

/// `u = −2 x₃` on the sphere.
struct Fisher;

impl Density for Fisher {
    fn manifold(&self) -> AnyManifold {
        "S2".parse().expect("a manifold")
    }
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        -(y[2] * 2.0)
    }
}

/// Targets with exact averages of their functions.
fn cases() -> Vec<(Box<dyn Target>, Vec<f64>)> {
    // A mean over equally spaced nodes of an analytic periodic function is exact to rounding.
    let mean = |f: &dyn Fn(f64) -> f64| (0..256).map(|i| f(TAU * f64::from(i) / 256.0)).sum::<f64>() / 256.0;
    let weight = |t: f64| (1.5 * (t - 1.0).cos()).exp();
    let z = mean(&weight);
    let angle = vec![mean(&|t| weight(t) * t.cos()) / z, mean(&|t| weight(t) * t.sin()) / z];
    let height = 1.0 / 2f64.tanh() - 0.5;
    vec![
        (Box::new(InLanes::new("von-mises", VonMises)), angle),
        (Box::new(InLanes::new("fisher", Fisher)), vec![0.0, 0.0, height]),
    ]
}

/// Averages with their exact values, from chains whose proposals are uniform.
fn averages(
    (target, exact): &(Box<dyn Target>, Vec<f64>),
    local_step: Option<f64>,
    rule: Rule,
) -> Vec<(Diagnostics, f64)> {
    let (flow, theta) = LinearDensity::base(target.manifold()).expect("kernels for the manifold");
    let options = ChainOptions { draws: 10_000, local_step, seed: 3, ..ChainOptions::default() };
    let run = Run::new(&flow, &theta, (target.as_ref(), 1.0), &options, rule).expect("samples to begin with");
    let chains = run.run(&AtomicBool::new(false), &mut |_| {}).expect("finite energies");
    let diagnostics = chains.diagnostics(target.manifold());
    assert_eq!(diagnostics.len(), exact.len());
    diagnostics.into_iter().zip(exact.iter().copied()).collect()
}

/// The largest distance of an average from its exact value, in standard errors.
fn worst(averages: &[(Diagnostics, f64)]) -> f64 {
    averages.iter().map(|(d, exact)| (d.mean - exact).abs() / d.standard_error).fold(0.0, f64::max)
}

#[test]
fn averages_are_exact_to_their_standard_errors_and_wrong_rules_are_found_out() {
    let wrong: [Rule; 3] = [
        |_, _| true,
        |log_ratio, uniform| uniform.ln() < 2.0 * log_ratio,
        |log_ratio, uniform| uniform.ln() < log_ratio + 0.3,
    ];
    for case in &cases() {
        for step in [None, Some(0.7)] {
            let right = averages(case, step, metropolis);
            assert!(worst(&right) < 4.5, "{step:?}: {right:?}");
            for (d, _) in &right {
                assert!(d.r_hat < 1.01 && d.ess_bulk > 4000.0, "{d:?}");
                assert!(d.autocorrelation_time > 0.5 && d.autocorrelation_time < 10.0, "{d:?}");
            }
            for (i, rule) in wrong.into_iter().enumerate() {
                let found = worst(&averages(case, step, rule));
                assert!(found > 8.0, "rule {i}, {step:?}: {found} standard errors");
            }
        }
    }
}

#[test]
fn chains_are_the_same_on_any_number_of_threads() {
    let (target, _) = cases().remove(1);
    let (flow, theta) = LinearDensity::base(target.manifold()).expect("kernels for the manifold");
    let options = ChainOptions { draws: 50, local_step: Some(0.3), chains: 3, ..ChainOptions::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let stop = AtomicBool::new(false);
        pool.install(|| Chains::run(&flow, &theta, (target.as_ref(), 1.0), &options, &stop, &mut |_| {}))
    };
    let alone = run(1).expect("chains");
    assert_eq!(alone.points.len(), 3 * 50 * 3);
    assert_eq!(Ok(alone), run(2));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let (target, _) = cases().remove(0);
    let (flow, theta) = LinearDensity::base(target.manifold()).expect("kernels for the manifold");
    for options in [
        ChainOptions { chains: 0, ..ChainOptions::default() },
        ChainOptions { draws: 3, ..ChainOptions::default() },
        ChainOptions { draws: usize::MAX, ..ChainOptions::default() },
        ChainOptions { local_step: Some(f64::NAN), ..ChainOptions::default() },
        ChainOptions { local_step: Some(0.0), ..ChainOptions::default() },
    ] {
        let stop = AtomicBool::new(false);
        let refused = Chains::run(&flow, &theta, (target.as_ref(), 1.0), &options, &stop, &mut |_| {});
        assert!(matches!(refused, Err(ChainError::Option { .. })), "{options:?}");
    }
}

/// Turns a point by half a radian: its first angle, or its first two coordinates around the others.
fn turned(manifold: &AnyManifold, p: &[f64]) -> Vec<f64> {
    let mut q = p.to_vec();
    if manifold.to_string().starts_with('T') {
        q[0] += 0.5;
    } else {
        let (sine, cosine) = 0.5_f64.sin_cos();
        (q[0], q[1]) = (cosine * p[0] - sine * p[1], sine * p[0] + cosine * p[1]);
    }
    q
}

#[test]
fn random_walk_is_symmetric_on_tori_spheres_and_products() {
    const PAIRS: usize = 200_000;
    for name in ["T1", "T2", "S2", "S3", "T1xS2"] {
        let manifold: AnyManifold = name.parse().expect("a manifold");
        let n = manifold.ambient();
        let mut generator = Generator::from_seed(11);
        let sequence = Sequence::new(Spread::Random, PAIRS, manifold.cube_dim());
        let x = base_points(&manifold, &sequence, &mut generator);
        // Two functions without a symmetry in common.
        let first =
            |p: &[f64]| if name.starts_with('T') { p[0].cos() + 0.3 * p[n - 1] } else { p[0] + p[2] * p[0] };
        let second = |p: &[f64]| if name.starts_with('T') { p[0].sin() } else { p[1] };
        // E f(x) g(y) − g(x) f(y) is zero where x is uniform and the step from x to y symmetric.
        let asymmetry = |end: &dyn Fn(&[f64]) -> Vec<f64>, generator: &mut Generator| {
            let mut y = vec![0.0; n];
            let terms: Vec<f64> = x
                .chunks_exact(n)
                .map(|x| {
                    // Long steps wind around a sphere, where symmetry is no matter of course.
                    walk(&manifold, x, 1.5, generator, &mut y);
                    let y = end(&y);
                    first(x) * second(&y) - second(x) * first(&y)
                })
                .collect();
            let mean = terms.iter().sum::<f64>() / PAIRS as f64;
            let variance = terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / PAIRS as f64;
            mean / (variance / PAIRS as f64).sqrt()
        };
        let found = asymmetry(&<[f64]>::to_vec, &mut generator);
        assert!(found.abs() < 4.5, "{name}: {found} standard errors");
        let planted = asymmetry(&|y| turned(&manifold, y), &mut generator);
        assert!(planted.abs() > 8.0, "{name}: a turn is seen at {planted} standard errors only");
    }
}

#[test]
fn random_walk_stays_on_the_manifold() {
    let manifold: AnyManifold = "S2xT1".parse().expect("a manifold");
    let (mut p, mut q) = (manifold.origin(), manifold.origin());
    let mut generator = Generator::from_seed(12);
    for _ in 0..100_000 {
        walk(&manifold, &p, 0.4, &mut generator, &mut q);
        p.copy_from_slice(&q);
    }
    let norm = p[..3].iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((norm - 1.0).abs() < 1e-12 && manifold.check_point(&p).is_ok(), "{norm}");
}
