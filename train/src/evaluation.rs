//! How good a trained map is, measured on samples of its own and on fresh points.

use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::{Flow, SolveStats};
use ircpm_manifolds::{Manifold, Product};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::estimate::{Estimate, Estimates};
use crate::points::{Quadrature, Sequence, Spread, base_points};
use crate::program::RunError;
use crate::target::Target;
use crate::training::{Problem, Source};

/// Results of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// ESS, KL and log Z against the target, if there is one.
    pub weights: Option<Estimates>,
    /// ESS of the base density on the same target.
    pub base_ess: Option<f64>,
    /// Mean log-likelihood of the points that were held out, in nats, if there are any.
    pub held_out: Option<Estimate>,
    /// Inner solves of the model's samples.
    pub solve: SolveStats,
    /// Samples that some layer failed to solve; they are left out of the estimates.
    pub failed: usize,
    /// Where the map is a diffeomorphism, as far as fresh points can tell.
    pub fold: Fold,
    /// The integral of the model's density.
    pub mass: Mass,
}

/// The smallest eigenvalue of `H` over fresh base points and points that were held out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fold {
    /// The worst point's.
    pub min_eigenvalue: f64,
    /// Share of the points where it is not positive, or beyond the injectivity radius.
    pub indefinite_share: f64,
}

/// The integral of the model's density over the manifold, one if it is a density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mass {
    /// The integral.
    pub value: f64,
    /// From independent random shifts; none for quadrature, which is exact to rounding.
    pub standard_error: Option<f64>,
}

impl Fold {
    /// Whether a point was seen where the map folds: then its `q` is not a density.
    pub fn is_folded(&self) -> bool {
        self.min_eigenvalue <= 0.0 || self.min_eigenvalue.is_nan() || self.indefinite_share > 0.0
    }
}

/// Points at a time: enough for every thread, little memory.
const BATCH: usize = 8192;
/// Quadrature nodes per dimension.
const NODES: usize = 128;
/// Independent shifts of the points that stand in for quadrature above dimension 2.
const SHIFTS: usize = 8;

/// Streams of the evaluation's seed.
const SAMPLES: u64 = 0;
const FRESH: u64 = 1;
const MASS: u64 = 2;

/// Evaluates a model.
///
/// # Errors
/// `Energy` if the target is not finite somewhere, `Estimate` if too few samples are solved, `Interrupted` if `stop` is
/// set meanwhile.
pub fn evaluate(problem: &Problem, theta: &[f64], stop: &AtomicBool) -> Result<Evaluation, RunError> {
    let config = &problem.config.evaluation;
    let flow = &problem.flow;
    let (weights, solve, failed) = weigh(problem, theta, stop)?;
    let base_ess = problem.target().map(|target| base_ess(problem, target)).transpose()?;
    let held_out = match &problem.source {
        Source::Data { held_out, .. } => log_likelihood(flow, theta, held_out),
        Source::Target(_) => None,
    };
    let mut fresh = draw(problem.manifold(), Spread::Kronecker, config.uniform, stream(config.seed, FRESH));
    if let Source::Data { held_out, .. } = &problem.source {
        fresh.extend(held_out);
    }
    let fold = fold(flow, theta, &fresh, stop)?;
    let mass = mass(problem, theta, stop)?;
    Ok(Evaluation { weights, base_ess, held_out, solve, failed, fold, mass })
}

/// That many base points, in a stream of their own.
fn draw(manifold: &Product, spread: Spread, count: usize, seed: u64) -> Vec<f64> {
    base_points(manifold, &Sequence::new(spread, count, manifold.cube_dim()), &mut Pcg64::seed_from_u64(seed))
}

/// Log-density of the target at points, `−βu`, not normalised.
///
/// # Errors
/// `Energy` with the first point where it is not finite.
pub fn log_target(target: &dyn Target, beta: f64, y: &[f64]) -> Result<Vec<f64>, RunError> {
    let ambient = target.manifold().ambient();
    let mut u = vec![0.0; y.len() / ambient];
    target.energies(y, &mut u);
    if let Some(i) = u.iter().position(|u| !u.is_finite()) {
        let point = y[i * ambient..(i + 1) * ambient].to_vec();
        return Err(RunError::Energy { target: target.name().to_owned(), energy: u[i], point });
    }
    Ok(u.into_iter().map(|u| -beta * u).collect())
}

/// Solves for independent model samples and weighs them against the target; counts those that failed.
fn weigh(
    problem: &Problem,
    theta: &[f64],
    stop: &AtomicBool,
) -> Result<(Option<Estimates>, SolveStats, usize), RunError> {
    let config = &problem.config.evaluation;
    let ambient = problem.manifold().ambient();
    let x = draw(problem.manifold(), Spread::Random, config.samples, stream(config.seed, SAMPLES));
    let mut stats = SolveStats::default();
    let (mut failed, mut log_weights) = (0, Vec::with_capacity(config.samples));
    for x in x.chunks(BATCH * ambient) {
        check(stop)?;
        let pushed = problem.flow.forward(theta, x);
        stats.merge(&pushed.stats);
        let solved: Vec<usize> = (0..pushed.ok.len()).filter(|&i| pushed.ok[i]).collect();
        failed += pushed.ok.len() - solved.len();
        let Some(target) = problem.target() else { continue };
        let y: Vec<f64> =
            solved.iter().flat_map(|i| &pushed.y[i * ambient..(i + 1) * ambient]).copied().collect();
        let log_p = log_target(target, problem.config.beta(), &y)?;
        log_weights.extend(log_p.iter().zip(&solved).map(|(p, &i)| p - pushed.log_q[i]));
    }
    let weights =
        problem.target().map(|_| Estimates::new(&log_weights, failed, problem.log_z_exact())).transpose()?;
    Ok((weights, stats, failed))
}

/// ESS of the base density: by quadrature where there is a rule, else from as many points as the model gets.
fn base_ess(problem: &Problem, target: &dyn Target) -> Result<f64, RunError> {
    let manifold = problem.manifold();
    let beta = problem.config.beta();
    if let Some(rule) = Quadrature::new(manifold, NODES) {
        let log_p = log_target(target, beta, &rule.points)?;
        let largest = log_p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let moment =
            |k: f64| rule.integrate(&log_p.iter().map(|l| (k * (l - largest)).exp()).collect::<Vec<_>>());
        return Ok(moment(1.0).powi(2) / (moment(0.0) * moment(2.0)));
    }
    let config = &problem.config.evaluation;
    let x = draw(manifold, Spread::Kronecker, config.samples, stream(config.seed, FRESH));
    let log_p = log_target(target, beta, &x)?;
    let log_base = x.chunks_exact(manifold.ambient()).map(|x| manifold.log_base(x));
    let log_weights: Vec<f64> = log_p.iter().zip(log_base).map(|(p, b)| p - b).collect();
    Ok(Estimates::new(&log_weights, 0, None)?.ess.value)
}

/// Mean `log q` of points; none for fewer than two, or where the map folds at one of them.
fn log_likelihood(flow: &Flow, theta: &[f64], y: &[f64]) -> Option<Estimate> {
    let pulled = flow.inverse(theta, y);
    let defined = pulled.log_q.len() >= 2 && pulled.ok.iter().all(|&ok| ok);
    defined.then(|| mean(&pulled.log_q))
}

fn mean(x: &[f64]) -> Estimate {
    let n = x.len() as f64;
    let value = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - value).powi(2)).sum::<f64>() / (n - 1.0);
    Estimate { value, standard_error: (variance / n).sqrt() }
}

fn fold(flow: &Flow, theta: &[f64], fresh: &[f64], stop: &AtomicBool) -> Result<Fold, RunError> {
    let ambient = flow.manifold().ambient();
    let mut min_eigenvalue = f64::INFINITY;
    let mut indefinite = 0;
    for y in fresh.chunks(BATCH * ambient) {
        check(stop)?;
        let pulled = flow.inverse(theta, y);
        indefinite += pulled.ok.iter().filter(|ok| !**ok).count();
        for e in pulled.min_eigenvalue {
            // `f64::min` would drop a NaN.
            min_eigenvalue = if e < min_eigenvalue || e.is_nan() { e } else { min_eigenvalue };
        }
    }
    Ok(Fold { min_eigenvalue, indefinite_share: indefinite as f64 / (fresh.len() / ambient) as f64 })
}

/// The integral of `q`, where the map folds left out: there `q` is not defined, and the fold is reported on its own.
fn mass(problem: &Problem, theta: &[f64], stop: &AtomicBool) -> Result<Mass, RunError> {
    let manifold = problem.manifold();
    let ambient = manifold.ambient();
    let densities = |y: &[f64]| -> Result<Vec<f64>, RunError> {
        let mut q = Vec::with_capacity(y.len() / ambient);
        for y in y.chunks(BATCH * ambient) {
            check(stop)?;
            let pulled = problem.flow.inverse(theta, y);
            q.extend(pulled.log_q.iter().zip(&pulled.ok).map(|(l, &ok)| if ok { l.exp() } else { 0.0 }));
        }
        Ok(q)
    };
    if let Some(rule) = Quadrature::new(manifold, NODES) {
        return Ok(Mass { value: rule.integrate(&densities(&rule.points)?), standard_error: None });
    }
    let mut rng = Pcg64::seed_from_u64(stream(problem.config.evaluation.seed, MASS));
    let mut means = Vec::with_capacity(SHIFTS);
    let sequence =
        Sequence::new(Spread::Kronecker, problem.config.evaluation.uniform / SHIFTS, manifold.cube_dim());
    for _ in 0..SHIFTS {
        let x = base_points(manifold, &sequence, &mut rng);
        let q = densities(&x)?;
        let ratios = x.chunks_exact(ambient).zip(&q).map(|(x, q)| q / manifold.log_base(x).exp());
        means.push(ratios.sum::<f64>() / q.len() as f64);
    }
    let Estimate { value, standard_error } = mean(&means);
    Ok(Mass { value, standard_error: Some(standard_error) })
}

/// Independent seeds from one: evaluations with neighbouring seeds share no stream.
fn stream(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(4).wrapping_add(number)
}

fn check(stop: &AtomicBool) -> Result<(), RunError> {
    if stop.load(Ordering::Relaxed) { Err(RunError::Interrupted) } else { Ok(()) }
}
