//! How good a trained map is, measured on samples of its own and on fresh points.

use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::{Flow, SolveStats};
use ircpm_manifolds::AnyManifold;

use crate::config::EvaluationConfig;
use crate::estimate::{Estimate, EstimateError, Estimates};
use crate::points::{Generator, Quadrature, Sequence, Spread, base_points};
use crate::target::Target;
use crate::training::Source;

/// Why a model cannot be evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The energy is not a number at a point.
    #[error(
        "target {target}: the energy is {energy} at the point {point:?}; it must be finite everywhere on the manifold"
    )]
    Energy {
        /// Name of the target.
        target: String,
        /// Value of the energy.
        energy: f64,
        /// The point, in ambient coordinates.
        point: Vec<f64>,
    },
    /// The model's samples allow no estimate.
    #[error("evaluation: {0}")]
    Estimate(#[from] EstimateError),
    /// A setting is out of its range.
    #[error("the setting {name} of the evaluation is {value}: give {expected}")]
    Setting {
        /// Name of the field of [`EvaluationConfig`].
        name: &'static str,
        /// Value of the setting.
        value: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// A parameter is NaN or infinite.
    #[error(
        "parameter {index} of the flow, counted from 0, is {value}; give the parameters of a run that did not diverge"
    )]
    Parameter {
        /// The first such parameter.
        index: usize,
        /// Value of the parameter.
        value: f64,
    },
    /// The evaluation was asked to stop.
    #[error("interrupted during the evaluation")]
    Interrupted,
}

/// Results of an evaluation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
    /// Whether the map is a diffeomorphism, as far as fresh points show.
    pub fold: Fold,
    /// The integral of the model's density.
    pub mass: Mass,
}

/// The smallest eigenvalue of `H` over fresh base points and points that were held out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fold {
    /// Smallest eigenvalue over all points; NaN where a point is beyond the injectivity radius.
    pub min_eigenvalue: f64,
    /// Share of the points where it is not positive, or beyond the injectivity radius.
    pub indefinite_share: f64,
}

/// The integral of the model's density over the manifold, one if it is a density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mass {
    /// The integral of `q`.
    pub value: f64,
    /// Standard error from independent random shifts; none for quadrature, which is exact to rounding.
    pub standard_error: Option<f64>,
}

impl Fold {
    /// Whether a point was seen where the map folds: then its `q` is not a density.
    pub fn is_folded(&self) -> bool {
        // A share of no points is NaN, which shows nothing: it counts as a fold, like a NaN eigenvalue.
        let share = self.indefinite_share;
        self.min_eigenvalue <= 0.0 || self.min_eigenvalue.is_nan() || share > 0.0 || share.is_nan()
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

/// A model and how it is measured.
struct Subject<'a> {
    flow: &'a Flow,
    theta: &'a [f64],
    source: Source<'a>,
    settings: &'a EvaluationConfig,
    stop: &'a AtomicBool,
}

/// Measures a flow with parameters `theta` against what it learned from. The settings' `pictures` are not read.
///
/// # Errors
/// [`EvaluationError::Setting`] for fewer than 2 samples or 8 uniform points, [`EvaluationError::Parameter`] if `theta`
/// is not finite, [`EvaluationError::Energy`] if the target is not finite somewhere, [`EvaluationError::Estimate`] if
/// too few samples are solved, [`EvaluationError::Interrupted`] if `stop` is set meanwhile.
///
/// # Panics
/// If `theta` has the wrong length for the flow, if the target lives on another manifold, or if the held-out points
/// are not whole points.
pub fn evaluate(
    flow: &Flow,
    theta: &[f64],
    source: Source<'_>,
    settings: &EvaluationConfig,
    stop: &AtomicBool,
) -> Result<Evaluation, EvaluationError> {
    let manifold = flow.manifold();
    if let Some((target, _)) = source.target() {
        assert_eq!(manifold, target.manifold(), "a flow and its target live on one manifold");
    }
    let (count, n) = (source.held_out().len(), manifold.ambient());
    assert!(count.is_multiple_of(n), "whole held-out points of {n} coordinates");
    assert_eq!(theta.len(), flow.parameters(), "the parameters of the flow");
    check(theta, settings)?;
    let subject = Subject { flow, theta, source, settings, stop };
    let (weights, solve, failed) = subject.weigh()?;
    let base_ess = source.target().map(|(target, beta)| subject.base_ess(target, beta)).transpose()?;
    let held_out = match source {
        Source::Points { held_out, .. } => log_likelihood(flow, theta, held_out),
        Source::Target { .. } => None,
    };
    let seed = stream(settings.seed, FRESH);
    let mut fresh = draw(flow.manifold(), Spread::Kronecker, settings.uniform, seed);
    fresh.extend(source.held_out());
    let fold = subject.fold(&fresh)?;
    let mass = subject.mass()?;
    Ok(Evaluation { weights, base_ess, held_out, solve, failed, fold, mass })
}

/// Refuses parameters and settings that no estimate can be made of.
fn check(theta: &[f64], settings: &EvaluationConfig) -> Result<(), EvaluationError> {
    let EvaluationConfig { samples, uniform, .. } = *settings;
    if samples < 2 {
        let expected = "at least 2, because a standard error needs them";
        return Err(EvaluationError::Setting { name: "samples", value: samples, expected });
    }
    if uniform < SHIFTS {
        let expected = "at least 8, one for each independent shift";
        return Err(EvaluationError::Setting { name: "uniform", value: uniform, expected });
    }
    match theta.iter().position(|t| !t.is_finite()) {
        Some(index) => Err(EvaluationError::Parameter { index, value: theta[index] }),
        None => Ok(()),
    }
}

/// Base points, `count` of them, from the generator of a seed.
fn draw(manifold: &AnyManifold, spread: Spread, count: usize, seed: u64) -> Vec<f64> {
    base_points(manifold, &Sequence::new(spread, count, manifold.cube_dim()), &mut Generator::from_seed(seed))
}

/// Log-density of the target at points, `−βu`, not normalised.
///
/// # Errors
/// [`EvaluationError::Energy`] with the first point where it is not finite.
pub fn log_target(target: &dyn Target, beta: f64, y: &[f64]) -> Result<Vec<f64>, EvaluationError> {
    let ambient = target.manifold().ambient();
    let mut u = vec![0.0; y.len() / ambient];
    target.energies(y, &mut u);
    if let Some(i) = u.iter().position(|u| !u.is_finite()) {
        let point = y[i * ambient..(i + 1) * ambient].to_vec();
        return Err(EvaluationError::Energy { target: target.name().to_owned(), energy: u[i], point });
    }
    Ok(u.into_iter().map(|u| -beta * u).collect())
}

impl Subject<'_> {
    /// Solves for independent model samples and weighs them against the target; counts those that failed.
    fn weigh(&self) -> Result<(Option<Estimates>, SolveStats, usize), EvaluationError> {
        let Self { flow, settings, source, .. } = *self;
        let ambient = flow.manifold().ambient();
        let x = draw(flow.manifold(), Spread::Random, settings.samples, stream(settings.seed, SAMPLES));
        let mut stats = SolveStats::default();
        let (mut failed, mut log_weights) = (0, Vec::with_capacity(settings.samples));
        for x in x.chunks(BATCH * ambient) {
            self.check()?;
            let pushed = flow.forward(self.theta, x);
            stats.merge(&pushed.stats);
            let solved: Vec<usize> = (0..pushed.ok.len()).filter(|&i| pushed.ok[i]).collect();
            failed += pushed.ok.len() - solved.len();
            let Some((target, beta)) = source.target() else { continue };
            let y: Vec<f64> =
                solved.iter().flat_map(|i| &pushed.y[i * ambient..(i + 1) * ambient]).copied().collect();
            let log_p = log_target(target, beta, &y)?;
            log_weights.extend(log_p.iter().zip(&solved).map(|(p, &i)| p - pushed.log_q[i]));
        }
        let weights = source
            .target()
            .map(|_| Estimates::new(&log_weights, failed, source.log_z_exact()))
            .transpose()?;
        Ok((weights, stats, failed))
    }

    /// ESS of the base density: by quadrature where there is a rule, else from as many points as the model gets.
    fn base_ess(&self, target: &dyn Target, beta: f64) -> Result<f64, EvaluationError> {
        let manifold = self.flow.manifold();
        if let Some(rule) = Quadrature::new(manifold, NODES) {
            let log_p = log_target(target, beta, &rule.points)?;
            let largest = log_p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let moment =
                |k: f64| rule.integrate(&log_p.iter().map(|l| (k * (l - largest)).exp()).collect::<Vec<_>>());
            return Ok(moment(1.0).powi(2) / (moment(0.0) * moment(2.0)));
        }
        let EvaluationConfig { samples, seed, .. } = *self.settings;
        let x = draw(manifold, Spread::Kronecker, samples, stream(seed, FRESH));
        let log_p = log_target(target, beta, &x)?;
        let log_base = x.chunks_exact(manifold.ambient()).map(|x| manifold.log_base(x));
        let log_weights: Vec<f64> = log_p.iter().zip(log_base).map(|(p, b)| p - b).collect();
        Ok(Estimates::new(&log_weights, 0, None)?.ess.value)
    }

    /// The smallest eigenvalue over points.
    fn fold(&self, fresh: &[f64]) -> Result<Fold, EvaluationError> {
        let ambient = self.flow.manifold().ambient();
        let mut min_eigenvalue = f64::INFINITY;
        let mut indefinite = 0;
        for y in fresh.chunks(BATCH * ambient) {
            self.check()?;
            let (pulled, eigenvalues) = self.flow.inverse_with_eigenvalues(self.theta, y);
            indefinite += pulled.ok.iter().filter(|ok| !**ok).count();
            for e in eigenvalues {
                // `f64::min` would drop a NaN.
                min_eigenvalue = if e < min_eigenvalue || e.is_nan() { e } else { min_eigenvalue };
            }
        }
        Ok(Fold { min_eigenvalue, indefinite_share: indefinite as f64 / (fresh.len() / ambient) as f64 })
    }

    /// The integral of `q`, where the map folds left out: there `q` is not defined, and the fold is reported on its
    /// own.
    fn mass(&self) -> Result<Mass, EvaluationError> {
        let manifold = self.flow.manifold();
        let ambient = manifold.ambient();
        let densities = |y: &[f64]| -> Result<Vec<f64>, EvaluationError> {
            let mut q = Vec::with_capacity(y.len() / ambient);
            for y in y.chunks(BATCH * ambient) {
                self.check()?;
                let pulled = self.flow.inverse(self.theta, y);
                q.extend(pulled.log_q.iter().zip(&pulled.ok).map(|(l, &ok)| if ok { l.exp() } else { 0.0 }));
            }
            Ok(q)
        };
        if let Some(rule) = Quadrature::new(manifold, NODES) {
            return Ok(Mass { value: rule.integrate(&densities(&rule.points)?), standard_error: None });
        }
        let mut rng = Generator::from_seed(stream(self.settings.seed, MASS));
        let mut means = Vec::with_capacity(SHIFTS);
        let sequence = Sequence::new(Spread::Kronecker, self.settings.uniform / SHIFTS, manifold.cube_dim());
        for _ in 0..SHIFTS {
            let x = base_points(manifold, &sequence, &mut rng);
            let q = densities(&x)?;
            let ratios = x.chunks_exact(ambient).zip(&q).map(|(x, q)| q / manifold.log_base(x).exp());
            means.push(ratios.sum::<f64>() / q.len() as f64);
        }
        let Estimate { value, standard_error } = mean(&means);
        Ok(Mass { value, standard_error: Some(standard_error) })
    }

    /// Refuses to go on once `stop` is set.
    fn check(&self) -> Result<(), EvaluationError> {
        if self.stop.load(Ordering::Relaxed) { Err(EvaluationError::Interrupted) } else { Ok(()) }
    }
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

/// Independent seeds from one: evaluations with neighbouring seeds share no stream.
fn stream(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(4).wrapping_add(number)
}
