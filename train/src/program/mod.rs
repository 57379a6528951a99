//! The program `ircpm`: commands, folders, progress, and why a run stops.

pub mod cli;
mod density_file;
pub mod error;
pub mod folder;
mod measurement;
pub mod output;
pub mod progress;
mod recorder;
pub mod start;
pub mod tables;
mod workflow;

pub use density_file::{read_density, write_density};
pub use error::RunError;
pub use measurement::Measurement;
pub use workflow::{
    Outcome, Saved, assist, plot, read_checkpoint, read_saved, reevaluate, resume, train, train_in_memory,
    unfinished,
};
