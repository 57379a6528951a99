//! Optimisers behind one interface, learning-rate schedules, gradient clipping.
//!
//! An [`Optimiser`] moves the parameters, an [`Objective`] is what it may ask about them. A new optimiser is one file
//! and one line in the table `OPTIMISERS`.

mod adam;
mod clip;
mod lbfgs;
mod levenberg;
mod schedule;
mod staged;

use std::collections::BTreeMap;
use std::ops::Range;

use ircpm_flow::{Jacobian, SolveStats};
use nalgebra::DVector;

pub use adam::{Adam, ScheduledAdam};
pub use clip::Clip;
pub use lbfgs::Lbfgs;
pub use levenberg::LevenbergMarquardt;
pub use schedule::{LearningRate, Schedule};
pub use staged::Staged;

use crate::loss::{Gradient, LossError};
use crate::ranks::Ranks;

/// State of an optimiser for a checkpoint: flat `f64` tensors by name.
pub type Tensors = BTreeMap<String, Vec<f64>>;

/// What is minimised, on points that the optimiser asks for.
pub trait Objective {
    /// Draws fresh points; all else refers to them until the next call.
    ///
    /// # Errors
    /// [`LossError`] if the target is not finite at one of them.
    fn refresh(&mut self, theta: &[f64]) -> Result<(), LossError>;

    /// Mean loss over the points, and its gradient.
    ///
    /// # Errors
    /// [`LossError`] if it does not exist.
    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError>;

    /// The loss as a sum of squares, where it is one.
    fn least_squares(&self) -> Option<&dyn LeastSquares> {
        None
    }

    /// Statistics of the inner solves that the present points took, where [`Objective::gradient`] does not return them.
    fn stats(&self) -> SolveStats {
        SolveStats::default()
    }

    /// Called after a least-squares step; `held` says whether it was taken and helped at points that it had not seen, and
    /// `harmed` are the check points that [`LeastSquares::harmed`] found for its tries.
    fn accepted(&mut self, _held: bool, _harmed: &[usize]) {}
}

/// A sum of squares over points, with other points to check a step on.
pub trait LeastSquares: Sync {
    /// Number of points.
    fn samples(&self) -> usize;

    /// Residuals at the points; none if one is not finite.
    fn at(&self, theta: &[f64]) -> Option<Squares>;

    /// Residuals at the check points; none if one is not finite.
    fn check(&self, theta: &[f64]) -> Option<Check>;

    /// The Jacobian of the residuals, which are `at` the same parameters; the nuisance parameter is held fixed.
    fn jacobian(&self, theta: &[f64], at: &Squares, jacobian: &mut Jacobian);

    /// Some columns of the Jacobian, `[parameter][sample]`.
    fn columns(&self, theta: &[f64], at: &Squares, samples: Range<usize>, columns: &mut [f64]);

    /// Whether [`LeastSquares::harmed`] is asked for points, which it is for normal equations alone.
    fn looks_for_harm(&self) -> bool {
        false
    }

    /// Check points, none of the `known` ones, at which the step from `start` to `trial` raises the square of the residual by
    /// many times the mean square; `None` if there are no such points.
    fn harmed(&self, _start: &[f64], _trial: &[f64], _known: &[usize]) -> Option<Harmed> {
        None
    }

    /// The ranks that solve for a step together. All of them take it, at the same points.
    fn ranks(&self) -> &Ranks {
        &Ranks::ALONE
    }
}

/// Residuals, with the nuisance parameter that makes their squares least.
#[derive(Clone, Debug, PartialEq)]
pub struct Squares {
    /// The residuals `ρ`, one per point.
    pub value: DVector<f64>,
    /// `∂ρ/∂ log q`: a residual's gradient in the parameters is this multiple of that of `log q`.
    pub slope: DVector<f64>,
    /// Derivative of the residuals in the nuisance parameter; not all zero.
    pub nuisance: DVector<f64>,
    /// Mean of the squares of the residuals.
    pub mean_square: f64,
}

/// Check points that a step would harm, at least one.
#[derive(Clone, Debug)]
pub struct Harmed {
    /// Their numbers among the check points.
    pub points: Vec<usize>,
    /// Their residuals before the step, in the order of the points, each with the factor that those of
    /// [`LeastSquares::at`] have.
    pub value: DVector<f64>,
    /// The Jacobian of these residuals, a row per point; the nuisance parameter keeps the value that is best for the check
    /// points before the step.
    pub jacobian: Jacobian,
}

/// Quality of a step at points that it has not seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// Mean square of the residuals at the check points.
    pub mean_square: f64,
    /// Check points that have no density.
    pub outside: usize,
}

impl Check {
    /// Whether this is better than `other`. False if more points lie outside the injectivity radius, even if the
    /// residuals fall.
    pub fn improves_on(self, other: Self) -> bool {
        self.mean_square < other.mean_square && self.outside <= other.outside
    }
}

/// A rule that moves the parameters.
pub trait Optimiser: Send {
    /// Name in the table.
    fn name(&self) -> &'static str;

    /// Takes step number `step`: moves `theta`, or leaves it where no better point was found.
    ///
    /// # Errors
    /// [`LossError`]; `theta` is then unchanged.
    ///
    /// # Panics
    /// If `theta` has another length than the optimiser was made for.
    fn step(
        &mut self,
        theta: &mut [f64],
        objective: &mut dyn Objective,
        step: usize,
    ) -> Result<StepReport, LossError>;

    /// What [`Optimiser::restore`] needs to go on with the same bits.
    fn state(&self) -> Tensors;

    /// Takes up a saved state; the optimiser is unchanged on error.
    ///
    /// # Errors
    /// [`StateError`] if a tensor is missing, has the wrong length or holds an impossible number.
    fn restore(&mut self, state: &Tensors) -> Result<(), StateError>;
}

/// Numbers about a step, as far as the optimiser has them.
#[derive(Clone, Debug, Default)]
pub struct StepReport {
    /// Mean loss over the batch in nats; mean square of the residuals at the check points for least squares.
    pub loss: f64,
    /// Points of the batch.
    pub points: usize,
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// Euclidean norm of the gradient, before clipping.
    pub gradient_norm: Option<f64>,
    /// Whether the gradient was shortened.
    pub clipped: bool,
    /// Damping of least squares.
    pub damping: Option<f64>,
    /// Root mean square of the residuals after the step, in nats.
    pub residual: Option<f64>,
    /// Log-weights of the batch, where there are some.
    pub log_weights: Vec<f64>,
    /// Statistics of the inner solves.
    pub stats: SolveStats,
}

impl From<Gradient> for StepReport {
    fn from(gradient: Gradient) -> Self {
        let Gradient { loss, log_weights, stats, .. } = gradient;
        Self { loss, points: stats.points, log_weights, stats, ..Self::default() }
    }
}

/// Why a checkpoint does not fit an optimiser.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The checkpoint has no tensor of that name.
    #[error(
        "optimiser state lacks the tensor `{name}`; was the checkpoint written with another optimiser? start afresh or choose that one"
    )]
    Missing {
        /// The tensor.
        name: &'static str,
    },
    /// The tensor is of a model of another size.
    #[error(
        "optimiser tensor `{name}` holds {found} numbers instead of {expected}; use the model that the checkpoint was written with"
    )]
    Length {
        /// The tensor.
        name: &'static str,
        /// Length of the tensor in the checkpoint.
        found: usize,
        /// Length of the tensor that fits.
        expected: usize,
    },
    /// The tensor holds NaN, an infinity, or a number out of range.
    #[error(
        "optimiser tensor `{name}` holds {value} at position {index}; the checkpoint is damaged, go back to an earlier one"
    )]
    Value {
        /// The tensor.
        name: &'static str,
        /// Position of the first such number.
        index: usize,
        /// The number.
        value: f64,
    },
}

/// What an optimiser is built from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Number of parameters.
    pub parameters: usize,
    /// Learning rate as a function of the step; its peak is the length of the first step of L-BFGS.
    pub learning_rate: LearningRate,
    /// Norm to which a longer gradient is shortened.
    pub clip: f64,
}

/// Makes an optimiser.
type Constructor = fn(Settings) -> Box<dyn Optimiser>;

/// All optimisers.
const OPTIMISERS: [(&str, Constructor); 4] = [
    (LevenbergMarquardt::NAME, |_| Box::new(LevenbergMarquardt::new())),
    (Lbfgs::NAME, |s| Box::new(Lbfgs::new(s.parameters, s.learning_rate.peak))),
    (Adam::NAME, |s| Box::new(ScheduledAdam::new(s))),
    (Staged::NAME, |s| Box::new(Staged::new(s))),
];

/// Names of all optimisers.
pub fn names() -> Vec<&'static str> {
    OPTIMISERS.iter().map(|(name, _)| *name).collect()
}

/// The optimiser of that name, `None` if there is none.
pub fn by_name(name: &str, settings: Settings) -> Option<Box<dyn Optimiser>> {
    OPTIMISERS.iter().find(|(known, _)| *known == name).map(|(_, make)| make(settings))
}

/// The tensor `name`, checked for its length if there is one to expect, and for numbers that `valid` refuses.
pub(crate) fn tensor<'a>(
    state: &'a Tensors,
    name: &'static str,
    expected: Option<usize>,
    valid: impl Fn(f64) -> bool,
) -> Result<&'a [f64], StateError> {
    let values = state.get(name).ok_or(StateError::Missing { name })?;
    if let Some(expected) = expected
        && values.len() != expected
    {
        return Err(StateError::Length { name, found: values.len(), expected });
    }
    match values.iter().position(|&x| !valid(x)) {
        Some(index) => Err(StateError::Value { name, index, value: values[index] }),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests;
