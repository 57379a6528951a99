//! How good a trained map is, measured on samples of its own, on the data, and on fresh points.
//!
//! A map that folds has no density, and what hides a fold is that nobody looks where it is. So folds are looked for
//! among fresh base points, the model's samples, all points of the data, and the points at which the mass is measured
//! ([`Fold`]). The mass counts folded points by the absolute value of their determinant ([`Mass`]). Points of the data
//! are also carried to the base and back: one that does not come back shows a fold wherever it is. Energy distances
//! tell whether the samples look like the data ([`Likeness`]).

mod error;
mod fold;
mod kernels;
mod likeness;
mod line;
mod mass;
mod mixture;

use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::{Flow, SignedDensities, SolveStats};
use ircpm_manifolds::AnyManifold;

use crate::baseline::{KernelDensity, Mixture};
use crate::config::EvaluationConfig;
use crate::estimate::{Estimate, Estimates};
use crate::points::{Generator, Quadrature, Sequence, Spread, base_points};
use crate::positivity::Positivity;
use crate::ranks::Ranks;
use crate::target::Target;
use crate::training::Source;
use crate::weights::Sample;
pub use error::EvaluationError;
pub use fold::Fold;
use fold::Survey;
pub use likeness::Likeness;
pub use mass::Mass;

/// Results of an evaluation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// ESS, KL and log Z against the target, if there is one.
    pub weights: Option<Estimates>,
    /// ESS of the base density on the same target.
    pub base_ess: Option<f64>,
    /// Mean log-likelihood of the points that were held out, by their weights, in nats; none for fewer than two, or where
    /// the map folds at one of them. It is that of a density only if [`Evaluation::is_density`].
    pub held_out: Option<Estimate>,
    /// Number of points that were held out; none for a target.
    pub held_out_points: Option<usize>,
    /// Mean log-likelihood of the same points under an adaptive kernel density of the others, in nats, if somebody has
    /// measured it.
    pub baseline_kernel: Option<Estimate>,
    /// Mean log-likelihood of the same points under a small mixture fitted to the others, in nats, if somebody has
    /// measured it.
    pub baseline_mixture: Option<Estimate>,
    /// Whether the model's samples look like the data; none for a target, and for fewer than eight points.
    pub likeness: Option<Likeness>,
    /// Inner solves of the model's samples.
    pub solve: SolveStats,
    /// Samples that some layer failed to solve; they are left out of the estimates.
    pub failed: usize,
    /// Whether the map is a diffeomorphism, as far as the points of the evaluation show.
    pub fold: Fold,
    /// The integral of the model's density.
    pub mass: Mass,
    /// What is known of folds of a lattice's flow over its whole torus, if somebody has looked.
    pub positivity: Option<Positivity>,
}

impl Evaluation {
    /// Fits an adaptive kernel density and a small mixture to the points that the flow has learned from, and measures
    /// them where the flow is measured. Does nothing for a target, for conditional densities, or where there are too few
    /// points.
    pub fn add_baselines(&mut self, manifold: &AnyManifold, source: Source<'_>, seed: u64) {
        let Source::Points { train, held_out } = source else { return };
        if manifold.contexts() > 0 {
            return;
        }
        let held_out = Sample::new(held_out, manifold.ambient());
        let kernel = KernelDensity::fit(manifold, train, seed).ok();
        let mixture = Mixture::fit(manifold, train, seed).ok();
        let mean = |log_q: Vec<f64>| (log_q.len() >= 2).then(|| held_out.weights.estimate(&log_q));
        self.baseline_kernel = kernel.and_then(|density| mean(density.log_density(&held_out.points)));
        self.baseline_mixture = mixture.and_then(|density| mean(density.log_density(&held_out.points)));
    }

    /// Whether the map folds: whether a point was seen where it does, or its mass is above one, which only a map that
    /// folds can have.
    pub fn is_folded(&self) -> bool {
        self.fold.is_folded()
            || self.mass.exceeds_one()
            || self.positivity.as_ref().is_some_and(Positivity::is_folded)
    }

    /// Whether the model is a density, as far as the evaluation shows: the map does not fold, and its mass is one.
    pub fn is_density(&self) -> bool {
        !self.is_folded() && self.mass.is_one()
    }
}

/// Points at a time: enough for every thread, little memory.
const BATCH: usize = 8192;
/// Quadrature nodes per dimension.
const NODES: usize = 128;
/// Independent shifts of the points that stand in for quadrature.
const SHIFTS: usize = 8;
/// Most images of base points that are looked at again, and most points of the data that are carried to the base and
/// back.
const MOST_IMAGES: usize = 1 << 16;
const MOST_RETURNS: usize = 1 << 12;
/// Distance between a point and the image of its preimage above which they are two points, relative to one plus the
/// distance to the preimage. Solves leave some 1e-13, over the smallest eigenvalue.
const RETURN: f64 = 1e-4;

/// Streams of the evaluation's seed.
const SAMPLES: u64 = 0;
const FRESH: u64 = 1;
const MASS: u64 = 2;
const HALVINGS: u64 = 3;

/// What model samples tell.
struct Weighed {
    weights: Option<Estimates>,
    solve: SolveStats,
    failed: usize,
    /// The first samples that were solved.
    images: Vec<f64>,
}

/// A model and how it is measured.
struct Subject<'a> {
    flow: &'a Flow,
    theta: &'a [f64],
    source: Source<'a>,
    settings: &'a EvaluationConfig,
    stop: &'a AtomicBool,
    ranks: &'a Ranks,
}

/// Measures a flow with parameters `theta` against what it learned from. The settings' `pictures` are not read.
///
/// # Errors
/// [`EvaluationError::Setting`] for fewer than 2 samples or 8 uniform points, [`EvaluationError::Parameter`] if `theta`
/// is not finite, [`EvaluationError::Energy`] if the target is not finite somewhere, [`EvaluationError::Estimate`] if
/// too few samples are solved, [`EvaluationError::Interrupted`] if `stop` is set meanwhile.
///
/// # Panics
/// If `theta` has the wrong length for the flow, if the target lives on another manifold, or if the points are not whole
/// points with one weight each.
pub fn evaluate(
    flow: &Flow,
    theta: &[f64],
    source: Source<'_>,
    settings: &EvaluationConfig,
    stop: &AtomicBool,
) -> Result<Evaluation, EvaluationError> {
    evaluate_by(&Ranks::ALONE, flow, theta, source, settings, stop)
}

/// [`evaluate`] by ranks together, all of which return the same; it stops where one of them is told to.
pub(crate) fn evaluate_by(
    ranks: &Ranks,
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
    let held_out = Sample::new(source.held_out(), manifold.ambient());
    assert_eq!(theta.len(), flow.parameters(), "the parameters of the flow");
    check(theta, settings)?;
    let subject = Subject { flow, theta, source, settings, stop, ranks };
    let mut survey = Survey::new();
    let Weighed { weights, solve, failed, images } = subject.weigh()?;
    survey.add_indefinite(solve.indefinite);
    let base_ess = source.target().map(|(target, beta)| subject.base_ess(target, beta)).transpose()?;
    let (held_out, held_out_points) = match source {
        Source::Points { .. } => {
            (log_likelihood(flow, theta, &held_out), Some(held_out.points.len() / manifold.ambient()))
        }
        Source::Target { .. } => (None, None),
    };
    let seed = stream(settings.seed, FRESH);
    subject.survey(&draw(manifold, Spread::Kronecker, settings.uniform, seed), &mut survey)?;
    subject.survey(&images, &mut survey)?;
    let data = subject.data();
    let found = subject.survey(&data.points, &mut survey)?;
    subject.carry_back(&data.points, &found, &mut survey)?;
    let likeness = Likeness::new(manifold, &images, &data, stream(settings.seed, HALVINGS));
    let mass = mass::measure(&subject, &images, &mut survey)?;
    Ok(Evaluation {
        weights,
        base_ess,
        held_out,
        held_out_points,
        baseline_kernel: None,
        baseline_mixture: None,
        likeness,
        solve,
        failed,
        fold: survey.fold(),
        mass,
        positivity: None,
    })
}

/// The seed of a run's evaluation, from the configuration's seed of evaluations and that of the run: runs of several
/// seeds are then measured at points of their own, so that the range of their results shows that noise as well.
///
/// By the finaliser of SplitMix64 (Steele, Lea & Flood 2014).
pub fn seed_of_run(evaluation: u64, run: u64) -> u64 {
    let mut z = run.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(evaluation);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
    fn weigh(&self) -> Result<Weighed, EvaluationError> {
        let Self { flow, settings, source, ranks, .. } = *self;
        let ambient = flow.manifold().ambient();
        let x = draw(flow.manifold(), Spread::Random, settings.samples, stream(settings.seed, SAMPLES));
        let mut stats = SolveStats::default();
        let (mut failed, mut images) = (0, Vec::new());
        let mut log_weights = Vec::with_capacity(settings.samples);
        for x in x.chunks(BATCH * ambient) {
            self.check()?;
            let pushed = ranks.forward(flow, self.theta, x);
            stats.merge(&pushed.stats);
            let solved: Vec<usize> = (0..pushed.ok.len()).filter(|&i| pushed.ok[i]).collect();
            failed += pushed.ok.len() - solved.len();
            let y: Vec<f64> =
                solved.iter().flat_map(|i| &pushed.y[i * ambient..(i + 1) * ambient]).copied().collect();
            if images.len() < MOST_IMAGES * ambient {
                images.extend(&y);
            }
            let Some((target, beta)) = source.target() else { continue };
            let log_p = log_target(target, beta, &y)?;
            log_weights.extend(log_p.iter().zip(&solved).map(|(p, &i)| p - pushed.log_q[i]));
        }
        let weights = source
            .target()
            .map(|_| Estimates::new(&log_weights, failed, source.log_z_exact()))
            .transpose()?;
        Ok(Weighed { weights, solve: stats, failed, images })
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

    /// Densities of points, which are added to the survey.
    fn survey(&self, y: &[f64], survey: &mut Survey) -> Result<SignedDensities, EvaluationError> {
        let mut all = SignedDensities::default();
        for y in y.chunks(BATCH * self.flow.manifold().ambient()) {
            self.check()?;
            let found = self.ranks.signed_densities(self.flow, self.theta, y);
            survey.add(&found);
            all.x.extend(found.x);
            all.log_q.extend(found.log_q);
            all.sign.extend(found.sign);
            all.min_eigenvalue.extend(found.min_eigenvalue);
            all.ok.extend(found.ok);
        }
        Ok(all)
    }

    /// Images of base points, those that were solved.
    fn push(&self, x: &[f64], survey: &mut Survey) -> Result<Vec<f64>, EvaluationError> {
        let ambient = self.flow.manifold().ambient();
        let mut y = Vec::with_capacity(x.len());
        for x in x.chunks(BATCH * ambient) {
            self.check()?;
            let pushed = self.ranks.forward(self.flow, self.theta, x);
            survey.add_indefinite(pushed.stats.indefinite);
            let solved = pushed.y.chunks_exact(ambient).zip(&pushed.ok).filter(|(_, ok)| **ok);
            y.extend(solved.flat_map(|(y, _)| y));
        }
        Ok(y)
    }

    /// Whether the map comes back to points `y`, the first of those that were `found`, from their preimages. One that it does not come back to, although the
    /// solve succeeds and `H` is positive definite at either end, shows a fold.
    fn reached(
        &self,
        y: &[f64],
        found: &SignedDensities,
        survey: &mut Survey,
    ) -> Result<Vec<bool>, EvaluationError> {
        let manifold = self.flow.manifold();
        let n = manifold.ambient();
        let mut reached = vec![false; y.len() / n];
        let candidates: Vec<usize> = (0..reached.len()).filter(|&i| found.ok[i]).collect();
        for some in candidates.chunks(BATCH) {
            self.check()?;
            let x: Vec<f64> = some.iter().flat_map(|i| &found.x[i * n..(i + 1) * n]).copied().collect();
            let pushed = self.ranks.forward(self.flow, self.theta, &x);
            for (k, &i) in some.iter().enumerate() {
                let (x, y) = (&x[k * n..(k + 1) * n], &y[i * n..(i + 1) * n]);
                let distance = manifold.distance(&pushed.y[k * n..(k + 1) * n], y);
                let returns = distance <= RETURN * (1.0 + manifold.distance(x, y));
                reached[i] = pushed.ok[k] && returns;
                survey.unreached += usize::from(pushed.ok[k] && !returns);
            }
        }
        Ok(reached)
    }

    /// Looks whether points of the data, spread evenly over all of them, come back from their preimages.
    fn carry_back(
        &self,
        y: &[f64],
        found: &SignedDensities,
        survey: &mut Survey,
    ) -> Result<(), EvaluationError> {
        let n = self.flow.manifold().ambient();
        let count = found.ok.len();
        let most = count.min(MOST_RETURNS);
        let (mut some, mut of_some) = (Vec::new(), SignedDensities::default());
        for i in (0..most).map(|i| i * count / most) {
            some.extend(&y[i * n..(i + 1) * n]);
            of_some.x.extend(&found.x[i * n..(i + 1) * n]);
            of_some.ok.push(found.ok[i]);
        }
        self.reached(&some, &of_some, survey).map(|_| ())
    }

    /// All points of the data that count; none for a target.
    fn data(&self) -> Sample {
        match self.source {
            Source::Points { train, held_out } => {
                Sample::joined(&[train, held_out], self.flow.manifold().ambient())
            }
            Source::Target { .. } => Sample::default(),
        }
    }

    /// Refuses to go on once `stop` is set.
    fn check(&self) -> Result<(), EvaluationError> {
        let stops = self.ranks.any(self.stop.load(Ordering::Relaxed));
        if stops { Err(EvaluationError::Interrupted) } else { Ok(()) }
    }
}

/// Weighted mean of `log q` over points; none for fewer than two, or where the map folds at one of them.
fn log_likelihood(flow: &Flow, theta: &[f64], sample: &Sample) -> Option<Estimate> {
    let pulled = flow.inverse(theta, &sample.points);
    let defined = pulled.log_q.len() >= 2 && pulled.ok.iter().all(|&ok| ok);
    defined.then(|| sample.weights.estimate(&pulled.log_q))
}

/// Independent seeds from one: evaluations with neighbouring seeds share no stream.
fn stream(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(4).wrapping_add(number)
}
