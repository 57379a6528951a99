//! What training minimises, with exact gradients.
//!
//! A loss reads a flow's points and log-densities part by part and writes their cotangents; the flow turns these into the
//! gradient in its parameters, through implicit derivatives. A new loss is one file here.

mod likelihood;
pub mod monge_ampere;
mod reverse_kl;

use ircpm_flow::SolveStats;
use thiserror::Error;

pub use likelihood::likelihood;
pub use reverse_kl::reverse_kl;

/// Value and exact gradient of a loss over a batch.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// Mean over the samples that count, in nats.
    pub loss: f64,
    /// In the flow's parameters.
    pub grad: Vec<f64>,
    /// `log p̃(y) − log q(y)` of the samples that count; empty for likelihood.
    pub log_weights: Vec<f64>,
    /// Statistics of the inner solves.
    pub stats: SolveStats,
}

/// Why a loss could not be computed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LossError {
    /// The energy, or its gradient, is NaN or infinite at a point that the flow reached.
    #[error(
        "the energy is {value} at the point {point:?}: make it finite everywhere on the manifold, since the flow can \
         reach every point"
    )]
    Energy {
        /// What it returned: `u`, or the first component of its gradient that is not finite.
        value: f64,
        /// Ambient coordinates.
        point: Vec<f64>,
    },
    /// No sample of the batch counts.
    #[error(
        "none of the {samples} samples has an image: every inner solve failed or ended where the map folds; lower the \
         learning rate or raise model.output_scale"
    )]
    NoSamples {
        /// Size of the batch.
        samples: usize,
    },
    /// Energies that span too much for any inverse temperature that is not next to none of what was asked.
    #[error(
        "even at an inverse temperature of {beta:.1e} the target is too sharp to begin with: lower target.beta"
    )]
    TooSharp {
        /// The lowest that was tried.
        beta: f64,
    },
}

/// A part's sum and count, to be put together in order.
#[derive(Clone, Debug, Default)]
struct Sum {
    total: f64,
    count: usize,
    log_weights: Vec<f64>,
}

/// Turns sums over the parts of a batch into means.
fn mean(grad: Vec<f64>, parts: Vec<Sum>, stats: SolveStats, samples: usize) -> Result<Gradient, LossError> {
    let mut all = Sum::default();
    for part in parts {
        all.total += part.total;
        all.count += part.count;
        all.log_weights.extend(part.log_weights);
    }
    if all.count == 0 {
        return Err(LossError::NoSamples { samples });
    }
    let scale = 1.0 / all.count as f64;
    let grad = grad.into_iter().map(|g| g * scale).collect();
    Ok(Gradient { loss: all.total * scale, grad, log_weights: all.log_weights, stats })
}
