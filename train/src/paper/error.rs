//! Why a part of the programme has no result.

use ircpm_flow::{DiscreteError, FlowError, MinimiserError};

use crate::evaluation::EvaluationError;
use crate::fit::FitError;
use crate::report::picture::PictureError;
use crate::training::{ProblemError, TrainingError};

/// Why a row, a study or a figure has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PaperError {
    /// No model can be made of the row's configuration.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// A discrete potential cannot be built.
    #[error(transparent)]
    Discrete(#[from] DiscreteError),
    /// No flow can be built.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// Training cannot begin, or stopped before its end.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// The model cannot be measured.
    #[error(transparent)]
    Evaluation(EvaluationError),
    /// A fit to points failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The inner minimisation has no derivatives at a point.
    #[error(transparent)]
    Minimiser(#[from] MinimiserError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The user stopped the programme.
    #[error("stopped")]
    Stopped,
}

impl From<EvaluationError> for PaperError {
    fn from(error: EvaluationError) -> Self {
        match error {
            EvaluationError::Interrupted => Self::Stopped,
            error => Self::Evaluation(error),
        }
    }
}
