//! Adam: steps scaled by running moments of the gradient.

use super::{Clip, Objective, Optimiser, Settings, StateError, StepReport, Tensors, tensor};
use crate::loss::LossError;

/// Adam with bias correction (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1), the authors' constants.
///
/// `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `θ ← θ − rate · m̂ / (√v̂ + ε)` with `m̂ = m/(1−β₁ᵗ)`, `v̂ = v/(1−β₂ᵗ)`.
#[derive(Clone, Debug)]
pub struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    steps: u64,
}

impl Adam {
    /// Decay β₁ of the first moment.
    pub const BETA_1: f64 = 0.9;
    /// Decay β₂ of the second moment.
    pub const BETA_2: f64 = 0.999;
    /// ε, which bounds the step where the gradient has always been zero.
    pub const EPSILON: f64 = 1e-8;

    /// Name in the table.
    pub const NAME: &'static str = "adam";

    /// An optimiser before its first step, with moments of zero for that many parameters.
    pub fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0 }
    }

    /// Moves `theta` one step against `grad`, which must be finite.
    ///
    /// # Panics
    /// If a slice has another length than the optimiser was made for.
    pub fn update(&mut self, theta: &mut [f64], grad: &[f64], learning_rate: f64) {
        assert_eq!(theta.len(), self.first.len(), "parameters");
        assert_eq!(grad.len(), self.first.len(), "gradient");
        self.steps += 1;
        let t = self.steps as f64;
        let unbias_1 = 1.0 / (1.0 - Self::BETA_1.powf(t));
        let unbias_2 = 1.0 / (1.0 - Self::BETA_2.powf(t));
        for (((theta, &g), m), v) in theta.iter_mut().zip(grad).zip(&mut self.first).zip(&mut self.second) {
            *m = Self::BETA_1 * *m + (1.0 - Self::BETA_1) * g;
            *v = Self::BETA_2 * *v + (1.0 - Self::BETA_2) * g * g;
            *theta -= learning_rate * (*m * unbias_1) / ((*v * unbias_2).sqrt() + Self::EPSILON);
        }
    }
}

/// [`Adam`] with its learning rate and clipping, as an [`Optimiser`].
#[derive(Clone, Debug)]
pub struct ScheduledAdam {
    adam: Adam,
    settings: Settings,
}

impl ScheduledAdam {
    /// An optimiser before its first step.
    pub fn new(settings: Settings) -> Self {
        Self { adam: Adam::new(settings.parameters), settings }
    }
}

impl Optimiser for ScheduledAdam {
    fn name(&self) -> &'static str {
        Adam::NAME
    }

    fn step(
        &mut self,
        theta: &mut [f64],
        objective: &mut dyn Objective,
        step: usize,
    ) -> Result<StepReport, LossError> {
        let Settings { learning_rate, clip, .. } = self.settings;
        let rate = learning_rate.at(step);
        objective.refresh(theta)?;
        let mut gradient = objective.gradient(theta)?.check()?;
        let mut clip = Clip::new(clip);
        let norm = clip.apply(&mut gradient.grad)?;
        self.adam.update(theta, &gradient.grad, rate);
        let (learning_rate, gradient_norm) = (Some(rate), Some(norm));
        Ok(StepReport {
            learning_rate,
            gradient_norm,
            clipped: clip.clipped() > 0,
            ..StepReport::from(gradient)
        })
    }

    fn state(&self) -> Tensors {
        self.adam.state()
    }

    fn restore(&mut self, state: &Tensors) -> Result<(), StateError> {
        self.adam.restore(state)
    }
}

impl Adam {
    /// Moments and number of steps.
    pub fn state(&self) -> Tensors {
        Tensors::from([
            ("first_moment".to_owned(), self.first.clone()),
            ("second_moment".to_owned(), self.second.clone()),
            ("steps".to_owned(), vec![self.steps as f64]),
        ])
    }

    /// Takes up what [`Adam::state`] saved; unchanged on error.
    ///
    /// # Errors
    /// [`StateError`] if it does not fit.
    pub fn restore(&mut self, state: &Tensors) -> Result<(), StateError> {
        let parameters = self.first.len();
        let first = tensor(state, "first_moment", Some(parameters), f64::is_finite)?;
        let second = tensor(state, "second_moment", Some(parameters), |x| x.is_finite() && x >= 0.0)?;
        let steps = tensor(state, "steps", Some(1), |x| x >= 0.0 && x < 2f64.powi(53) && x.fract() == 0.0)?;
        self.steps = steps[0] as u64;
        self.first.copy_from_slice(first);
        self.second.copy_from_slice(second);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_adam_step_is_the_learning_rate_whatever_the_gradient() {
        // m̂ = g and v̂ = g² after bias correction, so the step is rate · g/(|g| + ε).
        let mut adam = Adam::new(3);
        let mut theta = [0.0; 3];
        let grad = [1e-3, -7.0, 1e6];
        adam.update(&mut theta, &grad, 0.01);
        for i in 0..3 {
            let expected = -0.01 * grad[i] / (grad[i].abs() + Adam::EPSILON);
            assert!((theta[i] - expected).abs() < 1e-15, "{theta:?}");
        }
    }

    #[test]
    fn adam_under_a_constant_gradient_walks_in_equal_steps() {
        // Bias correction makes both moments exact at every t: 100 steps of 0.01 · 2/(2 + ε).
        let mut adam = Adam::new(1);
        let mut theta = [0.0];
        for _ in 0..100 {
            adam.update(&mut theta, &[2.0], 0.01);
        }
        let expected = -2.0 / (2.0 + Adam::EPSILON);
        assert!((theta[0] - expected).abs() < 1e-12, "{}", theta[0]);
    }

    #[test]
    fn adam_matches_the_unrolled_moments() {
        let grads = [0.5, -1.5, 0.25, 3.0];
        let (mut adam, mut theta) = (Adam::new(1), [0.7]);
        let mut expected = 0.7;
        for t in 1..=grads.len() {
            adam.update(&mut theta, &grads[t - 1..t], 0.05);
            let moment = |beta: f64, power: i32| -> f64 {
                let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
                    (0..t).map(|s| beta.powi((t - 1 - s) as i32) * f(grads[s])).sum()
                };
                sum(&|g| g.powi(power)) / sum(&|_| 1.0)
            };
            expected -= 0.05 * moment(Adam::BETA_1, 1) / (moment(Adam::BETA_2, 2).sqrt() + Adam::EPSILON);
        }
        assert!((theta[0] - expected).abs() < 1e-13, "{} is not {expected}", theta[0]);
    }

    #[test]
    fn adam_refuses_a_state_that_does_not_fit() {
        let good = Adam::new(2).state();
        let mut adam = Adam::new(2);
        let mut lacking = good.clone();
        lacking.remove("steps");
        assert_eq!(adam.restore(&lacking), Err(StateError::Missing { name: "steps" }));
        assert_eq!(
            Adam::new(3).restore(&good),
            Err(StateError::Length { name: "first_moment", found: 2, expected: 3 })
        );
        let mut damaged = good;
        damaged.insert("second_moment".to_owned(), vec![0.0, -1.0]);
        assert_eq!(
            adam.restore(&damaged),
            Err(StateError::Value { name: "second_moment", index: 1, value: -1.0 })
        );
    }
}
