//! The two flows under training, seen alike.

use ircpm_manifolds::{AnyManifold, Base};
use ircpm_train::estimate::Estimates;
use ircpm_train::optimiser::{LearningRate, Optimiser, Schedule, ScheduledAdam, Settings};
use ircpm_train::target::Target;
use ircpm_train::training::{Problem, Trainer};

use super::{BATCH, OdeTraining};
use crate::ode::{OdeFlow, OdeObjective};

/// A model under training.
pub(super) trait Learner {
    /// Takes a step; says whether there are more to take.
    fn advance(&mut self) -> bool;

    /// `KL(q ‖ p)` in nats, over the images of base points `x`; infinite if one has no density.
    fn divergence(&self, x: &[f64]) -> f64;
}

/// The map, by the trainer of its problem.
pub(super) struct MapLearner<'a> {
    trainer: Trainer<'a>,
    target: &'a dyn Target,
}

impl<'a> MapLearner<'a> {
    /// Training of the map of `problem` from fresh parameters.
    pub(super) fn new(problem: &'a Problem) -> Self {
        let (target, _) = problem.source().target().expect("a target");
        Self { trainer: problem.trainer().expect("settings of a preset"), target }
    }

    /// The parameters.
    pub(super) fn theta(&self) -> &[f64] {
        self.trainer.theta()
    }
}

impl Learner for MapLearner<'_> {
    fn advance(&mut self) -> bool {
        self.trainer.step().is_ok() && !self.trainer.is_done()
    }

    fn divergence(&self, x: &[f64]) -> f64 {
        let images = self.trainer.flow().forward(self.trainer.theta(), x);
        divergence(self.target, &images.y, &images.log_q)
    }
}

/// The ODE flow, by Adam.
pub(super) struct OdeLearner<'a, M, const D: usize> {
    objective: OdeObjective<'a, M, D>,
    target: &'a dyn Target,
    adam: ScheduledAdam,
    theta: Vec<f64>,
    step: usize,
    steps: usize,
}

impl<'a, M: Base + Into<AnyManifold>, const D: usize> OdeLearner<'a, M, D> {
    /// Training over `steps` steps of a cosine schedule.
    pub(super) fn new(
        flow: OdeFlow<M, D>,
        target: &'a dyn Target,
        steps: usize,
        OdeTraining { peak, tolerance }: OdeTraining,
    ) -> Self {
        const CLIP: f64 = 10.0;
        let theta = flow.initial(0);
        let learning_rate = LearningRate { peak, schedule: Schedule::Cosine, warmup: 0, steps };
        let adam = ScheduledAdam::new(Settings { parameters: theta.len(), learning_rate, clip: CLIP });
        let objective = OdeObjective::new(flow, target, tolerance, BATCH, 0);
        Self { objective, target, adam, theta, step: 0, steps }
    }

    /// The flow, with the number of Runge–Kutta steps that training has come to, and its parameters.
    pub(super) fn model(&self) -> (&OdeFlow<M, D>, &[f64]) {
        (&self.objective.flow, &self.theta)
    }
}

impl<M: Base + Into<AnyManifold>, const D: usize> Learner for OdeLearner<'_, M, D> {
    fn advance(&mut self) -> bool {
        let taken = self.adam.step(&mut self.theta, &mut self.objective, self.step);
        self.step += 1;
        taken.is_ok() && self.step < self.steps
    }

    /// With four times as many Runge–Kutta steps as training takes, so that `q` is the density of the images.
    fn divergence(&self, x: &[f64]) -> f64 {
        let flow = OdeFlow { steps: 4 * self.objective.flow.steps, ..self.objective.flow.clone() };
        let images = flow.forward(&self.theta, x);
        divergence(self.target, &images.points, &images.log_q)
    }
}

fn divergence(target: &dyn Target, y: &[f64], log_q: &[f64]) -> f64 {
    let mut log_weights = vec![0.0; log_q.len()];
    target.energies(y, &mut log_weights);
    log_weights.iter_mut().zip(log_q).for_each(|(l, log_q)| *l = -*l - log_q);
    Estimates::new(&log_weights, 0, target.log_z(1.0)).map_or(f64::INFINITY, |e| e.kl.value)
}
