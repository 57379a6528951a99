//! Adam first, Levenberg–Marquardt for the last steps.

use super::{
    LearningRate, LevenbergMarquardt, Objective, Optimiser, ScheduledAdam, Settings, StateError, StepReport,
    Tensors,
};
use crate::loss::LossError;

/// [`super::Adam`] for most of a run's steps, then [`LevenbergMarquardt`]: cheap steps far from the minimum, few and precise ones
/// near it. The learning rate's schedule ends with the steps of Adam.
#[derive(Clone, Debug)]
pub struct Staged {
    first: ScheduledAdam,
    last: LevenbergMarquardt,
    steps: usize,
}

/// Most steps of least squares, and how many of all steps they are at most: one of so many.
const MOST_LAST: usize = 12;
const SHARE: usize = 4;

impl Staged {
    /// Name in the table.
    pub const NAME: &'static str = "adam-levenberg-marquardt";

    /// An optimiser before its first step.
    pub fn new(settings: Settings) -> Self {
        let steps = Self::steps_of_adam(settings.learning_rate.steps);
        let learning_rate = LearningRate { steps, ..settings.learning_rate };
        let first = ScheduledAdam::new(Settings { learning_rate, ..settings });
        Self { first, last: LevenbergMarquardt::new(), steps }
    }

    /// How many of all `steps` are Adam's.
    pub fn steps_of_adam(steps: usize) -> usize {
        steps - MOST_LAST.min(steps / SHARE)
    }
}

impl Optimiser for Staged {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn step(
        &mut self,
        theta: &mut [f64],
        objective: &mut dyn Objective,
        step: usize,
    ) -> Result<StepReport, LossError> {
        if step < self.steps {
            self.first.step(theta, objective, step)
        } else {
            self.last.step(theta, objective, step)
        }
    }

    fn state(&self) -> Tensors {
        let mut state = self.first.state();
        state.extend(self.last.state());
        state
    }

    fn restore(&mut self, state: &Tensors) -> Result<(), StateError> {
        let mut last = self.last.clone();
        last.restore(state)?;
        self.first.restore(state)?;
        self.last = last;
        Ok(())
    }
}
