//! L-BFGS: quasi-Newton steps from the last gradients.

use std::collections::VecDeque;

use nalgebra::{DVector, DVectorView};

use super::{Objective, Optimiser, StateError, StepReport, Tensors, tensor};
use crate::loss::{Gradient, LossError};

/// Limited-memory BFGS (Nocedal & Wright 2006, *Numerical Optimization*, algorithms 7.4 and 7.5) on a new batch at each
/// step.
///
/// Both gradients of a pair are taken on the same batch, so that its difference is curvature and not sampling noise
/// (Berahas, Nocedal & Takáč 2016, arXiv:1605.06049); backtracking to Armijo's condition on that batch; a pair without
/// positive curvature is left out.
#[derive(Clone, Debug)]
pub struct Lbfgs {
    parameters: usize,
    first: f64,
    /// Pairs `(s, y)`, the oldest first.
    pairs: VecDeque<Pair>,
}

/// A step `s` and the change `y` of the gradient along it.
type Pair = (DVector<f64>, DVector<f64>);

/// Most pairs that are kept.
const MEMORY: usize = 12;
/// Share of the linear prediction that a step must deliver.
const SUFFICIENT: f64 = 1e-4;
/// Halvings of a step before it is given up.
const HALVINGS: usize = 12;

impl Lbfgs {
    /// Name in the table.
    pub const NAME: &'static str = "lbfgs";

    /// An optimiser before its first step, which has length `first`.
    pub fn new(parameters: usize, first: f64) -> Self {
        Self { parameters, first, pairs: VecDeque::new() }
    }

    /// `−H g` by the two-loop recursion; steepest descent of length [`Lbfgs::new`]'s `first` without pairs.
    fn direction(&self, g: &DVector<f64>) -> DVector<f64> {
        let Some((s, y)) = self.pairs.back() else {
            return g * (-self.first / g.norm().max(f64::MIN_POSITIVE));
        };
        let mut q = -g;
        let scale = s.dot(y) / y.norm_squared();
        let mut weights = Vec::with_capacity(self.pairs.len());
        for (s, y) in self.pairs.iter().rev() {
            let weight = s.dot(&q) / s.dot(y);
            q.axpy(-weight, y, 1.0);
            weights.push(weight);
        }
        q *= scale;
        for ((s, y), weight) in self.pairs.iter().zip(weights.into_iter().rev()) {
            let back = weight - y.dot(&q) / s.dot(y);
            q.axpy(back, s, 1.0);
        }
        q
    }

    /// The first of ever shorter steps that satisfies Armijo's condition and loses no sample, with the gradient there.
    fn search(
        &self,
        theta: &[f64],
        start: &Gradient,
        direction: &DVector<f64>,
        objective: &mut dyn Objective,
    ) -> Option<(DVector<f64>, Gradient)> {
        let slope = direction.dot(&vector(&start.grad));
        let failed = |g: &Gradient| g.stats.unconverged + g.stats.indefinite;
        let mut t = 1.0;
        for _ in 0..HALVINGS {
            let trial = vector(theta) + t * direction;
            if let Ok(found) = objective.gradient(trial.as_slice())
                && found.loss <= start.loss + SUFFICIENT * t * slope
                && failed(&found) <= failed(start)
                && found.grad.iter().all(|g| g.is_finite())
            {
                return Some((trial, found));
            }
            t *= 0.5;
        }
        None
    }
}

/// A slice as a vector.
fn vector(x: &[f64]) -> DVectorView<'_, f64> {
    DVectorView::from_slice(x, x.len())
}

impl Optimiser for Lbfgs {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn step(
        &mut self,
        theta: &mut [f64],
        objective: &mut dyn Objective,
        _: usize,
    ) -> Result<StepReport, LossError> {
        objective.refresh(theta)?;
        let start = objective.gradient(theta)?.check()?;
        let gradient = DVector::from_column_slice(&start.grad);
        let direction = self.direction(&gradient);
        match self.search(theta, &start, &direction, objective) {
            Some((trial, end)) => {
                let s = &trial - vector(theta);
                let y = vector(&end.grad) - &gradient;
                if s.dot(&y) > 1e-10 * s.norm() * y.norm() {
                    self.pairs.push_back((s, y));
                    if self.pairs.len() > MEMORY {
                        self.pairs.pop_front();
                    }
                }
                theta.copy_from_slice(trial.as_slice());
            }
            // The pairs do not describe this point: start again with steepest descent and a shorter step.
            None => {
                self.pairs.clear();
                self.first *= 0.5;
            }
        }
        let gradient_norm = Some(gradient.norm());
        Ok(StepReport { gradient_norm, ..StepReport::from(start) })
    }

    fn state(&self) -> Tensors {
        let flat = |part: fn(&Pair) -> &DVector<f64>| self.pairs.iter().flat_map(part).copied().collect();
        Tensors::from([
            ("steps_taken".to_owned(), flat(|pair| &pair.0)),
            ("gradient_changes".to_owned(), flat(|pair| &pair.1)),
            ("first_length".to_owned(), vec![self.first]),
        ])
    }

    fn restore(&mut self, state: &Tensors) -> Result<(), StateError> {
        let first = tensor(state, "first_length", Some(1), |x| x > 0.0 && x.is_finite())?[0];
        let s = tensor(state, "steps_taken", None, f64::is_finite)?;
        let y = tensor(state, "gradient_changes", Some(s.len()), f64::is_finite)?;
        if !s.len().is_multiple_of(self.parameters.max(1)) {
            return Err(StateError::Length {
                name: "steps_taken",
                found: s.len(),
                expected: self.parameters,
            });
        }
        let chunks =
            |x: &[f64]| x.chunks(self.parameters.max(1)).map(DVector::from_column_slice).collect::<Vec<_>>();
        self.pairs = chunks(s).into_iter().zip(chunks(y)).collect();
        self.first = first;
        Ok(())
    }
}
