//! What a flow learns from.

use crate::target::Target;
use crate::weights::WeightedPoints;

/// What a flow learns from: a density that is known up to a constant, or points.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The density `exp(−βu)/Z`.
    Target {
        /// The energy `u`.
        target: &'a dyn Target,
        /// Inverse temperature `β > 0`.
        beta: f64,
    },
    /// Points, with weights or without. Weights of both parts are on one scale.
    Points {
        /// Points to learn from.
        train: WeightedPoints<'a>,
        /// Points that training does not see, for the evaluation.
        held_out: WeightedPoints<'a>,
    },
}

impl<'a> Source<'a> {
    /// Points to learn from, and points that are held out.
    pub fn points(train: impl Into<WeightedPoints<'a>>, held_out: impl Into<WeightedPoints<'a>>) -> Self {
        Self::Points { train: train.into(), held_out: held_out.into() }
    }

    /// The target and its inverse temperature, if the flow learns from one.
    pub fn target(self) -> Option<(&'a dyn Target, f64)> {
        match self {
            Self::Target { target, beta } => Some((target, beta)),
            Self::Points { .. } => None,
        }
    }

    /// The exact `log Z` in nats, where it is known.
    pub fn log_z_exact(self) -> Option<f64> {
        self.target().and_then(|(target, beta)| target.log_z(beta))
    }

    /// Points that were held out; none for a target.
    pub fn held_out(self) -> WeightedPoints<'a> {
        match self {
            Self::Target { .. } => (&[]).into(),
            Self::Points { held_out, .. } => held_out,
        }
    }
}
