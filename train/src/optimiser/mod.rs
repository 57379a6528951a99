//! First-order optimisers, learning-rate schedules, gradient clipping.
//!
//! A new optimiser is one file and one line in the table `OPTIMISERS`.

mod adam;
mod clip;
mod schedule;

use std::collections::BTreeMap;

pub use adam::Adam;
pub use clip::{Clip, NonFiniteGradient};
pub use schedule::Schedule;

/// State of an optimiser for a checkpoint: flat `f64` tensors by name.
pub type Tensors = BTreeMap<String, Vec<f64>>;

/// A rule that moves the parameters against a gradient.
pub trait Optimiser: Send {
    /// Name in the table.
    fn name(&self) -> &'static str;

    /// Moves `theta` one step against `grad`, both of length `P`.
    ///
    /// The gradient must be finite: [`Clip::apply`] checks it.
    ///
    /// # Panics
    /// If a slice has another length than the optimiser was made for.
    fn step(&mut self, theta: &mut [f64], grad: &[f64], learning_rate: f64);

    /// What [`Optimiser::restore`] needs to go on with the same bits.
    fn state(&self) -> Tensors;

    /// Takes up a saved state; unchanged on error.
    ///
    /// # Errors
    /// [`StateError`] if a tensor is missing, has the wrong length or holds an impossible number.
    fn restore(&mut self, state: &Tensors) -> Result<(), StateError>;
}

/// Why a checkpoint does not fit an optimiser.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    /// No tensor of that name.
    #[error(
        "optimiser state lacks the tensor `{name}`; was the checkpoint written with another optimiser? start afresh or choose that one"
    )]
    Missing {
        /// The tensor.
        name: &'static str,
    },
    /// A tensor for a model of another size.
    #[error(
        "optimiser tensor `{name}` holds {found} numbers, {expected} wanted; use the model that the checkpoint was written with"
    )]
    Length {
        /// The tensor.
        name: &'static str,
        /// Its length in the checkpoint.
        found: usize,
        /// Its length here.
        expected: usize,
    },
    /// NaN, an infinity, or a number out of range.
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

/// Makes an optimiser for that many parameters.
type Constructor = fn(usize) -> Box<dyn Optimiser>;

/// All optimisers.
const OPTIMISERS: [(&str, Constructor); 1] = [("adam", |parameters| Box::new(Adam::new(parameters)))];

/// Names of all optimisers.
pub fn names() -> Vec<&'static str> {
    OPTIMISERS.iter().map(|(name, _)| *name).collect()
}

/// The optimiser of that name for `parameters` parameters, `None` if there is none.
pub fn by_name(name: &str, parameters: usize) -> Option<Box<dyn Optimiser>> {
    OPTIMISERS.iter().find(|(known, _)| *known == name).map(|(_, make)| make(parameters))
}

/// The tensor `name`, checked for its length and for numbers that `valid` refuses.
fn tensor<'a>(
    state: &'a Tensors,
    name: &'static str,
    expected: usize,
    valid: impl Fn(f64) -> bool,
) -> Result<&'a [f64], StateError> {
    let values = state.get(name).ok_or(StateError::Missing { name })?;
    if values.len() != expected {
        return Err(StateError::Length { name, found: values.len(), expected });
    }
    match values.iter().position(|&x| !valid(x)) {
        Some(index) => Err(StateError::Value { name, index, value: values[index] }),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_optimiser_finds_the_minimum_of_a_quadratic() {
        for name in names() {
            let mut optimiser = by_name(name, 3).expect("a name from the table");
            assert_eq!(optimiser.name(), name);
            let minimum = [1.0, -2.0, 0.5];
            let mut theta = [0.0; 3];
            for step in 0..2000 {
                let grad: Vec<f64> = (0..3).map(|i| (i + 1) as f64 * (theta[i] - minimum[i])).collect();
                optimiser.step(&mut theta, &grad, Schedule::Cosine { warmup: 0 }.rate(0.1, step, 2000));
            }
            for i in 0..3 {
                assert!((theta[i] - minimum[i]).abs() < 1e-6, "{name}: {theta:?}");
            }
        }
    }

    #[test]
    fn every_optimiser_goes_on_with_the_same_bits_after_a_checkpoint() {
        let advance = |optimiser: &mut dyn Optimiser, theta: &mut [f64]| {
            for _ in 0..5 {
                let grad: Vec<f64> = theta.iter().map(|t| t.sin() - 0.3).collect();
                optimiser.step(theta, &grad, 0.01);
            }
        };
        for name in names() {
            let mut first = by_name(name, 2).expect("a name from the table");
            let mut theta = [0.9, -0.4];
            advance(&mut *first, &mut theta);
            let mut second = by_name(name, 2).expect("a name from the table");
            second.restore(&first.state()).expect("its own state");
            let mut copy = theta;
            advance(&mut *first, &mut theta);
            advance(&mut *second, &mut copy);
            assert_eq!(theta, copy, "{name}");
        }
    }

    #[test]
    fn unknown_optimiser_is_none() {
        assert!(by_name("adamant", 1).is_none());
    }
}
