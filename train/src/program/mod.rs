//! The program `ircpm`: commands, folders, progress, and why a run stops.

pub mod cli;
pub mod error;
pub mod folder;
pub mod output;
pub mod progress;
mod recorder;
pub mod tables;
mod workflow;

pub use error::RunError;
pub use workflow::{
    Outcome, plot, read_checkpoint, read_report, read_state, reevaluate, resume, train, train_in_memory,
    unfinished,
};
