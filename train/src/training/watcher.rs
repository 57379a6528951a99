//! What training tells as it goes on.

use std::ops::ControlFlow;

use serde::Serialize;

use super::State;

/// What one step did. Times are fields of their own: everything else is the same on every machine of one instruction
/// set.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Number of the step, from 0.
    pub step: usize,
    /// Mean over the batch in nats; for least squares, mean square of the residuals at points that the step has not
    /// seen.
    pub loss: f64,
    /// Number of the linear layer that was fitted, from 0; none where all of them were polished, and for networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// Points of the batch.
    pub points: usize,
    /// Learning rate, of optimisers that have one.
    pub learning_rate: Option<f64>,
    /// Euclidean norm of the gradient, before clipping.
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
    /// Kullback–Leibler divergence from the target in nats, estimated as [`Step::ess`] is.
    pub kl: Option<f64>,
    /// Inner steps per base point.
    pub solve_steps_mean: f64,
    /// Worst residual of the solves that converged.
    pub solve_residual_max: f64,
    /// Inner solves of this step that failed.
    pub unconverged: usize,
    /// Wall-clock seconds since training began.
    pub wall_seconds: f64,
    /// Whether the settings ask for this step to be logged.
    #[serde(skip)]
    pub logged: bool,
}

/// How long training goes on, as far as it is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// This many steps are taken.
    Steps(usize),
    /// Least squares end at a Kullback–Leibler divergence in nats, or after the most steps.
    Goal {
        /// Most steps.
        most: usize,
        /// The divergence.
        kl: f64,
    },
    /// As many linear layers as validation finds use for, and then the polishing of them all.
    Layers {
        /// Most layers.
        most: usize,
    },
}

/// Sees training as it happens, and may stop it.
pub trait Watcher {
    /// Called after each step. Training stops after the step at `Break`.
    fn step(&mut self, step: &Step) -> ControlFlow<()>;

    /// Called with states to save, whose loss is known to be finite: every few steps, as the settings say, and where two
    /// seconds have passed since the last one; of linear layers after each layer; and with the state at the end. Training
    /// stops at `Break`.
    ///
    /// Least squares have checked the parameters that a step ends with; with other optimisers the next step finds out,
    /// so the state is that before the step.
    fn checkpoint(&mut self, _state: &State) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A watcher that ignores everything.
impl Watcher for () {
    fn step(&mut self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
