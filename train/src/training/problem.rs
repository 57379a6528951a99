//! A configuration made concrete: the flow, and what it learns from.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ircpm_flow::{Flow, FlowError};
use ircpm_manifolds::AnyManifold;

use super::checkpoint::Checkpoint;
use super::findings::{Finding, examine, few_effective, repeated};
use super::model::{Model, flow_of, grows};
use super::own_samples::of_charges;
use super::{
    Choice, Extent, NEWTON, ProblemError, Progress, Source, State, Trainer, TrainingError, Watcher, choose,
    fit_linear, resume_linear, state_of,
};
use crate::config::{Config, DataConfig, Layers, WarmStart};
use crate::convex::{LinearDensity, LinearOptions, ResumeError, with_contexts_of};
use crate::data::{self, DataError, Note, Points, split};
use crate::lattice::LatticeFlow;
use crate::ranks::Ranks;
use crate::target::Target;
use crate::weights::{Sample, WeightedPoints};

/// Everything that training and evaluation read and never change.
#[derive(Clone)]
pub struct Problem {
    /// The effective configuration.
    pub config: Config,
    /// The map.
    pub flow: Flow,
    /// Why the optimiser was chosen.
    pub choice: &'static str,
    /// The flow with its charges, if its layers are of those.
    lattice: Option<Arc<LatticeFlow>>,
    /// Parameters to begin with, if not random ones.
    start: Option<Start>,
    /// Whether training may add layers.
    grows: bool,
    content: Arc<Content>,
    ranks: Ranks,
}

/// Parameters that training begins with.
#[derive(Clone, Debug, PartialEq)]
struct Start {
    theta: Vec<f64>,
    /// Whether it has its end there.
    is_end: bool,
    /// The file that holds them; empty where the configuration names none.
    checkpoint: Vec<u8>,
}

/// What a problem's flow learns from.
enum Content {
    Target(Box<dyn Target>),
    Points(Box<Data>),
}

/// Points that were read.
struct Data {
    /// All of them, in the order of their file, those of weight zero included.
    all: Points,
    train: Sample,
    held_out: Sample,
    findings: Vec<Finding>,
}

/// Most steps of a stack that grows, unless the configuration has another number: each depth takes some fifty.
pub(crate) const GROWING_STEPS: usize = 400;

/// Why networks have no warm start.
const NO_CHARGES: &str = "both runs need potential = \"charges\", whose parameters do not depend on the size";

impl Problem {
    /// Builds the flow and reads the data. A relative data file is looked for in `base`.
    ///
    /// # Errors
    /// [`ProblemError`] if the model does not fit the manifold or into memory, if the points are not on the manifold,
    /// or if the optimiser does not apply.
    pub fn new(mut config: Config, base: &Path) -> Result<Self, ProblemError> {
        if config.training.warm_start.is_some() && !config.has_charges() {
            return Err(ProblemError::WarmStart { problem: NO_CHARGES.to_owned() });
        }
        let (manifold, content) = match (config.target()?, &config.data) {
            (Some(target), _) => (target.manifold().clone(), Content::Target(target)),
            (None, Some(data)) => {
                let mut content = Data::read(&base.join(&data.file), data)?;
                let manifold = with_contexts_of(&data.flow_manifold(), &content.all.points);
                if config.is_linear() {
                    content.findings.retain(Finding::concerns_linear_layers);
                }
                (manifold, Content::Points(Box::new(content)))
            }
            (None, None) => return Err(ProblemError::NothingToLearn),
        };
        if config.is_linear() {
            let (flow, _) = LinearDensity::base(&manifold)
                .map_err(|source| ProblemError::Flow { manifold: manifold.to_string(), source })?;
            let choice = "a likelihood of linear layers is concave";
            return Ok(Self {
                config,
                flow,
                choice,
                lattice: None,
                start: None,
                grows: false,
                content: Arc::new(content),
                ranks: Ranks::ALONE,
            });
        }
        if config.has_charges() {
            let lattice = Arc::new(LatticeFlow::new(&config, &manifold)?);
            config.model.layers = Layers::Fixed(lattice.maps.len());
            config.training = of_charges(&config.training);
            let training = &mut config.training;
            (training.steps, training.batch) = (Some(training.steps()), Some(training.batch()));
            let choice = "charges are trained on the model's own samples";
            let (flow, lattice) = (lattice.flow.clone(), Some(lattice));
            let warm_start = config.training.warm_start.clone();
            let problem = Self {
                config,
                flow,
                choice,
                lattice,
                start: None,
                grows: false,
                content: Arc::new(content),
                ranks: Ranks::ALONE,
            };
            return match warm_start {
                Some(settings) => problem.started(&base.join(&settings.file), &settings),
                None => Ok(problem),
            };
        }
        let flow = config
            .flow(&manifold)
            .map_err(|source| ProblemError::Flow { manifold: manifold.to_string(), source })?;
        let source = content.source(config.beta());
        let Choice { optimiser, reason: choice } = choose(&config.training.optimiser, &flow, source)?;
        let training = &mut config.training;
        training.optimiser = optimiser.to_owned();
        if training.min_eigenvalue.is_some() && !training.is_least_squares() {
            return Err(TrainingError::NoFloor { optimiser }.into());
        }
        let grows = grows(&config);
        let training = &mut config.training;
        if grows {
            training.steps = training.steps.or(Some(GROWING_STEPS));
        }
        (training.steps, training.batch) = (Some(training.steps()), Some(training.batch()));
        let (content, ranks) = (Arc::new(content), Ranks::ALONE);
        Ok(Self { config, flow, choice, lattice: None, start: None, grows, content, ranks })
    }

    /// The same problem whose training begins as the settings of a warm start say, whose file has this path.
    fn started(&self, path: &Path, settings: &WarmStart) -> Result<Self, ProblemError> {
        let refused = |problem: String| ProblemError::WarmStart { problem };
        let bytes = data::load(path, settings.crc32.as_deref())?;
        let other = Checkpoint::decode(&bytes)
            .map_err(|error| refused(format!("checkpoint {}: {error}", path.display())))?;
        let mut started = self.warm_start(&other, !settings.trains)?;
        if let (Some(start), Some(settings)) = (&mut started.start, &mut started.config.training.warm_start) {
            settings.crc32 = Some(data::crc32(&bytes));
            start.checkpoint = bytes;
        }
        Ok(started)
    }

    /// The problem as it can be repeated from a folder of its own: the checkpoint that it begins with is looked for in the
    /// file `name` beside the configuration, and its bytes are returned as well. The configuration has their checksum.
    pub fn with_copy_of_start(&self, name: &str) -> (Self, Option<Vec<u8>>) {
        let mut copied = self.clone();
        let (Some(start), Some(settings)) = (&self.start, &mut copied.config.training.warm_start) else {
            return (copied, None);
        };
        settings.source.get_or_insert_with(|| settings.file.clone());
        settings.file = name.into();
        (copied, Some(start.checkpoint.clone()))
    }

    /// The flow with its charges, if its layers are of those.
    pub fn lattice(&self) -> Option<&LatticeFlow> {
        self.lattice.as_deref()
    }

    /// The same problem whose training begins with the parameters of another run, on a lattice of any size with the same
    /// charges, at the target's own β; or has its end there, if `is_end`.
    ///
    /// # Errors
    /// [`ProblemError::WarmStart`] if one of the two has no charges, or if they are not the same.
    pub fn warm_start(&self, other: &Checkpoint, is_end: bool) -> Result<Self, ProblemError> {
        let refused = |problem: String| ProblemError::WarmStart { problem };
        let lattice = self.lattice.as_ref().filter(|_| other.config.has_charges());
        let lattice = lattice.ok_or_else(|| refused(NO_CHARGES.to_owned()))?;
        let model = Model::new(other).map_err(|error| refused(error.to_string()))?;
        let source = LatticeFlow::new(&other.config, model.flow.manifold())?;
        let theta =
            lattice.parameters_from(&source, &model.theta).map_err(|error| refused(error.to_string()))?;
        Ok(Self { start: Some(Start { theta, is_end, checkpoint: vec![] }), ..self.clone() })
    }

    /// The same problem for ranks that train together, each of which has it: see [`Trainer::shared_by`]. Linear layers are
    /// fitted by each process alone.
    pub fn shared_by(self, ranks: Ranks) -> Self {
        let ranks = if self.config.is_linear() { Ranks::ALONE } else { ranks };
        Self { ranks, ..self }
    }

    /// The ranks that train together.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// The same problem with the flow that a state's parameters are for; none if there is no such flow.
    pub fn at(&self, state: &State) -> Option<Self> {
        let flow = flow_of(&self.config, self.manifold(), state)?;
        Some(Self { flow, ..self.clone() })
    }

    /// Fits linear layers to the points: the problem with the fitted flow, and its state.
    ///
    /// # Errors
    /// [`ProblemError::Flow`] if there are no kernels for the manifold, [`ProblemError::NothingToLearn`] if there are
    /// no points.
    pub fn fit_linear(
        &self,
        stop: &AtomicBool,
        watcher: &mut dyn Watcher,
    ) -> Result<(Self, State), ProblemError> {
        let (train, options) = self.linear_fit()?;
        let (density, progress) = fit_linear(self.manifold(), train, &options, stop, watcher)
            .map_err(|source| self.unbuilt(source))?;
        Ok(self.fitted(density, progress, watcher))
    }

    /// Goes on with a fit of linear layers from a saved state, to the same bits as the fit that was not interrupted; from
    /// the start, if the state has no layers to go on from.
    ///
    /// # Errors
    /// As [`Problem::fit_linear`], and [`ProblemError::Growth`] if the state is damaged or of another fit.
    pub fn resume_linear(
        &self,
        state: &State,
        stop: &AtomicBool,
        watcher: &mut dyn Watcher,
    ) -> Result<(Self, State), ProblemError> {
        let (train, options) = self.linear_fit()?;
        let (density, progress) = resume_linear(self.manifold(), train, &options, state, stop, watcher)
            .map_err(|error| match error {
                ResumeError::Flow(source) => self.unbuilt(source),
                ResumeError::State(damage) => damage.into(),
            })?;
        Ok(self.fitted(density, progress, watcher))
    }

    /// What linear layers are fitted to, and how.
    fn linear_fit(&self) -> Result<(WeightedPoints<'_>, LinearOptions), ProblemError> {
        let Content::Points(data) = &*self.content else {
            return Err(ProblemError::NothingToLearn);
        };
        let mut options = LinearOptions { seed: self.config.seed, ..LinearOptions::default() };
        if let Layers::Fixed(layers) = self.config.model.layers {
            options.layers = layers;
        }
        Ok((data.train.view(), options))
    }

    fn unbuilt(&self, source: FlowError) -> ProblemError {
        ProblemError::Flow { manifold: self.manifold().to_string(), source }
    }

    /// The problem with a fitted flow, and its state, which is given to a watcher.
    fn fitted(&self, density: LinearDensity, progress: Progress, watcher: &mut dyn Watcher) -> (Self, State) {
        let state = state_of(&density, progress, self.config.seed);
        // Training is over: a watcher has nothing to stop.
        let _ = watcher.checkpoint(&state);
        (Self { flow: density.flow, ..self.clone() }, state)
    }

    /// What the owner of the points should know.
    pub fn findings(&self) -> &[Finding] {
        match &*self.content {
            Content::Points(data) => &data.findings,
            Content::Target(_) => &[],
        }
    }

    /// What was taken for granted when the points were read.
    pub fn notes(&self) -> &[Note] {
        match &*self.content {
            Content::Points(data) => &data.all.notes,
            Content::Target(_) => &[],
        }
    }

    /// The problem as it can be repeated from a folder of its own: points are looked for in the file `name` beside the
    /// configuration, and its bytes are returned as well. They are those of a `.npy` file, angles in radians, with a last
    /// column of weights if there are some; the configuration has their checksum.
    pub fn with_copy(&self, name: &str) -> (Self, Option<Vec<u8>>) {
        let mut copied = self.clone();
        let (Content::Points(data), Some(settings)) = (&*self.content, &self.config.data) else {
            return (copied, None);
        };
        let copy = data.all.encode(self.manifold().ambient());
        let notes = data.all.notes.iter().map(Note::to_string).collect();
        let notation = data.all.notation.clone();
        copied.config.data = Some(settings.copied(name, data::crc32(&copy), notes, notation));
        (copied, Some(copy))
    }

    /// How long training goes on.
    pub fn extent(&self) -> Extent {
        let (config, training) = (&self.config, &self.config.training);
        match (config.is_linear(), config.model.layers) {
            (true, Layers::Fixed(layers)) => Extent::Layers { most: layers },
            (true, Layers::Auto) => Extent::Layers { most: LinearOptions::default().layers },
            (false, _) if training.is_least_squares() => {
                Extent::Goal { most: training.steps(), kl: training.goal }
            }
            (false, _) => Extent::Steps(training.steps()),
        }
    }

    /// Name of the method that finds the parameters.
    pub fn method(&self) -> &str {
        if self.config.is_linear() { NEWTON } else { &self.config.training.optimiser }
    }

    /// What the flow learns from.
    pub fn source(&self) -> Source<'_> {
        self.content.source(self.config.beta())
    }

    /// Training from fresh parameters.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn trainer(&self) -> Result<Trainer<'_>, TrainingError> {
        Ok(self.fresh_trainer()?.shared_by(&self.ranks))
    }

    fn fresh_trainer(&self) -> Result<Trainer<'_>, TrainingError> {
        if let Some(lattice) = &self.lattice {
            let trainer =
                Trainer::of_lattice(lattice, self.source(), &self.config.training, self.config.seed)?;
            return Ok(match &self.start {
                Some(Start { theta, is_end: true, .. }) => trainer.ended_at(theta),
                Some(Start { theta, is_end: false, .. }) => trainer.begun_at(theta),
                None => trainer,
            });
        }
        let begin = if self.grows { Trainer::growing } else { Trainer::new };
        begin(&self.flow, self.source(), &self.config.training, self.config.seed)
    }

    /// Training that goes on from a saved state.
    ///
    /// # Errors
    /// As [`Trainer::resume`].
    pub fn resume(&self, state: State) -> Result<Trainer<'_>, TrainingError> {
        Ok(self.restored_trainer(state)?.shared_by(&self.ranks))
    }

    fn restored_trainer(&self, state: State) -> Result<Trainer<'_>, TrainingError> {
        if let Some(lattice) = &self.lattice {
            let Config { training, seed, .. } = &self.config;
            return Trainer::resume_lattice(lattice, self.source(), training, *seed, state);
        }
        let resume = if self.grows { Trainer::resume_growing } else { Trainer::resume };
        resume(&self.flow, self.source(), &self.config.training, self.config.seed, state)
    }

    /// The manifold that the flow lives on.
    pub fn manifold(&self) -> &AnyManifold {
        self.flow.manifold()
    }

    /// Name in tables: the target's, or the data file's.
    pub fn name(&self) -> String {
        match (&*self.content, &self.config.data) {
            (Content::Target(target), _) => target.name().to_owned(),
            (_, Some(data)) => {
                let file = data.source.as_ref().unwrap_or(&data.file);
                file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
            }
            (_, None) => String::new(),
        }
    }
}

impl Content {
    fn source(&self, beta: f64) -> Source<'_> {
        match self {
            Self::Target(target) => Source::Target { target: target.as_ref(), beta },
            Self::Points(data) => Source::points(data.train.view(), data.held_out.view()),
        }
    }
}

impl Data {
    /// Reads points and splits them.
    ///
    /// # Errors
    /// [`ProblemError::Data`] or [`ProblemError::Degenerate`].
    fn read(path: &Path, settings: &DataConfig) -> Result<Self, ProblemError> {
        let manifold = &settings.flow_manifold();
        let ambient = manifold.ambient();
        let all = data::read(path, manifold, &settings.options())?;
        let sample = Sample::new(all.weighted(), ambient);
        let rows = sample.points.len() / ambient;
        if rows < 2 {
            return Err(DataError::TooFew { path: path.to_owned(), rows, needed: 2 }.into());
        }
        let mut findings = examine(manifold, &sample.points)
            .map_err(|source| ProblemError::Degenerate { path: path.to_owned(), source })?;
        let [train, held_out] = split(&sample, ambient, settings.held_out);
        if train.points.len() < 2 * ambient {
            let left = train.points.len() / ambient;
            return Err(ProblemError::HeldOut { path: path.to_owned(), rows, left });
        }
        findings.extend(few_effective(&sample.weights, rows));
        findings.extend(repeated(ambient, &train.points, &held_out.points));
        Ok(Self { all, train, held_out, findings })
    }
}
