//! Why training cannot begin, or stops before its end.

use std::path::PathBuf;

use ircpm_flow::FlowError;
use ircpm_manifolds::InvalidPoint;

use super::findings::Degenerate;
use crate::convex::GrowthError;
use crate::data::DataError;
use crate::lattice::LatticeError;
use crate::loss::LossError;
use crate::optimiser::StateError;
use crate::target::ExpressionError;

/// Why training cannot begin, or stops before its end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// Training left the region where the loss exists.
    #[error(
        "training diverged at step {step}: {cause}, at learning rate {learning_rate:.3e} (last finite loss {loss:.6}); \
         lower the learning rate (training.learning_rate), or lengthen its warm-up (training.warmup)"
    )]
    Diverged {
        /// The step that failed, from 0; at least one before it had a finite loss.
        step: usize,
        /// Last loss that was finite.
        loss: f64,
        /// Learning rate at the step.
        learning_rate: f64,
        /// What is wrong with the loss.
        cause: LossError,
    },
    /// Training without a learning rate to blame left the region where the loss exists.
    #[error("training broke off at step {step}: {cause}; {}", cause.remedy())]
    Broken {
        /// The step that failed, from 0.
        step: usize,
        /// What is wrong with the loss.
        cause: LossError,
    },
    /// The model would not fit into memory.
    #[error(
        "the model has {parameters} parameters, at most {limit} fit: lower model.hidden or model.layers, or set \
         model.shared = true"
    )]
    TooLarge {
        /// Parameters of all layers.
        parameters: usize,
        /// The most there may be.
        limit: usize,
    },
    /// The initial parameters already have no loss: no step has been taken, and a smaller one would not help.
    #[error("training cannot begin: {cause} at the first parameters; {}", cause.remedy())]
    NoStart {
        /// What is wrong with the loss.
        cause: LossError,
    },
    /// The loss does not exist, and a smaller step would not help.
    #[error("training stopped at step {step}: {source}")]
    Loss {
        /// The step that failed, from 0.
        step: usize,
        /// What is wrong with the loss.
        source: LossError,
    },
    /// Least squares were asked for where they do not apply.
    #[error(
        "the optimiser \"levenberg-marquardt\" does not apply: {reason}; choose \"adam\" or \"lbfgs\", or leave it to \
         \"auto\" (training.optimiser)"
    )]
    NoLeastSquares {
        /// Why not.
        reason: &'static str,
    },
    /// A floor under eigenvalues of `H` was asked of an optimiser that has none.
    #[error(
        "training.min_eigenvalue is for least squares, and the optimiser of this flow is {optimiser}: remove the key, or \
         set training.optimiser = \"levenberg-marquardt\""
    )]
    NoFloor {
        /// The optimiser's name.
        optimiser: &'static str,
    },
    /// No optimiser has this name.
    #[error("no optimiser is called `{name}`; choose auto, {}", crate::optimiser::names().join(", "))]
    UnknownOptimiser {
        /// The name that was given.
        name: String,
    },
    /// A setting, or the inverse temperature of the source, is out of its range.
    #[error("the setting {name} of training is {value}: give {expected}")]
    Setting {
        /// Name of the field of [`crate::config::TrainingConfig`], or `beta`.
        name: &'static str,
        /// Value of the setting.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A point to learn from, or one that is held out, is not on the manifold.
    #[error("point {index} of the {part} points, counted from 0, is not on the flow's manifold: {source}")]
    Point {
        /// Which points: `training` or `held-out`.
        part: &'static str,
        /// Number of the point among them.
        index: usize,
        /// What the manifold says.
        source: InvalidPoint,
    },
    /// The flow has nothing that training could change.
    #[error(
        "the flow has no parameters, so there is nothing to train: evaluate it as it is, or give a potential some"
    )]
    NoParameters,
    /// The target's manifold has conditioning variables.
    #[error(
        "the target lives on {manifold}, whose last coordinates are conditioning variables: a flow learns a conditional \
         density from points, not from an energy"
    )]
    Conditional {
        /// Name of the manifold.
        manifold: String,
    },
    /// The target lives on another manifold than the flow.
    #[error("the target lives on {target}, the flow on {flow}; build the flow on the target's manifold")]
    Manifold {
        /// Name of the target's manifold.
        target: String,
        /// Name of the flow's manifold.
        flow: String,
    },
    /// Ranks do not train the same flow in the same way.
    #[error(
        "process {rank} does not train what process 0 trains: give all the same program, configuration and files, and \
         processors of one instruction set"
    )]
    Unequal {
        /// The first that differs.
        rank: usize,
    },
    /// A saved state does not fit the model or the optimiser.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why no problem can be made of a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// No flow can be built from the configuration.
    #[error("[model] does not fit the manifold {manifold}: {source}")]
    Flow {
        /// Name of the manifold.
        manifold: String,
        /// What the flow says.
        source: FlowError,
    },
    /// The charges do not fit the target.
    #[error("[model] does not fit the target: {0}")]
    Lattice(#[from] LatticeError),
    /// The parameters of another run cannot be those to begin with.
    #[error("cannot begin with the parameters of that run: {problem}")]
    WarmStart {
        /// Why not.
        problem: String,
    },
    /// The points to learn from are wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Too many points are held out.
    #[error(
        "{}: {left} of {rows} rows {} left to learn from, at least 2 are needed; lower data.held_out (--held-out)",
        path.display(), if *left == 1 { "is" } else { "are" }
    )]
    HeldOut {
        /// The data file.
        path: PathBuf,
        /// Rows of the file.
        rows: usize,
        /// Rows that are not held out.
        left: usize,
    },
    /// No density exists for the points.
    #[error("{}: {source}", path.display())]
    Degenerate {
        /// The data file.
        path: PathBuf,
        /// Why not.
        source: Degenerate,
    },
    /// The configuration has neither a target that exists nor data.
    #[error(
        "nothing to learn from: give the [target] of the table a known name or an energy, or [data] a file"
    )]
    NothingToLearn,
    /// The target's text is no energy.
    #[error(transparent)]
    Target(#[from] ExpressionError),
    /// A fit of linear layers cannot go on from its saved state.
    #[error(transparent)]
    Growth(#[from] GrowthError),
    /// The optimiser does not apply, or the model would not fit into memory.
    #[error(transparent)]
    Training(#[from] TrainingError),
}
