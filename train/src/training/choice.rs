//! Which optimiser trains a flow.

use ircpm_flow::Flow;

use super::{Source, TrainingError};
use crate::config::AUTO;
use crate::optimiser::{self, Adam, LevenbergMarquardt};

/// Most parameters of a model for which `auto` means least squares: the Jacobian at the most points of a step then
/// takes a gigabyte.
const LEAST_SQUARES: usize = 20_000;

/// Most parameters of a model: 128 MiB of them. A step needs a few dozen times as much, for gradients and the optimiser.
const MOST_PARAMETERS: usize = 1 << 24;

/// An optimiser's name in the table, and why it is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Name in the table of optimisers.
    pub optimiser: &'static str,
    /// Why it was chosen.
    pub reason: &'static str,
}

/// The optimiser that a name stands for: itself, or for `auto` least squares where they apply and Adam elsewhere.
///
/// # Errors
/// [`TrainingError::NoParameters`] if the flow has none, [`TrainingError::TooLarge`] if it has more than fit into memory
/// while it is trained, [`TrainingError::Conditional`] for a target on a manifold with conditioning variables,
/// [`TrainingError::NoLeastSquares`] if least squares are asked
/// for where they do not apply, [`TrainingError::UnknownOptimiser`] if no optimiser has the name.
pub fn choose(name: &str, flow: &Flow, source: Source<'_>) -> Result<Choice, TrainingError> {
    if flow.parameters() == 0 {
        return Err(TrainingError::NoParameters);
    }
    if source.target().is_some() && flow.manifold().contexts() > 0 {
        return Err(TrainingError::Conditional { manifold: flow.manifold().to_string() });
    }
    if flow.parameters() > MOST_PARAMETERS {
        return Err(TrainingError::TooLarge { parameters: flow.parameters(), limit: MOST_PARAMETERS });
    }
    let obstacle = if source.target().is_none() {
        Some("given points leave no residual, only a likelihood")
    } else if flow.manifold().log_volume().is_none() {
        Some("the manifold has infinite volume, so no uniform points")
    } else {
        None
    };
    if name != AUTO {
        let known = optimiser::names().into_iter().find(|known| *known == name);
        let optimiser = known.ok_or_else(|| TrainingError::UnknownOptimiser { name: name.to_owned() })?;
        return match obstacle {
            Some(reason) if name == LevenbergMarquardt::NAME => Err(TrainingError::NoLeastSquares { reason }),
            _ => Ok(Choice { optimiser, reason: "as configured" }),
        };
    }
    Ok(match obstacle {
        Some(reason) => Choice { optimiser: Adam::NAME, reason },
        None if flow.parameters() > LEAST_SQUARES => {
            Choice { optimiser: Adam::NAME, reason: "the model is too large for a stored Jacobian" }
        }
        None => Choice {
            optimiser: LevenbergMarquardt::NAME,
            reason: "log q and its gradients are explicit at any point",
        },
    })
}
