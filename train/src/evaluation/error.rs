//! Why a model cannot be evaluated.

use crate::estimate::EstimateError;

/// Why a model cannot be evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The energy is not a number at a point.
    #[error(
        "target {target}: the energy is {energy} at the point {point:?}; it must be finite everywhere on the manifold"
    )]
    Energy {
        /// Name of the target.
        target: String,
        /// Value of the energy.
        energy: f64,
        /// The point, in ambient coordinates.
        point: Vec<f64>,
    },
    /// The model's samples allow no estimate.
    #[error("evaluation: {0}")]
    Estimate(#[from] EstimateError),
    /// A setting is out of its range.
    #[error("the setting {name} of the evaluation is {value}: give {expected}")]
    Setting {
        /// Name of the field of [`crate::config::EvaluationConfig`].
        name: &'static str,
        /// Value of the setting.
        value: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// A parameter is NaN or infinite.
    #[error(
        "parameter {index} of the flow, counted from 0, is {value}; give the parameters of a run that did not diverge"
    )]
    Parameter {
        /// The first such parameter.
        index: usize,
        /// Value of the parameter.
        value: f64,
    },
    /// The evaluation was asked to stop.
    #[error("interrupted during the evaluation")]
    Interrupted,
}
