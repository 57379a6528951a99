//! Evaluations of the Hessian that solves take, as tables count them.

use std::fmt::{self, Display, Formatter};

use ircpm_flow::SolveStats;

/// Mean number of evaluations of the Hessian per sample and layer, in double and in single precision.
pub(super) struct Evaluations {
    double: f64,
    single: f64,
}

/// The remark that explains [`Evaluations`] below a table.
pub(super) const EVALUATIONS: &str =
    "Hessians per layer: in double precision + before them in single precision, which count half.";

impl Evaluations {
    pub(super) fn of(stats: &SolveStats) -> Self {
        Self { double: stats.steps_mean(), single: stats.single_steps_mean() }
    }

    /// Number of evaluations in double precision that cost the same, because the peak in single precision is twice as
    /// high.
    pub(super) fn in_doubles(&self) -> f64 {
        self.double + 0.5 * self.single
    }
}

impl Display for Evaluations {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} + {:.2}", self.double, self.single)
    }
}
