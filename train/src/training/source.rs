//! What a flow learns from.

use crate::target::Target;

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
    /// Points, `[row][coordinate]`.
    Points {
        /// Points to learn from.
        train: &'a [f64],
        /// Points that training does not see, for the evaluation.
        held_out: &'a [f64],
    },
}

impl<'a> Source<'a> {
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
    pub fn held_out(self) -> &'a [f64] {
        match self {
            Self::Target { .. } => &[],
            Self::Points { held_out, .. } => held_out,
        }
    }
}
