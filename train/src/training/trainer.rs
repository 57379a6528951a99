//! The training loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ircpm_flow::Flow;

use super::choice::choose;
use super::clock::Clock;
use super::collocation::Collocation;
use super::minibatch::Minibatch;
use super::own_samples::{OwnSamples, of_charges};
use super::range::{check_points, check_settings};
use super::recent::Recent;
use super::{Progress, Source, State, Step, TrainingError, TrainingObjective, Watcher};
use crate::config::TrainingConfig;
use crate::lattice::LatticeFlow;
use crate::loss::LossError;
use crate::optimiser::{self, LevenbergMarquardt, Optimiser, Settings, tensor};
use crate::points::Generator;
use crate::ranks::Ranks;

/// The state of training, between steps.
pub struct Trainer<'a> {
    source: Source<'a>,
    settings: TrainingConfig,
    theta: Vec<f64>,
    optimiser: Box<dyn Optimiser>,
    objective: Box<dyn TrainingObjective + 'a>,
    progress: Progress,
    recent: Recent,
    ranks: Ranks,
}

/// Tensor of the parameters that the optimiser moves, where they are not the flow's.
const FREE: &str = "free";

/// What is special about a flow.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Fixed,
    /// Training may add layers.
    Growing,
    /// Its layers are of charges.
    Lattice(&'a LatticeFlow),
}

/// Changes the seed for the points, because the parameters take the seed itself.
const BASE_POINTS: u64 = 0x5eed_ba5e;

/// Time after which the state is saved at the next step, so that a run that is killed loses little.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

impl<'a> Trainer<'a> {
    /// Training from fresh parameters. The settings' loss is not read: it follows from the source.
    ///
    /// # Errors
    /// [`TrainingError::Manifold`] if the target lives on another manifold than the flow,
    /// [`TrainingError::Point`] if a point is not on it, [`TrainingError::Setting`] if a setting or the inverse
    /// temperature is out of its range, [`TrainingError::NoParameters`] if the flow has none,
    /// [`TrainingError::TooLarge`] if it has more than fit into memory,
    /// [`TrainingError::NoLeastSquares`] if least squares are asked for where they do not apply,
    /// [`TrainingError::UnknownOptimiser`] if no optimiser has the name.
    ///
    /// # Panics
    /// If there are no points to learn from, or if those or the held-out ones are not whole points.
    pub fn new(
        flow: &'a Flow,
        source: Source<'a>,
        settings: &TrainingConfig,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        Self::begin(flow, source, settings, seed, Kind::Fixed)
    }

    /// As [`Trainer::new`], with more layers where least squares find that those of the flow are exhausted: ask
    /// [`Trainer::flow`] for the flow then. Other optimisers, and flows that share their parameters, keep their depth.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    ///
    /// # Panics
    /// As [`Trainer::new`].
    pub fn growing(
        flow: &'a Flow,
        source: Source<'a>,
        settings: &TrainingConfig,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        Self::begin(flow, source, settings, seed, Kind::Growing)
    }

    /// As [`Trainer::new`], of a flow of charges on its own samples: see [`OwnSamples`]. By default it takes 40 steps
    /// of [`LevenbergMarquardt`].
    ///
    /// # Errors
    /// As [`Trainer::new`].
    ///
    /// # Panics
    /// If the source is not a target.
    pub fn of_lattice(
        lattice: &'a LatticeFlow,
        source: Source<'a>,
        settings: &TrainingConfig,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        let settings = of_charges(settings);
        Self::begin(&lattice.flow, source, &settings, seed, Kind::Lattice(lattice))
    }

    fn begin(
        flow: &'a Flow,
        source: Source<'a>,
        settings: &TrainingConfig,
        seed: u64,
        kind: Kind<'a>,
    ) -> Result<Self, TrainingError> {
        if let Some((target, _)) = source.target()
            && target.manifold() != flow.manifold()
        {
            let (target, flow) = (target.manifold().to_string(), flow.manifold().to_string());
            return Err(TrainingError::Manifold { target, flow });
        }
        check_points(flow.manifold(), source)?;
        check_settings(settings, source)?;
        let name = choose(&settings.optimiser, flow, source)?.optimiser;
        let settings = TrainingConfig { optimiser: name.to_owned(), ..settings.clone() };
        let theta = flow.initial(seed);
        let optimiser = optimiser_of(&settings, theta.len())?;
        let generator = Generator::from_seed(seed ^ BASE_POINTS);
        let objective = objective(flow, source, &settings, generator, kind);
        let (progress, recent) = (Progress::default(), Recent::default());
        let ranks = Ranks::ALONE;
        Ok(Self { source, settings, theta, optimiser, objective, progress, recent, ranks })
    }

    /// Training that goes on from a saved state.
    ///
    /// # Errors
    /// As [`Trainer::new`]; [`TrainingError::State`] if the state is of a model of another size or of another
    /// optimiser.
    pub fn resume(
        flow: &'a Flow,
        source: Source<'a>,
        settings: &TrainingConfig,
        seed: u64,
        state: State,
    ) -> Result<Self, TrainingError> {
        Self::new(flow, source, settings, seed)?.restored(state)
    }

    /// Training that goes on from a saved state of [`Trainer::growing`]; the number of layers follows from that of the
    /// parameters.
    ///
    /// # Errors
    /// As [`Trainer::resume`].
    pub fn resume_growing(
        flow: &'a Flow,
        source: Source<'a>,
        settings: &TrainingConfig,
        seed: u64,
        state: State,
    ) -> Result<Self, TrainingError> {
        Self::growing(flow, source, settings, seed)?.restored(state)
    }

    /// The same training with its work divided among ranks, each of which trains the same flow with the same source,
    /// settings and seed, from the same state. Parameters are the same bits as of one process.
    pub fn shared_by(mut self, ranks: &Ranks) -> Self {
        self.objective.share(ranks);
        self.ranks = ranks.clone();
        self
    }

    /// The same training of a lattice from given parameters of its flow, at the target's own β from the first step on.
    ///
    /// # Panics
    /// If there are not as many as the flow has.
    pub(super) fn begun_at(mut self, theta: &[f64]) -> Self {
        assert_eq!(theta.len(), self.theta.len(), "parameters of the flow");
        self.theta = self.objective.begin_at(theta);
        self
    }

    /// The same training with its end at given parameters of the flow.
    ///
    /// # Panics
    /// If there are not as many as the flow has.
    pub(super) fn ended_at(mut self, theta: &[f64]) -> Self {
        assert_eq!(theta.len(), self.theta.len(), "parameters of the flow");
        self.theta = theta.to_vec();
        self.progress.done = true;
        self
    }

    /// Training that goes on from a saved state of [`Trainer::of_lattice`].
    ///
    /// # Errors
    /// As [`Trainer::resume`].
    ///
    /// # Panics
    /// As [`Trainer::of_lattice`].
    pub fn resume_lattice(
        lattice: &'a LatticeFlow,
        source: Source<'a>,
        settings: &TrainingConfig,
        seed: u64,
        state: State,
    ) -> Result<Self, TrainingError> {
        Self::of_lattice(lattice, source, settings, seed)?.restored(state)
    }

    fn restored(mut self, state: State) -> Result<Self, TrainingError> {
        let State { mut theta, optimiser, generator, progress, .. } = state;
        if optimiser.contains_key(FREE) {
            theta = tensor(&optimiser, FREE, Some(self.theta.len()), f64::is_finite)?.to_vec();
        }
        self.optimiser.restore(&optimiser)?;
        self.objective.restore(&theta, &optimiser, generator)?;
        Ok(Self { theta, progress, ..self })
    }

    /// The flow, with the layers that training has added.
    pub fn flow(&self) -> &Flow {
        self.objective.flow()
    }

    /// The state, as it can be saved.
    pub fn state(&self) -> State {
        let mut optimiser = self.optimiser.state();
        optimiser.extend(self.objective.state());
        let theta = match self.progress.done {
            true => self.theta.clone(),
            false => self.objective.parameters(&self.theta),
        };
        let generator = self.objective.generator().clone();
        if theta != self.theta {
            optimiser.insert(FREE.to_owned(), self.theta.clone());
        }
        State { theta, optimiser, generator, progress: self.progress, terms: vec![], growth: None }
    }

    /// The parameters as they are optimised: before the end of a lattice's training its *free* ones.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// How far training has come.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Name of the optimiser.
    pub fn optimiser(&self) -> &'static str {
        self.optimiser.name()
    }

    /// Whether all steps are taken, or least squares have ended by themselves.
    pub fn is_done(&self) -> bool {
        self.progress.done
    }

    /// Takes one step.
    ///
    /// # Errors
    /// [`TrainingError::Diverged`] or [`TrainingError::Broken`], or [`TrainingError::NoStart`] at the first step, if
    /// loss or gradient are not finite or too many solves fail; [`TrainingError::Loss`] if the energy is not finite, or
    /// too sharp. Parameters are then unchanged.
    pub fn step(&mut self) -> Result<Step, TrainingError> {
        let step = self.progress.step;
        let taken = self.optimiser.step(&mut self.theta, self.objective.as_mut(), step);
        let taken = taken.map_err(|cause| self.failed(cause))?;
        let failed = taken.stats.unconverged + taken.stats.indefinite;
        self.recent.push(taken.loss, taken.log_weights);
        let layers = self.flow().layers();
        let found = self.objective.assess(&mut self.theta, step + 1 >= self.settings.steps());
        if self.flow().layers() != layers {
            // Damping and the like are of the earlier parameters.
            self.optimiser = self.fresh_optimiser()?;
        }
        let lowest = found.lowest;
        self.progress = Progress {
            step: step + 1,
            done: found.done,
            beta: found.beta,
            residual: taken.residual,
            end: found.end,
            target_raised: found.target_raised,
            fold_seen: lowest.is_some_and(|lowest| lowest <= 0.0 || lowest.is_nan()),
            lowest_seen: lowest.filter(|lowest| lowest.is_finite()),
            clipped_steps: self.progress.clipped_steps + u64::from(taken.clipped),
            unconverged: self.progress.unconverged + failed as u64,
            ..self.progress
        };
        let logged = step.is_multiple_of(self.settings.log_every) || found.beta.is_some() || found.done;
        let recent = || logged.then(|| self.recent.quality(self.source.log_z_exact())).flatten();
        let quality = found.quality.or_else(recent);
        Ok(Step {
            step,
            loss: taken.loss,
            layer: None,
            points: taken.points,
            learning_rate: taken.learning_rate,
            gradient_norm: taken.gradient_norm,
            beta: found.beta,
            residual: taken.residual,
            damping: taken.damping,
            ess: quality.as_ref().map(|quality| quality.ess.value),
            kl: quality.as_ref().map(|quality| quality.kl.value),
            solve_steps_mean: taken.stats.steps_mean(),
            solve_residual_max: taken.stats.residual_max,
            unconverged: failed,
            wall_seconds: 0.0,
            logged,
        })
    }

    /// Trains to the end, or until `stop` is set or the watcher breaks off; [`Trainer::is_done`] tells which. Where ranks
    /// train together, all of them end after the same step.
    ///
    /// # Errors
    /// As [`Trainer::step`], and [`TrainingError::Unequal`] if ranks do not train the same. The last state that the watcher was given is then one whose loss was finite.
    pub fn run(&mut self, stop: &AtomicBool, watcher: &mut dyn Watcher) -> Result<(), TrainingError> {
        self.check_ranks()?;
        let clock = Clock::from(self.progress);
        let mut saved = Instant::now();
        // Which of the ranks has been told to stop is known to that one alone.
        while !self.is_done() && !self.ranks.any(stop.load(Ordering::Relaxed)) {
            let periodic = self.progress.step.is_multiple_of(self.settings.checkpoint_every);
            let is_due = |saved: Instant| periodic || saved.elapsed() >= SAVE_INTERVAL;
            let checked = self.settings.is_least_squares();
            // Of unchecked parameters this step finds out whether the loss is finite.
            let before = (!checked && is_due(saved)).then(|| self.state());
            let mut step = self.step()?;
            clock.read(&mut self.progress);
            step.wall_seconds = self.progress.wall_seconds;
            let mut goes_on = true;
            if let Some(state) = before {
                saved = Instant::now();
                goes_on &= watcher.checkpoint(&state).is_continue();
            }
            goes_on = goes_on && watcher.step(&step).is_continue();
            // Later than the step is told: a run that goes on from this state will not tell it again.
            if checked && is_due(saved) {
                saved = Instant::now();
                goes_on &= watcher.checkpoint(&self.state()).is_continue();
            }
            if self.ranks.any(!goes_on) {
                return Ok(());
            }
        }
        // This is the end, so it does not matter whether the watcher breaks off.
        let _ = watcher.checkpoint(&self.state());
        Ok(())
    }

    /// Refuses ranks with other parameters to begin with, another optimiser, other points or other instructions.
    fn check_ranks(&self) -> Result<(), TrainingError> {
        if self.ranks.is_alone() {
            return Ok(());
        }
        // A copy, because drawing a number moves the generator.
        let point = self.objective.generator().clone().next_u64();
        let optimiser = [self.optimiser.name(), self.flow().isa(), env!("CARGO_PKG_VERSION")].concat();
        let mut identity: Vec<f64> = optimiser.bytes().map(f64::from).collect();
        identity.extend([self.settings.steps() as f64, f64::from_bits(point)]);
        identity.extend(&self.theta);
        match self.ranks.unequal(&identity) {
            Some(rank) => Err(TrainingError::Unequal { rank }),
            None => Ok(()),
        }
    }

    fn fresh_optimiser(&self) -> Result<Box<dyn Optimiser>, TrainingError> {
        optimiser_of(&self.settings, self.theta.len())
    }

    /// What an error of the loss means at this point of the run.
    fn failed(&self, cause: LossError) -> TrainingError {
        let step = self.progress.step;
        match (cause, self.recent.loss) {
            (LossError::NoResiduals, _) => {
                TrainingError::NoLeastSquares { reason: "the loss is no sum of squares" }
            }
            (source @ (LossError::Energy { .. } | LossError::TooSharp { .. }), _) => {
                TrainingError::Loss { step, source }
            }
            (cause, None) if step == 0 => TrainingError::NoStart { cause },
            // Least squares have no learning rate to blame; training that was resumed knows no earlier loss.
            (cause, Some(loss)) if self.optimiser.name() != LevenbergMarquardt::NAME => {
                let learning_rate = self.settings.learning_rate().at(step);
                TrainingError::Diverged { step, loss, learning_rate, cause }
            }
            (cause, _) => TrainingError::Broken { step, cause },
        }
    }
}

/// The optimiser that the settings name, before its first step.
fn optimiser_of(settings: &TrainingConfig, parameters: usize) -> Result<Box<dyn Optimiser>, TrainingError> {
    let (name, learning_rate) = (&settings.optimiser, settings.learning_rate());
    optimiser::by_name(name, Settings { parameters, learning_rate, clip: settings.clip })
        .ok_or_else(|| TrainingError::UnknownOptimiser { name: name.clone() })
}

/// Residuals for least squares, batches for other optimisers.
fn objective<'a>(
    flow: &'a Flow,
    source: Source<'a>,
    settings: &TrainingConfig,
    generator: Generator,
    kind: Kind<'a>,
) -> Box<dyn TrainingObjective + 'a> {
    let count = settings.batch();
    if let Kind::Lattice(lattice) = kind {
        let target = source.target().expect("charges are trained for a target");
        return Box::new(OwnSamples::new(lattice, target, settings, generator));
    }
    let grows = matches!(kind, Kind::Growing);
    let collocation = match source {
        Source::Target { target, beta } if settings.is_least_squares() => {
            let fixed = || {
                let fixed = Collocation::new(flow, target, beta, settings.goal, count, generator.clone());
                fixed.map(|fixed| fixed.keeping(settings.min_eigenvalue))
            };
            if grows { fixed().and_then(Collocation::growing).or_else(fixed) } else { fixed() }
        }
        _ => None,
    };
    match collocation {
        Some(collocation) => Box::new(collocation),
        None => Box::new(Minibatch::new(flow, source, settings.points, count, generator)),
    }
}
