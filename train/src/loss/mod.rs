//! What training minimises, with exact gradients.
//!
//! A loss reads a flow's points and log-densities part by part and writes their cotangents; the flow turns these into
//! the gradient in its parameters, through implicit derivatives. A new loss is one file here.

mod error;
mod likelihood;
pub mod monge_ampere;
mod reverse_kl;

use ircpm_flow::SolveStats;

pub use error::LossError;
pub(crate) use likelihood::shared_likelihood;
pub use likelihood::{likelihood, weighted_likelihood};
pub use reverse_kl::{reverse_kl, reverse_kl_by_path};
pub(crate) use reverse_kl::{shared_reverse_kl, shared_reverse_kl_by_path};

use crate::ranks::{Packed, Words};

/// Value and exact gradient of a loss over a batch.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// Mean over the samples that count, in nats.
    pub loss: f64,
    /// Derivatives of the loss in the flow's parameters.
    pub grad: Vec<f64>,
    /// `log p̃(y) − log q(y)` of the samples that count; empty for likelihood.
    pub log_weights: Vec<f64>,
    /// Statistics of the inner solves.
    pub stats: SolveStats,
}

impl Gradient {
    /// Largest share of a batch whose solves may fail: beyond it, the gradient is that of another problem.
    const FAILED_SHARE: f64 = 0.5;

    /// Refuses a gradient that no step can follow.
    ///
    /// # Errors
    /// [`LossError::Solves`] if more than half of the solves failed, [`LossError::Folds`] if all of those ended where
    /// the map folds, [`LossError::Value`] or [`LossError::Gradient`] if
    /// the loss or an entry of its gradient is not finite.
    pub fn check(self) -> Result<Self, LossError> {
        let SolveStats { points, unconverged, indefinite, .. } = self.stats;
        let failed = unconverged + indefinite;
        // Without a solve, as in the likelihood, only the map can be to blame.
        check_solves(failed, points).map_err(|error| match unconverged {
            0 => LossError::Folds { failed, points },
            _ => error,
        })?;
        if !self.loss.is_finite() {
            return Err(LossError::Value(self.loss));
        }
        check_finite(&self.grad)?;
        Ok(self)
    }
}

/// Refuses a batch of which more than half of the solves failed.
pub(crate) fn check_solves(failed: usize, points: usize) -> Result<(), LossError> {
    if failed as f64 > Gradient::FAILED_SHARE * points as f64 {
        return Err(LossError::Solves { failed, points });
    }
    Ok(())
}

/// Refuses a gradient with an entry that is not finite.
pub(crate) fn check_finite(grad: &[f64]) -> Result<(), LossError> {
    match grad.iter().position(|g| !g.is_finite()) {
        Some(index) => Err(LossError::Gradient { index, value: grad[index] }),
        None => Ok(()),
    }
}

/// A part's sum and count, to be put together in order.
#[derive(Clone, Debug, Default)]
struct Sum {
    total: f64,
    count: usize,
    log_weights: Vec<f64>,
}

impl Packed for Sum {
    fn pack(&self, words: &mut Vec<f64>) {
        words.extend([self.total, self.count as f64]);
        self.log_weights.pack(words);
    }

    fn unpack(words: &mut Words<'_>) -> Self {
        let (total, count) = (words.take(1)[0], words.count());
        Self { total, count, log_weights: Vec::unpack(words) }
    }
}

/// Refuses a batch without points, and parameters that are not finite: both would look like solves that failed.
fn check_input(theta: &[f64], points: &[f64]) -> Result<(), LossError> {
    if points.is_empty() {
        return Err(LossError::NoPoints);
    }
    match theta.iter().position(|t| !t.is_finite()) {
        Some(index) => Err(LossError::Parameter { index, value: theta[index] }),
        None => Ok(()),
    }
}

/// Turns sums over the parts of a batch into means; `none` is the error of a batch of which no sample counts.
fn mean(grad: Vec<f64>, parts: Vec<Sum>, stats: SolveStats, none: LossError) -> Result<Gradient, LossError> {
    let mut all = Sum::default();
    for part in parts {
        all.total += part.total;
        all.count += part.count;
        all.log_weights.extend(part.log_weights);
    }
    if all.count == 0 {
        return Err(none);
    }
    let scale = 1.0 / all.count as f64;
    let grad = grad.into_iter().map(|g| g * scale).collect();
    Ok(Gradient { loss: all.total * scale, grad, log_weights: all.log_weights, stats })
}
