//! Why the program fails.

use std::io;

use crate::program::RunError;
use crate::program::tables::TableError;
use crate::training::data::DataError;

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
