//! The training loop.

use std::collections::VecDeque;
use std::io::{LineWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cpu_time::ProcessTime;
use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::Serialize;

use super::Problem;
use super::checkpoint::{Checkpoint, CheckpointError, Progress};
use super::collocation::Collocation;
use super::minibatch::Minibatch;
use crate::estimate::Estimates;
use crate::loss::LossError;
use crate::optimiser::{self, Failure, Objective, Optimiser, Settings, StateError, Tensors};
use crate::program::RunError;
use crate::program::error::Divergence;
use crate::program::folder::{Folder, file};

/// What one step did. Times are fields of their own: everything else is the same on every machine of one instruction set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// From 0.
    pub step: usize,
    /// Mean over the batch in nats; for least squares, mean square of the residuals at points that the step has not seen.
    pub loss: f64,
    /// Points of the batch.
    pub points: usize,
    /// Of this step.
    pub learning_rate: Option<f64>,
    /// Euclidean norm, before clipping.
    pub gradient_norm: Option<f64>,
    /// Inverse temperature that least squares have come to.
    pub beta: Option<f64>,
    /// Root mean square of the residuals in nats, after the step.
    pub residual: Option<f64>,
    /// Damping of least squares.
    pub damping: Option<f64>,
    /// Effective sample size of the last batches, from 0 to 1, at the steps that are logged: a sign of progress, not a
    /// result.
    pub ess: Option<f64>,
    /// Kullback–Leibler divergence from the target in nats, likewise.
    pub kl: Option<f64>,
    /// Inner steps per base point.
    pub solve_steps_mean: f64,
    /// Worst residual of the solves that converged.
    pub solve_residual_max: f64,
    /// Inner solves of this step that failed.
    pub unconverged: usize,
    /// Wall-clock seconds since training began.
    pub wall_seconds: f64,
}

/// Sees every step as it happens.
pub trait Watcher {
    /// Called after each step.
    fn step(&mut self, step: &Step);
}

/// Nobody watches.
impl Watcher for () {
    fn step(&mut self, _: &Step) {}
}

/// The state of training, between steps.
pub struct Trainer<'a> {
    problem: &'a Problem,
    theta: Vec<f64>,
    optimiser: Box<dyn Optimiser>,
    course: Course<'a>,
    progress: Progress,
    recent: Recent,
}

/// What the optimiser works on.
enum Course<'a> {
    Minibatch(Minibatch<'a>),
    Collocation(Box<Collocation<'a>>),
}

impl<'a> Course<'a> {
    fn new(problem: &'a Problem) -> Self {
        let training = &problem.config.training;
        let rng = Pcg64::seed_from_u64(problem.config.seed ^ BASE_POINTS);
        let collocation = if training.is_least_squares() {
            Collocation::new(problem, training.batch(), rng.clone())
        } else {
            None
        };
        collocation
            .map_or_else(|| Self::Minibatch(Minibatch::new(problem, rng)), |c| Self::Collocation(Box::new(c)))
    }

    fn objective(&mut self) -> &mut dyn Objective {
        match self {
            Self::Minibatch(batch) => batch,
            Self::Collocation(collocation) => collocation.as_mut(),
        }
    }

    fn rng(&self) -> &Pcg64 {
        match self {
            Self::Minibatch(batch) => batch.rng(),
            Self::Collocation(collocation) => collocation.rng(),
        }
    }

    fn state(&self) -> Tensors {
        match self {
            Self::Minibatch(_) => Tensors::new(),
            Self::Collocation(collocation) => collocation.state(),
        }
    }

    fn restore(&mut self, state: &Tensors, rng: Pcg64) -> Result<(), StateError> {
        match self {
            Self::Minibatch(batch) => {
                batch.restore(rng);
                Ok(())
            }
            Self::Collocation(collocation) => collocation.restore(state, rng),
        }
    }
}

/// Independent streams of one seed: the parameters take the seed itself.
const BASE_POINTS: u64 = 0x5eed_ba5e;

impl<'a> Trainer<'a> {
    /// Training from fresh parameters.
    pub fn new(problem: &'a Problem) -> Self {
        let Problem { config, flow, .. } = problem;
        let theta = flow.initial(config.seed);
        let settings = Settings {
            parameters: theta.len(),
            learning_rate: config.training.learning_rate,
            schedule: config.schedule(),
            steps: config.training.steps(),
            clip: config.training.clip,
        };
        let optimiser = optimiser::by_name(&config.training.optimiser, settings)
            .expect("a problem's configuration names an optimiser that exists");
        let (progress, recent) = (Progress::default(), Recent::default());
        Self { problem, theta, optimiser, course: Course::new(problem), progress, recent }
    }

    /// Training that goes on.
    ///
    /// # Errors
    /// `Tensor` if the checkpoint is of a model of another size.
    pub fn resume(problem: &'a Problem, checkpoint: Checkpoint) -> Result<Self, CheckpointError> {
        checkpoint.check_size(problem.flow.parameters())?;
        let mut trainer = Self::new(problem);
        let Checkpoint { theta, optimiser, rng, progress, .. } = checkpoint;
        let restored = trainer.optimiser.restore(&optimiser);
        restored
            .and_then(|()| trainer.course.restore(&optimiser, rng))
            .map_err(|e| CheckpointError::Metadata { key: "optimiser", problem: e.to_string() })?;
        Ok(Self { theta, progress, ..trainer })
    }

    /// The state, as it can be saved.
    pub fn checkpoint(&self) -> Checkpoint {
        let mut optimiser = self.optimiser.state();
        optimiser.extend(self.course.state());
        Checkpoint {
            config: self.problem.config.clone(),
            theta: self.theta.clone(),
            optimiser,
            rng: self.course.rng().clone(),
            progress: self.progress,
        }
    }

    /// Whether all steps are taken, or no more are worth it.
    pub fn is_done(&self) -> bool {
        self.progress.done
    }

    /// Takes one step.
    ///
    /// # Errors
    /// `Diverged` or `Broken`, or `NoStart` at the first step, if loss or gradient are not finite or too many solves fail;
    /// parameters are then unchanged.
    pub fn step(&mut self) -> Result<Step, RunError> {
        let training = &self.problem.config.training;
        let step = self.progress.step;
        let taken = self.optimiser.step(&mut self.theta, self.course.objective(), step);
        let taken = taken.map_err(|failure| self.failed(failure))?;
        let failed = taken.stats.unconverged + taken.stats.indefinite;
        self.progress.step += 1;
        self.progress.clipped_steps += u64::from(taken.clipped);
        self.progress.unconverged += failed as u64;
        self.progress.done = self.progress.step >= training.steps();
        self.recent.push(taken.loss, taken.log_weights);
        let (mut ess, mut kl, mut beta) = (None, None, None);
        if let Course::Collocation(collocation) = &mut self.course {
            self.progress.end = collocation.end(&mut self.theta, self.progress.done);
            self.progress.done = self.progress.end.is_some();
            beta = Some(collocation.beta());
            (self.progress.beta, self.progress.residual) = (beta, taken.residual);
            self.progress.defended = collocation.is_defended();
            let lowest = collocation.surveyed();
            self.progress.fold_seen = lowest.is_some_and(|lowest| lowest <= 0.0 || lowest.is_nan());
            self.progress.lowest_seen = lowest.filter(|lowest| lowest.is_finite());
            (ess, kl) =
                (collocation.quality().map(|q| q.ess.value), collocation.quality().map(|q| q.kl.value));
        } else if step.is_multiple_of(training.log_every) || self.is_done() {
            let quality = self.recent.quality(self.problem.log_z_exact());
            (ess, kl) = (quality.as_ref().map(|q| q.ess.value), quality.as_ref().map(|q| q.kl.value));
        }
        Ok(Step {
            step,
            loss: taken.loss,
            points: taken.points,
            learning_rate: taken.learning_rate,
            gradient_norm: taken.gradient_norm,
            beta,
            residual: taken.residual,
            damping: taken.damping,
            ess,
            kl,
            solve_steps_mean: taken.stats.steps_mean(),
            solve_residual_max: taken.stats.residual_max,
            unconverged: failed,
            wall_seconds: 0.0,
        })
    }

    /// What a failure means at this point of the run.
    fn failed(&self, failure: Failure) -> RunError {
        let (training, step) = (&self.problem.config.training, self.progress.step);
        let cause = match failure {
            Failure::Loss(LossError::NoSamples { samples }) => {
                Divergence::Solves { failed: samples, points: samples }
            }
            Failure::Loss(LossError::Energy { point, .. }) if point.iter().any(|x| !x.is_finite()) => {
                Divergence::Image(point)
            }
            Failure::Loss(source) => return RunError::Loss { step, source },
            Failure::Value(loss) => Divergence::Loss(loss),
            Failure::Gradient(e) => Divergence::Gradient { index: e.index, value: e.value },
            Failure::Solves { failed, points } => Divergence::Solves { failed, points },
            Failure::NoResiduals => return RunError::Optimiser { reason: "the loss is no sum of squares" },
        };
        let learning_rate =
            self.problem.config.schedule().rate(training.learning_rate, step, training.steps());
        match self.recent.loss {
            // Least squares have no learning rate to blame.
            Some(_) if training.is_least_squares() => RunError::Broken { step, cause },
            Some(loss) => RunError::Diverged { step, loss, learning_rate, cause },
            None => RunError::NoStart { cause },
        }
    }
}

/// The last batches, for a look at the quality while training goes on.
#[derive(Default)]
struct Recent {
    loss: Option<f64>,
    log_weights: VecDeque<Vec<f64>>,
}

impl Recent {
    const BATCHES: usize = 8;

    fn push(&mut self, loss: f64, log_weights: Vec<f64>) {
        self.loss = Some(loss);
        self.log_weights.push_back(log_weights);
        if self.log_weights.len() > Self::BATCHES {
            self.log_weights.pop_front();
        }
    }

    /// Estimates over the batches together; nothing if there are no weights, or unusable ones.
    fn quality(&self, log_z: Option<f64>) -> Option<Estimates> {
        let log_weights: Vec<f64> = self.log_weights.iter().flatten().copied().collect();
        Estimates::new(&log_weights, 0, log_z).ok()
    }
}

/// Trains to the end, or until `stop` is set; then the checkpoint says how far.
///
/// # Errors
/// What [`Trainer::step`] and the folder say. The last checkpoint in the folder is then one whose loss was finite.
pub fn fit(
    trainer: &mut Trainer<'_>,
    folder: Option<&Folder>,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(), RunError> {
    let clock = Clock::from(trainer.progress);
    let training = &trainer.problem.config.training;
    let mut metrics = folder.map(|folder| folder.append(file::METRICS)).transpose()?.map(LineWriter::new);
    let write_error =
        |source| RunError::write(&folder.map_or_else(Default::default, |f| f.path(file::METRICS)), source);
    while !trainer.is_done() && !stop.load(Ordering::Relaxed) {
        let save = trainer.progress.step.is_multiple_of(training.checkpoint_every);
        let before = save.then(|| trainer.checkpoint());
        let mut step = trainer.step()?;
        clock.read(&mut trainer.progress);
        step.wall_seconds = trainer.progress.wall_seconds;
        // Saved only now, when the loss at these parameters has turned out to be finite.
        if let (Some(folder), Some(checkpoint)) = (folder, before) {
            checkpoint.save(folder)?;
        }
        let last = trainer.is_done();
        if let Some(metrics) = &mut metrics
            && (step.step.is_multiple_of(training.log_every) || step.beta.is_some() || last)
        {
            serde_json::to_writer(&mut *metrics, &step).map_err(|e| write_error(e.into()))?;
            metrics.write_all(b"\n").map_err(write_error)?;
        }
        watcher.step(&step);
    }
    if let Some(mut metrics) = metrics {
        metrics.flush().map_err(write_error)?;
    }
    folder.map_or(Ok(()), |folder| trainer.checkpoint().save(folder))
}

/// Wall-clock and processor time, added to what an earlier part of the run took.
struct Clock {
    before: Progress,
    wall: Instant,
    cpu: ProcessTime,
}

impl From<Progress> for Clock {
    fn from(before: Progress) -> Self {
        Self { before, wall: Instant::now(), cpu: ProcessTime::now() }
    }
}

impl Clock {
    fn read(&self, progress: &mut Progress) {
        progress.wall_seconds = self.before.wall_seconds + self.wall.elapsed().as_secs_f64();
        progress.cpu_seconds = self.before.cpu_seconds + self.cpu.elapsed().as_secs_f64();
    }
}
