//! A row trained and measured.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ircpm_flow::{Discrete, DiscreteError, DiscreteMap, Flow, Map, OrbitGroup};
use ircpm_manifolds::{AnyManifold, Product};
use serde::Serialize;

use super::{PaperError, Row, Shape};
use crate::config::{Config, EvaluationConfig};
use crate::estimate::Estimate;
use crate::evaluation::{evaluate, seed_of_run};
use crate::target::Target;
use crate::training::{Extent, Problem, ProblemError, Progress, Source, State, Trainer, Watcher};

/// A trained model, and what it was trained on.
pub struct Model {
    /// The map.
    pub flow: Flow,
    /// Its parameters.
    pub theta: Vec<f64>,
    /// The density.
    pub target: Box<dyn Target>,
    /// What it was made from.
    pub config: Config,
}

/// The models that rows have left at their first seed, by the rows' names.
pub type Models = BTreeMap<&'static str, Model>;

/// What was measured of a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Number of parameters.
    pub parameters: usize,
    /// Steps of training.
    pub steps: usize,
    /// ESS as a share.
    pub ess: f64,
    /// Its standard error.
    pub ess_se: f64,
    /// KL in nats.
    pub kl: f64,
    /// Its standard error.
    pub kl_se: f64,
    /// Whether no fold was seen and the mass is one: else ESS and KL are of no density.
    pub density: bool,
    /// Smallest eigenvalue of `H` that was seen.
    pub min_eigenvalue: f64,
    /// Processor seconds of training, all threads together.
    pub cpu_seconds: f64,
}

/// Trains a row's model and measures it. `watch` makes the watcher of training, which goes on for so long.
///
/// # Errors
/// [`PaperError::Stopped`] if `stop` is set before the end; else what cannot be built, trained or measured.
pub fn train<'w>(
    row: &Row,
    config: Config,
    stop: &AtomicBool,
    watch: impl FnOnce(Extent) -> Box<dyn Watcher + 'w>,
) -> Result<(Model, Measured), PaperError> {
    let target = config.target().map_err(ProblemError::from)?.ok_or(ProblemError::NothingToLearn)?;
    let (beta, seed) = (config.beta(), config.seed);
    let (flow, state) = match row.shape {
        Shape::Configured => {
            let problem = Problem::new(config.clone(), Path::new(""))?;
            let state = run(problem.trainer()?, stop, watch(problem.extent()))?;
            (problem.at(&state).expect("a problem of the trainer's depth").flow, state)
        }
        Shape::Discrete { layers, components, smoothing } => {
            let flow = discrete(target.manifold(), layers, components, smoothing)?;
            let source = Source::Target { target: target.as_ref(), beta };
            let trainer = Trainer::new(&flow, source, &config.training, seed)?;
            let state = run(trainer, stop, watch(Extent::Steps(config.training.steps())))?;
            (flow, state)
        }
    };
    let model = Model { flow, theta: state.theta, target, config };
    let measured = measure(&model, &state.progress, stop)?;
    Ok((model, measured))
}

/// Takes all steps.
fn run(
    mut trainer: Trainer<'_>,
    stop: &AtomicBool,
    mut watcher: Box<dyn Watcher + '_>,
) -> Result<State, PaperError> {
    trainer.run(stop, watcher.as_mut())?;
    let state = trainer.state();
    if state.progress.done { Ok(state) } else { Err(PaperError::Stopped) }
}

fn measure(model: &Model, progress: &Progress, stop: &AtomicBool) -> Result<Measured, PaperError> {
    let Model { flow, theta, target, config } = model;
    let Config { seed, ref evaluation, .. } = *config;
    let settings = EvaluationConfig { seed: seed_of_run(evaluation.seed, seed), ..evaluation.clone() };
    let source = Source::Target { target: target.as_ref(), beta: config.beta() };
    let found = evaluate(flow, theta, source, &settings, stop)?;
    let weights = found.weights.as_ref().expect("a target has weights");
    let Estimate { value: ess, standard_error: ess_se } = weights.ess;
    let Estimate { value: kl, standard_error: kl_se } = weights.kl;
    Ok(Measured {
        parameters: flow.parameters(),
        steps: progress.step,
        ess,
        ess_se,
        kl,
        kl_se,
        density: found.is_density() && !progress.fold_seen,
        min_eigenvalue: found.fold.min_eigenvalue,
        cpu_seconds: progress.cpu_seconds,
    })
}

/// A stack of discrete potentials on a surface.
fn discrete(
    manifold: &AnyManifold,
    layers: usize,
    components: usize,
    smoothing: f64,
) -> Result<Flow, PaperError> {
    let product: Product = manifold.to_string().parse().expect("a target of the table is on a product");
    let symmetry = OrbitGroup { group: vec![], translations: vec![] };
    let discrete = Discrete { components, smoothing, constant: false, symmetry };
    let layer = || -> Result<Arc<dyn Map>, DiscreteError> {
        Ok(Arc::new(DiscreteMap::<_, 2>::new(product.clone(), &discrete)?))
    };
    let maps = (0..layers).map(|_| layer()).collect::<Result<_, _>>()?;
    Ok(Flow::from_maps(maps, false)?)
}
