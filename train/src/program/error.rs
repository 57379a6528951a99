//! Why a run stops.

use std::io;
use std::path::{Path, PathBuf};

use ircpm_flow::FlowError;

use crate::config::ConfigError;
use crate::estimate::EstimateError;
use crate::loss::LossError;
use crate::training::checkpoint::CheckpointError;
use crate::training::data::DataError;

/// Why a run stops: the cause, the place, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No flow can be built from it.
    #[error("[model] does not fit the manifold {manifold}: {source}")]
    Flow {
        /// Name of the manifold.
        manifold: String,
        /// What the flow says.
        source: FlowError,
    },
    /// The points to learn from are wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The checkpoint is damaged, or of something else.
    #[error("checkpoint {}: {source}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// An explicit output folder has something in it.
    #[error("folder {} exists and is not empty: choose another with --out, or empty it", path.display())]
    FolderExists {
        /// The folder.
        path: PathBuf,
    },
    /// Not the folder of a run.
    #[error("{} is not the folder of a run: it has no config.toml (`ircpm train` writes one)", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A run that ended before its first step, or whose checkpoint was deleted.
    #[error("{} has no checkpoint: put it back, or train its config.toml again into another folder", path.display())]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
    },
    /// The model would not fit into memory.
    #[error(
        "[model] has {parameters} parameters, at most {limit} fit: lower model.hidden or model.layers, or set \
         model.shared = true"
    )]
    TooLarge {
        /// Parameters of all layers.
        parameters: usize,
        /// The most there may be.
        limit: usize,
    },
    /// Least squares where there are none.
    #[error(
        "training.optimiser = \"levenberg-marquardt\" does not apply: {reason}; choose \"adam\" or \"lbfgs\", or leave it to \
         \"auto\""
    )]
    Optimiser {
        /// Why not.
        reason: &'static str,
    },
    /// Something could not be read.
    #[error("cannot read {}: {source}; check the name and its permissions", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something could not be written.
    #[error("cannot write {}: {source}; choose a folder that you may write to with --out", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Training left the region where the loss exists.
    #[error(
        "training diverged at step {step}: {cause}, at learning rate {learning_rate:.3e} (last finite loss {loss:.6}); \
         lower training.learning_rate, or lengthen training.warmup"
    )]
    Diverged {
        /// The step that failed, from 0; at least one before it had a finite loss.
        step: usize,
        /// Last loss that was finite.
        loss: f64,
        /// Learning rate at the step.
        learning_rate: f64,
        /// What the loss says.
        cause: Divergence,
    },
    /// Least squares left the region where the loss exists.
    #[error("training broke off at step {step}: {cause}; {}", cause.remedy())]
    Broken {
        /// The step that failed, from 0.
        step: usize,
        /// What the loss says.
        cause: Divergence,
    },
    /// The initial parameters already have no loss: no step has been taken, and a smaller one would not help.
    #[error("training cannot begin: {cause} at the first parameters; {}", cause.remedy())]
    NoStart {
        /// What the loss says.
        cause: Divergence,
    },
    /// The loss does not exist, and not for want of a smaller step.
    #[error("training stopped at step {step}: {source}")]
    Loss {
        /// The step that failed, from 0.
        step: usize,
        /// What the loss says.
        source: LossError,
    },
    /// The energy is not a number at a point.
    #[error(
        "target {target}: the energy is {energy} at the point {point:?}; it must be finite everywhere on the manifold"
    )]
    Energy {
        /// Name of the target.
        target: String,
        /// Its value.
        energy: f64,
        /// The point, in ambient coordinates.
        point: Vec<f64>,
    },
    /// The model's samples allow no estimate.
    #[error("evaluation: {0}")]
    Estimate(#[from] EstimateError),
    /// A picture could not be drawn.
    #[error("cannot draw {name}: {message}")]
    Picture {
        /// The picture's file.
        name: String,
        /// What the drawing library says.
        message: String,
    },
    /// The user asked to stop.
    #[error("interrupted during the evaluation; `ircpm evaluate` repeats it")]
    Interrupted,
}

/// How training diverges.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Divergence {
    /// The loss is infinite or not a number.
    #[error("the loss is {0}")]
    Loss(f64),
    /// The gradient is infinite or not a number.
    #[error("entry {index} of the gradient is {value}")]
    Gradient {
        /// The first such entry.
        index: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// The inner solver failed too often.
    #[error("the inner solver failed at {failed} of {points} points")]
    Solves {
        /// Points that did not converge.
        failed: usize,
        /// Points in all.
        points: usize,
    },
    /// Base points are carried to what is not a point.
    #[error("an image has the coordinates {0:?}")]
    Image(Vec<f64>),
}

impl Divergence {
    /// What helps where the learning rate is not to blame.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Loss(_) | Self::Gradient { .. } => "lower target.beta, or raise model.output_scale",
            Self::Solves { .. } | Self::Image(_) => {
                "raise model.output_scale, solver.max_steps or solver.tolerance"
            }
        }
    }
}

impl RunError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}
