//! The last map without a fold, for a stack that grows and ends with one.
//!
//! A folded map is no density, however large its effective sample. So where training is out of steps or layers, and the
//! fold cannot be undone at the quality that was reached, it goes back: to the present map, carried towards the identity
//! by as much as it takes, or to the sharpest earlier one whose check points showed no fold.

use super::Collocation;
use super::ending::Limit;
use super::growth::with_parameters;
use crate::estimate::Estimates;
use crate::optimiser::{StateError, Tensors};

/// Parameters, and the target that they were trained for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    pub(super) parameters: Vec<f64>,
    pub(super) beta: f64,
    pub(super) guard: f64,
}

/// Name of a stage in a checkpoint.
const STAGE: &str = "growth_clear";

impl Stage {
    /// State for a checkpoint.
    pub(super) fn state(&self) -> (String, Vec<f64>) {
        (STAGE.to_owned(), [&[self.beta, self.guard], &self.parameters[..]].concat())
    }

    /// The saved stage, if there is one.
    ///
    /// # Errors
    /// [`StateError`] if it has no parameters, or a number that is not finite.
    pub(super) fn restored(state: &Tensors) -> Result<Option<Self>, StateError> {
        let Some(numbers) = state.get(STAGE) else { return Ok(None) };
        if let Some(index) = numbers.iter().position(|x| !x.is_finite()) {
            return Err(StateError::Value { name: STAGE, index, value: numbers[index] });
        }
        let [beta, guard, parameters @ ..] = &numbers[..] else {
            return Err(StateError::Length { name: STAGE, found: numbers.len(), expected: 3 });
        };
        Ok(Some(Self { parameters: parameters.to_vec(), beta: *beta, guard: *guard }))
    }

    /// How sharp its target is.
    fn sharpness(&self) -> f64 {
        self.beta / self.guard
    }
}

/// A map that is clear of folds: its parameters, its quality where it is known, and its smallest eigenvalue.
type Cleared = (Vec<f64>, Option<Estimates>, f64);

impl Collocation<'_> {
    /// The present stage with these parameters.
    fn stage(&self, theta: &[f64]) -> Stage {
        let guard = self.continuation.guard.unwrap_or(1.0);
        Stage { parameters: theta.to_vec(), beta: self.continuation.beta, guard }
    }

    /// Keeps parameters of a stack that grows, whose smallest eigenvalues at the check points are given, if none of
    /// these is a fold and no sharper target had such parameters.
    pub(super) fn keep_if_clear(&mut self, theta: &[f64], lowest: &[f64]) {
        let present = self.stage(theta);
        if let Some(growth) = &mut self.growth
            && lowest.iter().all(|&lowest| lowest > 0.0)
            && growth.clear.as_ref().is_none_or(|clear| present.sharpness() >= clear.sharpness())
        {
            growth.clear = Some(present);
        }
    }

    /// Goes back to a map that a survey finds clear of folds: the one with the largest effective sample at the last `β`
    /// of the present map and the stage that was kept. Changes nothing where neither is clear.
    pub(super) fn retreat(&mut self, theta: &mut Vec<f64>) {
        let present = self.stage(theta);
        let kept = self.growth.as_ref().and_then(|growth| growth.clear.clone());
        let mut best: Option<(Stage, Cleared)> = None;
        for stage in [Some(present.clone()), kept].into_iter().flatten() {
            if !self.go_to(&stage) {
                continue;
            }
            // What counts is how good a proposal the map is for the target itself.
            self.continuation.beta = self.continuation.beta_max;
            let ess = |cleared: &Cleared| cleared.1.as_ref().map_or(0.0, |quality| quality.ess.value);
            if let Some(cleared) = self.cleared(&stage.parameters)
                && best.as_ref().is_none_or(|(_, before)| ess(&cleared) > ess(before))
            {
                best = Some((stage, cleared));
            }
        }
        let Some((stage, (parameters, quality, lowest))) = best else {
            self.go_to(&present);
            return;
        };
        self.go_to(&stage);
        *theta = parameters;
        self.ending.surveyed = self.if_low(lowest);
        self.ending.quality = quality.filter(|_| self.continuation.has_full_beta());
    }

    /// Takes up a stage's layers and target; says whether there are such layers.
    fn go_to(&mut self, stage: &Stage) -> bool {
        let Some(flow) = with_parameters(self.first, stage.parameters.len()) else { return false };
        self.flow = flow;
        (self.continuation.beta, self.continuation.guard) = (stage.beta, Some(stage.guard));
        true
    }

    /// Parameters as they are where a survey finds no fold, else carried towards the identity, at any cost in KL; none if
    /// that does not undo the fold.
    fn cleared(&mut self, theta: &[f64]) -> Option<Cleared> {
        let lowest = self.survey(theta).lowest;
        if self.is_clear(lowest) {
            return Some((theta.to_vec(), self.fresh_quality(theta), lowest));
        }
        let limit = Limit { kl: f64::INFINITY, ess_loss: None };
        let (smaller, quality, lowest) = self.undo_fold(theta, lowest, limit)?;
        Some((smaller, Some(quality), lowest))
    }
}
