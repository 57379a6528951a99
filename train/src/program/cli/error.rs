//! Why the program fails.

use std::io;
use std::path::PathBuf;

use crate::data::DataError;
use crate::program::RunError;
use crate::program::tables::TableError;
use crate::proof::ProofError;

/// Why the program fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The name is neither a preset nor a file.
    #[error("`{name}` is neither a preset nor a file")]
    UnknownConfig {
        /// What was asked for.
        name: String,
        /// The nearest preset.
        near: Option<&'static str>,
    },
    /// Nothing can be proven of a run's map.
    #[error("nothing is proven of {}: {source}", run.display())]
    Proof {
        /// The folder of the run.
        run: PathBuf,
        /// Why not.
        source: ProofError,
    },
    /// Exact samples are asked for of a density that nothing is proven of.
    #[error(
        "no bounds of the density of {} as it is now are proven, and rejection needs one: `ircpm certify {} --density` proves them",
        run.display(),
        run.display()
    )]
    NoBounds {
        /// The folder of the run.
        run: PathBuf,
    },
    /// A page is asked for of a command that does not exist.
    #[error("there is no command `{name}`; the commands are {names}")]
    NoSuchCommand {
        /// What was asked for.
        name: String,
        /// What there is.
        names: String,
    },
    /// The arguments do not fit together.
    #[error("the arguments do not fit together: {0}")]
    Arguments(String),
    /// An option of chains makes no sense.
    #[error("{option} is {value}: give {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Points are to be read from standard input.
    #[error("points are read from files only: save them, and give the file's name")]
    StandardInput,
    /// A file of the command line is not there.
    #[error("no such file: {}", path.display())]
    NoSuchFile {
        /// The file.
        path: PathBuf,
    },
    /// A chain is asked for where there is no density to be exact about.
    #[error("{} was fitted to points, so there is no energy that a chain could leave invariant; `ircpm sample` draws from it", run.display())]
    NoEnergy {
        /// The folder of the run.
        run: PathBuf,
    },
    /// A chain is asked for with proposals whose density is not known.
    #[error("the model of {} is not a density, so a chain with its samples would not be exact (`ircpm show {}`)", run.display(), run.display())]
    NoDensity {
        /// The folder of the run.
        run: PathBuf,
    },
    /// A chain is asked for with proposals of which nobody knows whether they have a density.
    #[error("nobody has looked whether the map of {} folds, and a chain is exact only if it does not: measure it first by `ircpm evaluate {}`", run.display(), run.display())]
    Unmeasured {
        /// The folder of the run.
        run: PathBuf,
    },
    /// Values of conditioning variables that do not fit the model.
    #[error(
        "--context {given} is no row of the model's conditioning variables: give {contexts} finite {} separated by commas, \
         or a file with a column for each",
        if *contexts == 1 { "number" } else { "numbers" }
    )]
    Contexts {
        /// What was given.
        given: String,
        /// Conditioning variables of the model.
        contexts: usize,
    },
    /// Values of conditioning variables are missing.
    #[error(
        "the density of {} is conditional on {contexts} {}: give their values by --context, as in --context {}",
        run.display(),
        if *contexts == 1 { "variable" } else { "variables" },
        vec!["0.5"; *contexts].join(",")
    )]
    NoContext {
        /// The folder of the run.
        run: PathBuf,
        /// Conditioning variables of the model.
        contexts: usize,
    },
    /// Bounds are asked for of potentials that depend on conditioning variables.
    #[error(
        "the potentials of {} depend on conditioning variables, whose values a model does not keep; `ircpm evaluate {}` \
         looks for folds at those of its rows",
        run.display(),
        run.display()
    )]
    ConditionalBounds {
        /// The folder of the run.
        run: PathBuf,
    },
    /// Values of conditioning variables for a model without them.
    #[error("the density of {} is not conditional: leave --context out", run.display())]
    Unconditional {
        /// The folder of the run.
        run: PathBuf,
    },
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file of points cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The results cannot be shown.
    #[error("cannot write to standard output: {0}; send it elsewhere (what a run folder has is safe)")]
    Output(#[from] io::Error),
    /// No threads, or no signal handler.
    #[error("cannot start: {0}")]
    Start(String),
}

impl CliError {
    /// Whether the arguments are wrong by themselves, which ends the program with status 2 as clap does.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Option { .. } | Self::Arguments(_) | Self::NoSuchCommand { .. } | Self::Contexts { .. }
        )
    }
}
