//! The training loop.

use std::collections::VecDeque;
use std::io::{LineWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cpu_time::ProcessTime;
use ircpm_flow::SolveStats;
use ircpm_manifolds::Manifold;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use serde::Serialize;

use super::checkpoint::{Checkpoint, CheckpointError, Progress};
use super::error::{Divergence, RunError};
use super::evaluate::base_points;
use super::folder::{Folder, file};
use super::problem::{Problem, Source};
use crate::estimate::Estimates;
use crate::loss::{self, Gradient, LossError};
use crate::optimiser::{self, Clip, Optimiser};
use crate::sequence::Sequence;

/// What one step did. Times are fields of their own: everything else is the same on every machine of one instruction set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// From 0.
    pub step: usize,
    /// Mean over the batch.
    pub loss: f64,
    /// Of this step.
    pub learning_rate: f64,
    /// Euclidean norm, before clipping.
    pub gradient_norm: f64,
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
    sequence: Sequence,
    rng: Pcg64,
    progress: Progress,
    recent: Recent,
}

/// Independent streams of one seed: the parameters take the seed itself.
const BASE_POINTS: u64 = 0x5eed_ba5e;

/// Share of a batch that may fail: beyond it, the gradient is that of another problem.
const FAILED_SHARE: f64 = 0.5;

impl<'a> Trainer<'a> {
    /// Training from fresh parameters.
    pub fn new(problem: &'a Problem) -> Self {
        let Problem { config, flow, .. } = problem;
        let theta = flow.initial(config.seed);
        let optimiser = optimiser::by_name(&config.training.optimiser, theta.len())
            .expect("a parsed configuration names an optimiser that exists");
        let sequence = Sequence::new(config.spread(), config.training.batch, problem.manifold().cube_dim());
        let rng = Pcg64::seed_from_u64(config.seed ^ BASE_POINTS);
        Self {
            problem,
            theta,
            optimiser,
            sequence,
            rng,
            progress: Progress::default(),
            recent: Recent::default(),
        }
    }

    /// Training that goes on.
    ///
    /// # Errors
    /// `Tensor` if the checkpoint is of a model of another size.
    pub fn resume(problem: &'a Problem, checkpoint: Checkpoint) -> Result<Self, CheckpointError> {
        checkpoint.check_size(problem.flow.parameters())?;
        let mut trainer = Self::new(problem);
        trainer
            .optimiser
            .restore(&checkpoint.optimiser)
            .map_err(|e| CheckpointError::Metadata { key: "optimiser", problem: e.to_string() })?;
        let Checkpoint { theta, rng, progress, .. } = checkpoint;
        Ok(Self { theta, rng, progress, ..trainer })
    }

    /// The state, as it can be saved.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            config: self.problem.config.clone(),
            theta: self.theta.clone(),
            optimiser: self.optimiser.state(),
            rng: self.rng.clone(),
            progress: self.progress,
        }
    }

    /// Whether all steps are taken.
    pub fn is_done(&self) -> bool {
        self.progress.step >= self.problem.config.training.steps
    }

    /// Takes one step.
    ///
    /// # Errors
    /// `Diverged`, or `NoStart` at the first step, if loss or gradient are not finite or too many solves fail;
    /// parameters are then unchanged.
    pub fn step(&mut self) -> Result<Step, RunError> {
        let training = &self.problem.config.training;
        let step = self.progress.step;
        let learning_rate = self.problem.config.schedule().rate(training.learning_rate, step, training.steps);
        let last = self.recent.loss;
        let diverged = |cause| match last {
            Some(loss) => RunError::Diverged { step, loss, learning_rate, cause },
            None => RunError::NoStart { cause },
        };
        let mut gradient = self.gradient().map_err(|e| match e {
            LossError::NoSamples { samples } => {
                diverged(Divergence::Solves { failed: samples, points: samples })
            }
            LossError::Energy { point, .. } if point.iter().any(|x| !x.is_finite()) => {
                diverged(Divergence::Image(point))
            }
            source => RunError::Loss { step, source },
        })?;
        let SolveStats { points, unconverged, indefinite, .. } = gradient.stats;
        let failed = unconverged + indefinite;
        if failed as f64 > FAILED_SHARE * points as f64 {
            return Err(diverged(Divergence::Solves { failed, points }));
        }
        if !gradient.loss.is_finite() {
            return Err(diverged(Divergence::Loss(gradient.loss)));
        }
        let mut clip = Clip::new(training.clip);
        let gradient_norm = clip
            .apply(&mut gradient.grad)
            .map_err(|e| diverged(Divergence::Gradient { index: e.index, value: e.value }))?;
        self.optimiser.step(&mut self.theta, &gradient.grad, learning_rate);
        self.progress.step += 1;
        self.progress.clipped_steps += clip.clipped();
        self.progress.unconverged += failed as u64;
        self.recent.push(gradient.loss, gradient.log_weights);
        let logged = step.is_multiple_of(training.log_every) || self.is_done();
        let quality = if logged { self.recent.quality(self.problem.log_z_exact()) } else { None };
        Ok(Step {
            step,
            loss: gradient.loss,
            learning_rate,
            gradient_norm,
            ess: quality.as_ref().map(|q| q.ess.value),
            kl: quality.as_ref().map(|q| q.kl.value),
            solve_steps_mean: gradient.stats.steps_mean(),
            solve_residual_max: gradient.stats.residual_max,
            unconverged: failed,
            wall_seconds: 0.0,
        })
    }

    fn gradient(&mut self) -> Result<Gradient, LossError> {
        let Problem { config, flow, source } = self.problem;
        let batch = config.training.batch;
        match source {
            Source::Target(target) => {
                let x = base_points(flow.manifold(), &self.sequence, &mut self.rng);
                loss::reverse_kl(flow, &self.theta, &x, target.as_ref(), config.beta())
            }
            Source::Data { train, .. } => {
                let ambient = flow.manifold().ambient();
                let rows = (train.len() / ambient) as u128;
                let mut y = Vec::with_capacity(batch * ambient);
                for _ in 0..batch {
                    let row = ((u128::from(self.rng.next_u64()) * rows) >> 64) as usize;
                    y.extend_from_slice(&train[row * ambient..(row + 1) * ambient]);
                }
                loss::likelihood(flow, &self.theta, &y)
            }
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
            && (step.step.is_multiple_of(training.log_every) || last)
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
