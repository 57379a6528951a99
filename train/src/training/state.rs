//! The state of training between two steps.

use serde::{Deserialize, Serialize};

use super::End;
use crate::convex::{GrowthState, LayerTerms};
use crate::optimiser::Tensors;
use crate::points::Generator;

/// Everything that the next step depends on, and what the steps so far have cost.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct State {
    /// Parameters, [`ircpm_flow::Flow::parameters`] of them.
    pub theta: Vec<f64>,
    /// Tensors of the optimiser and of its choice of points.
    pub optimiser: Tensors,
    /// The generator of base points or minibatches.
    pub generator: Generator,
    /// How far training has come.
    pub progress: Progress,
    /// The functions of linear layers, in the flow's order; empty for networks.
    pub terms: Vec<LayerTerms>,
    /// What an unfinished fit of linear layers goes on from; none before its first layer, after its end, and for networks.
    pub growth: Option<GrowthState>,
}

/// Most steps of a run, as of a configuration.
const MOST_STEPS: usize = 1_000_000_000;
/// More inner solves than any run can have.
const MOST_SOLVES: u64 = 1 << 52;

/// How far training has come, with counts of what went wrong on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Progress {
    /// Steps taken.
    pub step: usize,
    /// Whether training has come to its end.
    pub done: bool,
    /// Inverse temperature that least squares have come to.
    #[serde(default)]
    pub beta: Option<f64>,
    /// Root mean square of the last step's residuals in nats, of least squares.
    #[serde(default)]
    pub residual: Option<f64>,
    /// Why least squares ended.
    #[serde(default)]
    pub end: Option<End>,
    /// Whether the target's density was raised where it is nearly empty: see [`crate::loss::monge_ampere`].
    #[serde(default, alias = "defended")]
    pub target_raised: bool,
    /// Whether the last survey saw a fold in the model that training ended with.
    #[serde(default)]
    pub fold_seen: bool,
    /// The smallest eigenvalue of `H` that the last survey saw; none where it is not known, or beyond the injectivity
    /// radius.
    #[serde(default)]
    pub lowest_seen: Option<f64>,
    /// Steps whose gradient was shortened.
    pub clipped_steps: u64,
    /// Inner solves that failed; their base points were left out of the step.
    pub unconverged: u64,
    /// Wall-clock time of training in seconds. Checkpoints do not hold it.
    #[serde(default, skip_serializing)]
    pub wall_seconds: f64,
    /// Processor time of training in seconds, all threads together. Checkpoints do not hold it.
    #[serde(default, skip_serializing)]
    pub cpu_seconds: f64,
}

impl Progress {
    /// A count that no run comes to, with its name; counts that are none leave room for those of further steps.
    pub(super) fn impossible(&self) -> Option<(&'static str, u64)> {
        let (step, most) = (self.step as u64, MOST_STEPS as u64);
        let counts = [
            ("step", step, most),
            ("clipped_steps", self.clipped_steps, most),
            ("unconverged", self.unconverged, MOST_SOLVES),
        ];
        counts.into_iter().find(|(_, count, most)| count > most).map(|(name, count, _)| (name, count))
    }
}
