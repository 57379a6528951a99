//! Why a loss has no value, no gradient, or none that a step can follow.

/// Why a loss cannot be used at the present parameters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
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
    /// The flow carried a base point to coordinates that are not finite.
    #[error("an image has the coordinates {0:?}")]
    Image(Vec<f64>),
    /// The batch has no points.
    #[error("the batch has no points")]
    NoPoints,
    /// A parameter is infinite or not a number.
    #[error("parameter {index}, counted from 0, is {value}")]
    Parameter {
        /// The first such parameter.
        index: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// The inverse temperature is infinite or not a number.
    #[error("the inverse temperature is {0}")]
    Beta(f64),
    /// The map folds at too many points of the batch, or at all of them.
    #[error("the map folds at {failed} of {points} points")]
    Folds {
        /// Points where the map folds.
        failed: usize,
        /// Points in all.
        points: usize,
    },
    /// The inner solver failed at too many points of the batch, or at all of them.
    #[error("the inner solver failed at {failed} of {points} points")]
    Solves {
        /// Points whose solve failed, or ended where the map folds.
        failed: usize,
        /// Points in all.
        points: usize,
    },
    /// The loss is infinite or not a number.
    #[error("the loss is {0}")]
    Value(f64),
    /// An entry of the gradient is infinite or not a number.
    #[error("entry {index} of the gradient is {value}")]
    Gradient {
        /// The first such entry.
        index: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// The target is too sharp to start from, even at the smallest β that is tried.
    #[error(
        "even at an inverse temperature of {beta:.1e} the target is too sharp to begin with: lower it \
         (target.beta)"
    )]
    TooSharp {
        /// The smallest β that was tried.
        beta: f64,
    },
    /// Least squares were asked of a loss that is not a sum of squares.
    #[error("the loss is no sum of squares: choose another optimiser")]
    NoResiduals,
}

impl LossError {
    /// An energy, or a component of its gradient, that is not finite at `point`; the point itself is to blame if it is
    /// not finite.
    pub(crate) fn energy(value: f64, point: &[f64]) -> Self {
        if point.iter().all(|x| x.is_finite()) {
            Self::Energy { value, point: point.to_vec() }
        } else {
            Self::Image(point.to_vec())
        }
    }

    /// What helps where the learning rate is not to blame.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Value(_) | Self::Gradient { .. } | Self::TooSharp { .. } => {
                "lower the inverse temperature (target.beta), or raise the output scale (model.output_scale)"
            }
            Self::Solves { .. } | Self::Image(_) => {
                "raise the output scale (model.output_scale), or the solver's steps (solver.max_steps) or tolerance \
                 (solver.tolerance)"
            }
            Self::Folds { .. } => {
                "raise the output scale (model.output_scale), which starts nearer to the identity"
            }
            Self::NoPoints => "give at least one point",
            Self::Parameter { .. } => "begin with finite parameters",
            Self::Beta(_) => "give a finite inverse temperature",
            Self::Energy { .. } => "make the energy finite everywhere on the manifold",
            Self::NoResiduals => "choose another optimiser",
        }
    }
}
