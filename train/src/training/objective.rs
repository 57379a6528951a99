//! What the trainer asks of an objective beyond what an optimiser asks.

use ircpm_flow::Flow;
use serde::{Deserialize, Serialize};

use crate::estimate::Estimates;
use crate::optimiser::{Objective, StateError, Tensors};
use crate::points::Generator;
use crate::ranks::Ranks;

/// An objective whose state can be saved, and which knows when training is at its end.
pub trait TrainingObjective: Objective {
    /// The flow whose parameters are trained; another one after a step that has added a layer.
    fn flow(&self) -> &Flow;

    /// The generator of points.
    fn generator(&self) -> &Generator;

    /// Divides its work among ranks, all of which train with the same objective. By default each does all of it.
    fn share(&mut self, _ranks: &Ranks) {}

    /// What [`TrainingObjective::restore`] needs besides the generator.
    fn state(&self) -> Tensors {
        Tensors::new()
    }

    /// Takes up a saved state at the parameters `theta`.
    ///
    /// # Errors
    /// [`StateError`] if it does not fit, or the parameters are of another model.
    fn restore(&mut self, theta: &[f64], state: &Tensors, generator: Generator) -> Result<(), StateError>;

    /// The flow's parameters at those that the optimiser moves, where these are others; not asked after the end.
    fn parameters(&self, theta: &[f64]) -> Vec<f64> {
        theta.to_vec()
    }

    /// What the optimiser moves at given parameters of the flow, the inverse of [`TrainingObjective::parameters`]; called
    /// before the first step, where training does not begin with random parameters.
    fn begin_at(&mut self, theta: &[f64]) -> Vec<f64> {
        theta.to_vec()
    }

    /// Looks at the model after a step, of which `last` says that no more are left. May move `theta`, to
    /// undo a fold, or change its length, to add a layer or to take one back.
    fn assess(&mut self, theta: &mut Vec<f64>, last: bool) -> Assessment;
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum End {
    /// KL is below the goal, at the parameters that training ends with.
    Goal,
    /// Neither KL nor the residual fell any more.
    Stalled,
    /// All steps were taken.
    Steps,
}

/// What an objective says of the model after a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assessment {
    /// Whether training is at its end.
    pub done: bool,
    /// Why least squares are at their end.
    pub end: Option<End>,
    /// Inverse temperature that least squares have come to.
    pub beta: Option<f64>,
    /// Whether the target's density was raised where it is nearly empty.
    pub target_raised: bool,
    /// Smallest eigenvalue of `H` that the survey at the end saw, NaN beyond the injectivity radius; none if it is not
    /// small.
    pub lowest: Option<f64>,
    /// Estimates from the model's own samples, where the step has some.
    pub quality: Option<Estimates>,
}
