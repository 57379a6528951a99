//! Why a run of the program stops.

use std::io;
use std::path::{Path, PathBuf};

use super::folder::{Folder, FolderError, file};
use crate::chain::ChainError;
use crate::config::ConfigError;
use crate::evaluation::EvaluationError;
use crate::paper::PaperError;
use crate::report::picture::PictureError;
use crate::samples::SamplesError;
use crate::training::checkpoint::CheckpointError;
use crate::training::{ProblemError, TrainingError};

/// Why a run of the program stops: the cause, the place, the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No flow can be built from the configuration, or it has neither target nor data.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The checkpoint is damaged, or of something else.
    #[error("checkpoint {}: {source}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The folder of the run cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A configuration cannot be read.
    #[error("cannot read {}: {source}; check the name and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Training cannot begin, or stopped before its end.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// The model cannot be evaluated.
    #[error(transparent)]
    Evaluation(EvaluationError),
    /// A run that was to be resumed has come to its end.
    #[error(
        "{} needs no more training after its {steps} steps: `ircpm evaluate` measures it, and its config.toml \
         trains it again into another folder", path.display()
    )]
    Finished {
        /// The folder.
        path: PathBuf,
        /// Steps taken.
        steps: usize,
    },
    /// No Markov chain can be run.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No samples can be drawn.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The report is not one of this program.
    #[error("report {}: {source}; remove it, and `ircpm evaluate` writes it again", path.display())]
    Report {
        /// The report.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The bounds of a density are not ones of this program.
    #[error("bounds of the density {}: {source}; remove the file, and `ircpm certify --density` writes it again", path.display())]
    Density {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// There is no report of the present state whose marks could be drawn.
    #[error("{} is not measured as it is now: `ircpm evaluate` measures it and draws its pictures", path.display())]
    Unmeasured {
        /// The folder.
        path: PathBuf,
    },
    /// A picture could not be drawn.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A row, a study or a figure of the paper's programme has no result.
    #[error(transparent)]
    Paper(Box<PaperError>),
    /// The user asked to stop while a table was being written.
    #[error("stopped: no file is written")]
    Stopped,
    /// The user asked to stop during an evaluation.
    #[error("interrupted during the evaluation; `ircpm evaluate` repeats it")]
    Interrupted,
}

impl From<PaperError> for RunError {
    fn from(error: PaperError) -> Self {
        Self::Paper(Box::new(error))
    }
}

impl From<EvaluationError> for RunError {
    fn from(error: EvaluationError) -> Self {
        match error {
            EvaluationError::Interrupted => Self::Interrupted,
            error => Self::Evaluation(error),
        }
    }
}

impl RunError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}

impl RunError {
    /// Names the file that an error of a checkpoint is about.
    pub(super) fn in_checkpoint(folder: &Folder, source: CheckpointError) -> Self {
        Self::Checkpoint { path: folder.path(file::CHECKPOINT), source }
    }
}
