//! The command line: arguments in, exit status out. One file per command.

mod destination;
mod error;
mod evaluate;
mod model;
mod open;
mod points;
mod presets;
mod sample;
mod threads;
mod train;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

use crate::program::RunError;
use crate::program::output::note;
pub use error::CliError;
use evaluate::Evaluate;
use points::{Points, Quantity};
use presets::Presets;
use sample::Sample;
use train::Train;

/// Exit status of a run that the user stopped: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

const EXAMPLES: &str = "\
Examples:
  ircpm presets                                        what there is to train
  ircpm train torus-multi-modal                        a run folder runs/torus-multi-modal-1
  ircpm evaluate runs/torus-multi-modal-1              its measures again
  ircpm presets --check --seeds 3                      a table of all presets

Exit status: 0 done and sound, 1 failed, 2 wrong arguments, 3 done but not a density (the map folds, or its mass is not
one), 4 a density whose training is unfinished, 130 stopped by Ctrl-C (training then leaves a checkpoint).";

/// Implicit Riemannian concave potential maps: densities on manifolds, learned and measured.
#[derive(Debug, Parser)]
#[command(name = "ircpm", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a preset or a configuration, measure it, and write a run folder
    #[command(after_help = train::EXAMPLES)]
    Train(Train),
    /// List the presets; with --check, train each and print a table of results
    Presets(Presets),
    /// Measure a finished or interrupted run again; write its report and pictures if it has none
    Evaluate(Evaluate),
    /// Draw samples of a run's model into a file
    #[command(after_help = sample::EXAMPLES)]
    Sample(Sample),
    /// Log-densities of points in a file under a run's model
    #[command(after_help = points::LOG_PROB)]
    LogProb(Points),
    /// Images of base points in a file
    #[command(after_help = points::TRANSFORM)]
    Transform(Points),
    /// Base points of points in a file
    #[command(after_help = points::INVERSE)]
    Inverse(Points),
}

impl Command {
    fn run(&self, stop: &AtomicBool) -> Result<u8, CliError> {
        match self {
            Self::Train(args) => train::train(args, stop),
            Self::Presets(args) => presets::presets(args, stop),
            Self::Evaluate(args) => evaluate::evaluate(args, stop),
            Self::Sample(args) => sample::sample(args, stop),
            Self::LogProb(args) => points::points(Quantity::LogProb, args, stop),
            Self::Transform(args) => points::points(Quantity::Transform, args, stop),
            Self::Inverse(args) => points::points(Quantity::Inverse, args, stop),
        }
    }
}

impl Cli {
    /// Does what the arguments say; returns the exit status.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be done.
    pub fn run(self) -> Result<u8, CliError> {
        let stop = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&stop);
        ctrlc::set_handler(move || {
            // At the second time the program ends at once.
            if handler.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            note("stopping after this step (once more to stop at once)");
        })
        .map_err(|e| CliError::Start(e.to_string()))?;
        match self.command.run(&stop) {
            Err(CliError::Run(interrupted @ (RunError::Interrupted | RunError::Stopped))) => {
                note(interrupted);
                Ok(INTERRUPTED)
            }
            outcome => outcome,
        }
    }
}
