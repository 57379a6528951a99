//! Fits a flow to a target or to points of one's own, without a configuration.
//!
//! [`fit_target`] builds a flow for an energy, as deep as training finds use for, and [`fit_data`] for points. [`fit`] and
//! [`fit_points`] take a flow of your own. All train, by least squares where they apply, and evaluate. For control over single steps, for checkpoints or a
//! progress bar use [`Trainer`], for the measures alone [`evaluate`].

pub mod flow_file;
mod options;

use std::sync::atomic::AtomicBool;

use ircpm_flow::{Flow, FlowError, Symmetries};
use ircpm_manifolds::{AnyManifold, InvalidPoint};

use crate::convex::{LayerTerms, LinearDensity, with_contexts_of};
use crate::data::split;
use crate::evaluation::{Evaluation, EvaluationError, evaluate};
use crate::optimiser;
use crate::symmetry::{Asymmetry, check_symmetry};
use crate::target::Target;
use crate::training::findings::{Degenerate, Finding, examine, few_effective};
use crate::training::range::OutOfRange;
use crate::training::{
    End, GROWING_STEPS, NEWTON, Progress, Source, Trainer, TrainingError, Watcher, choose, fit_linear,
};
use crate::weights::{Sample, WeightedPoints};

pub use flow_file::{FlowFile, FlowFileError};
pub use options::{Algorithm, Options};

/// A flow's parameters and how good they are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// Parameters, for the methods of [`Flow`].
    pub theta: Vec<f64>,
    /// ESS, KL and log Z for a target, the likelihood of held-out points, and whether the map folds anywhere: where it
    /// does, its density is none.
    pub evaluation: Evaluation,
    /// Why least squares ended; none for other algorithms, which take all their steps.
    pub end: Option<End>,
    /// Name of the optimiser.
    pub optimiser: &'static str,
    /// Steps, times, and what training met.
    pub progress: Progress,
    /// The functions of linear layers, in the flow's order; empty for networks and for maps of your own.
    pub terms: Vec<LayerTerms>,
    /// What the owner of the points should know; empty for a target.
    pub findings: Vec<Finding>,
}

/// Why a flow cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// An option makes no sense.
    #[error("the option {name} is {value}: give {expected}")]
    Option {
        /// Name of the field of [`Options`].
        name: &'static str,
        /// Value of the option.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A point is not on the manifold.
    #[error("point {index}, counted from 0, is not on the flow's manifold: {source}")]
    Point {
        /// Number of the point.
        index: usize,
        /// What the manifold says.
        source: InvalidPoint,
    },
    /// Too few points of positive weight to learn from.
    #[error("{points} points, of which {train} are left to learn from: give at least two, or hold out fewer")]
    TooFew {
        /// All points.
        points: usize,
        /// Points that are not held out.
        train: usize,
    },
    /// The caller has stopped training before its end.
    #[error("interrupted after {steps} steps")]
    Interrupted {
        /// Steps taken.
        steps: usize,
    },
    /// No flow can be built on the manifold.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// Psi should be built from the energy of a target that has no derivatives.
    #[error(
        "psi cannot be a function of the energy of `{target}`, which does not say its third derivatives; implement \
         Target::differentiable, or leave model.energy out"
    )]
    NotDifferentiable {
        /// Name of the target.
        target: String,
    },
    /// The target does not have a symmetry that its model is given.
    #[error(transparent)]
    Asymmetry(#[from] Asymmetry),
    /// No density exists for the points.
    #[error(transparent)]
    Degenerate(#[from] Degenerate),
    /// Training cannot begin, or stopped before its end.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// The model cannot be evaluated.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

impl From<OutOfRange> for FitError {
    fn from(OutOfRange { name, value, expected }: OutOfRange) -> Self {
        Self::Option { name, value, expected }
    }
}

/// Fits a flow to the density `exp(−βu)/Z` of a target's energy `u`, and measures it.
///
/// The energy may come from anywhere: least squares ask a [`Target`] for its energies alone, Adam and L-BFGS for their
/// gradients as well. An energy that is written over any scalar becomes a target by [`crate::target::InLanes`].
///
/// The same options give the same bits on one instruction set, whatever the number of threads.
///
/// # Errors
/// [`FitError`] for an option out of range, a target on another manifold than the flow, an energy that is not finite
/// somewhere, or training that diverges.
///
/// ```
/// use ircpm_ad::Scalar;
/// use ircpm_flow::{Features, Flow, FlowSpec, Solver};
/// use ircpm_manifolds::AnyManifold;
/// use ircpm_train::fit::{Options, fit};
/// use ircpm_train::target::{Density, InLanes};
///
/// /// `u(θ) = −cos(θ₁ − θ₂) − ½ cos θ₁` on the torus.
/// struct Coupled;
///
/// impl Density for Coupled {
///     fn manifold(&self) -> AnyManifold {
///         "T2".parse().expect("a torus")
///     }
///     fn log_z(&self, _beta: f64) -> Option<f64> {
///         None
///     }
///     #[inline(always)]
///     fn energy<S: Scalar>(&self, y: &[S]) -> S {
///         -((y[0] - y[1]).cos() + y[0].cos() * 0.5)
///     }
/// }
///
/// let flow = Flow::new(FlowSpec {
///     manifold: "T2".parse()?,
///     layers: 1,
///     shared: false,
///     hidden: vec![8, 8],
///     features: Features::Harmonics { order: 1 },
///     symmetry: vec![],
///     output_scale: 1.0,
///     solver: Solver::default(),
/// })?;
/// let target = InLanes::new("coupled", Coupled);
/// let fit = fit(&flow, &target, &Options::default().goal(1e-3).samples(4096))?;
/// let weights = fit.evaluation.weights.expect("a target has weights");
/// assert!(weights.ess.value > 0.99 && !fit.evaluation.fold.is_folded());
/// let density = flow.inverse(&fit.theta, &[0.1, 0.2]).log_q[0].exp();
/// assert!(density > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(flow: &Flow, target: &dyn Target, options: &Options) -> Result<Fit, FitError> {
    options.check()?;
    train(flow, Source::Target { target, beta: options.beta }, options)
}

/// Builds a flow on the target's manifold, fits it as [`fit`] does, and measures it. Returns the flow with as many
/// layers as least squares have found use for, one with other algorithms, and its parameters.
///
/// What the networks are, and whether their number may grow, is in [`Options::model`].
///
/// # Errors
/// As [`fit`], [`FitError::Flow`] if the manifold has no kernels, and [`FitError::Asymmetry`] if the target does not have
/// the symmetries of [`Options::model`].
///
/// ```
/// use ircpm_ad::Scalar;
/// use ircpm_manifolds::AnyManifold;
/// use ircpm_train::fit::{Options, fit_target};
/// use ircpm_train::target::{Density, InLanes};
///
/// /// `u(θ) = −cos(θ₁ − θ₂) − ½ cos θ₁` on the torus.
/// struct Coupled;
///
/// impl Density for Coupled {
///     fn manifold(&self) -> AnyManifold {
///         "T2".parse().expect("a torus")
///     }
///     fn log_z(&self, _beta: f64) -> Option<f64> {
///         None
///     }
///     #[inline(always)]
///     fn energy<S: Scalar>(&self, y: &[S]) -> S {
///         -((y[0] - y[1]).cos() + y[0].cos() * 0.5)
///     }
/// }
///
/// let (flow, fit) = fit_target(&InLanes::new("coupled", Coupled), &Options::default().samples(4096))?;
/// assert!(fit.evaluation.weights.expect("a target has weights").ess.value > 0.999);
/// assert!(!fit.evaluation.fold.is_folded());
/// let samples = flow.sample(&fit.theta, 1000, 7);
/// assert!(samples.ok.iter().all(|&ok| ok));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit_target(target: &dyn Target, options: &Options) -> Result<(Flow, Fit), FitError> {
    fit_target_with(target, options, &AtomicBool::new(false), &mut ())
}

/// As [`fit_target`]; ends between two steps once `stop` is set, and tells `watcher` of every step.
///
/// # Errors
/// As [`fit_target`], and [`FitError::Interrupted`] if `stop` is set, or the watcher breaks off, before the end.
pub fn fit_target_with(
    target: &dyn Target,
    options: &Options,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(Flow, Fit), FitError> {
    options.check()?;
    if options.model.energy.is_some() && target.differentiable().is_none() {
        return Err(FitError::NotDifferentiable { target: target.name().to_owned() });
    }
    let first = options.model.flow(options.spec(target.manifold()), Some(target))?;
    let symmetries = Symmetries::new(&options.model.symmetry, target.manifold()).map_err(FlowError::from)?;
    check_symmetry(target, &symmetries)?;
    let source = Source::Target { target, beta: options.beta };
    let chosen = choose(options.algorithm.name(), &first, source)?.optimiser;
    let grows = options.is_depth_free() && chosen == optimiser::LevenbergMarquardt::NAME;
    let steps = options.steps.or(grows.then_some(GROWING_STEPS));
    let options = Options { steps, ..options.clone() };
    let begin = if grows { Trainer::growing } else { Trainer::new };
    finish(begin(&first, source, &options.training(), options.seed)?, source, &options, stop, watcher)
}

/// Fits a density to points `y` (`[point][coordinate]`) of a manifold, with weights or without, and measures it on those
/// that are held out. Returns the flow and its parameters.
///
/// [`WeightedPoints::new`] gives points their weights; those of weight zero are as if they were not there.
///
/// On a manifold with conditioning variables, such as `T2xC1`, the last coordinates of a point are their values, and the
/// density is that of the others given these; [`Flow::sample_given`] draws from it.
///
/// Psi is linear in its parameters, layer by layer ([`crate::convex`]); depth and smoothness are chosen by validation
/// within the points. Of the options only [`Options::seed`], [`Options::samples`], [`Options::held_out`] and the most
/// layers in [`Options::model`] are read; symmetries, which linear layers do not have, are refused.
///
/// # Errors
/// [`FitError`] for an option out of range, for points that are not on the manifold, too few or on a set of volume
/// zero, and where the manifold has no kernels.
///
/// # Panics
/// If `y` does not hold whole points, or there is not one weight per point.
///
/// ```
/// use ircpm_train::fit::{Options, fit_data};
/// use ircpm_train::points::Generator;
///
/// let mut generator = Generator::from_seed(1);
/// let angles: Vec<f64> = (0..300).map(|_| (1.0 + 0.5 * generator.normal()).rem_euclid(6.28)).collect();
/// let (flow, fit) = fit_data(&"T1".parse()?, &angles, &Options::default().samples(4096))?;
/// assert!(fit.evaluation.is_density() && (fit.evaluation.mass.value - 1.0).abs() < 1e-6);
/// assert!(flow.log_prob(&fit.theta, &[1.0]) > flow.log_prob(&fit.theta, &[4.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit_data<'a>(
    manifold: &AnyManifold,
    y: impl Into<WeightedPoints<'a>>,
    options: &Options,
) -> Result<(Flow, Fit), FitError> {
    fit_data_with(manifold, y, options, &AtomicBool::new(false), &mut ())
}

/// As [`fit_data`]; ends early once `stop` is set, and tells `watcher` of every layer as of a step, whose loss is minus
/// the gain so far in nats per point.
///
/// # Errors
/// As [`fit_data`], and [`FitError::Interrupted`] if `stop` is set, or the watcher breaks off, before the end.
///
/// # Panics
/// As [`fit_data`].
pub fn fit_data_with<'a>(
    manifold: &AnyManifold,
    y: impl Into<WeightedPoints<'a>>,
    options: &Options,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(Flow, Fit), FitError> {
    options.check()?;
    options.check_linear()?;
    let sample = checked(manifold, y.into())?;
    let manifold = &with_contexts_of(manifold, &sample.points);
    let [train, held_out] = checked_split(&sample, manifold.ambient(), options.held_out)?;
    let mut findings = examine(manifold, &[&train.points[..], &held_out.points].concat())?;
    findings.retain(Finding::concerns_linear_layers);
    findings.extend(few_effective(&sample.weights, sample.points.len() / manifold.ambient()));
    let (density, progress) = fit_linear(manifold, train.view(), &options.linear(), stop, watcher)?;
    if !progress.done {
        return Err(FitError::Interrupted { steps: progress.step });
    }
    let LinearDensity { flow, theta, terms, .. } = density;
    let source = Source::points(train.view(), held_out.view());
    let mut evaluation = evaluate(&flow, &theta, source, &options.evaluation(), stop)?;
    evaluation.add_baselines(manifold, source, options.seed);
    Ok((flow, Fit { theta, evaluation, end: None, optimiser: NEWTON, progress, terms, findings }))
}

/// Fits a flow to points `y` (`[point][coordinate]`), with weights or without, by maximum likelihood, and measures it on
/// those that are held out.
///
/// [`fit_data`] builds a flow for which that is a convex problem. With a network, as here, the likelihood does not keep the map from folding where there are no points, nor at concentrated points: look at
/// [`Evaluation::fold`] and at the mass before the density is used.
///
/// # Errors
/// [`FitError`] for an option out of range, for points that are not on the manifold or too few, or if training
/// diverges.
///
/// # Panics
/// If `y` does not hold whole points, or there is not one weight per point.
pub fn fit_points<'a>(
    flow: &Flow,
    y: impl Into<WeightedPoints<'a>>,
    options: &Options,
) -> Result<Fit, FitError> {
    options.check()?;
    let sample = checked(flow.manifold(), y.into())?;
    let [learned, held_out] = checked_split(&sample, flow.manifold().ambient(), options.held_out)?;
    train(flow, Source::points(learned.view(), held_out.view()), options)
}

/// Points that count, checked and wrapped.
fn checked(manifold: &AnyManifold, y: WeightedPoints<'_>) -> Result<Sample, FitError> {
    let n = manifold.ambient();
    y.count(n);
    for (index, point) in y.points().chunks_exact(n).enumerate() {
        manifold.check_point(point).map_err(|source| FitError::Point { index, source })?;
    }
    let mut sample = Sample::new(y, n);
    sample.points.chunks_exact_mut(n).for_each(|point| manifold.wrap(point));
    Ok(sample)
}

/// Points to learn from and those that are held out.
fn checked_split(sample: &Sample, ambient: usize, share: f64) -> Result<[Sample; 2], FitError> {
    let [learned, held_out] = split(sample, ambient, share);
    let (points, left) = (sample.points.len() / ambient, learned.points.len() / ambient);
    if left < 2 {
        return Err(FitError::TooFew { points, train: left });
    }
    Ok([learned, held_out])
}

fn train(flow: &Flow, source: Source<'_>, options: &Options) -> Result<Fit, FitError> {
    let trainer = Trainer::new(flow, source, &options.training(), options.seed)?;
    finish(trainer, source, options, &AtomicBool::new(false), &mut ()).map(|(_, fit)| fit)
}

/// Trains to the end and measures.
fn finish(
    mut trainer: Trainer<'_>,
    source: Source<'_>,
    options: &Options,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(Flow, Fit), FitError> {
    trainer.run(stop, watcher)?;
    if !trainer.is_done() {
        return Err(FitError::Interrupted { steps: trainer.progress().step });
    }
    let flow = trainer.flow().clone();
    let evaluation = evaluate(&flow, trainer.theta(), source, &options.evaluation(), stop)?;
    let fit = Fit {
        theta: trainer.theta().to_vec(),
        evaluation,
        end: trainer.progress().end,
        optimiser: trainer.optimiser(),
        progress: *trainer.progress(),
        terms: vec![],
        findings: vec![],
    };
    Ok((flow, fit))
}
