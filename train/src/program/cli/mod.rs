//! The command line: arguments in, exit status out. One file per command.

mod bounds;
mod certify;
mod chain;
mod context;
mod density;
mod destination;
mod error;
mod evaluate;
mod fit;
mod manual;
mod model;
mod notation;
mod open;
mod plot;
mod points;
mod presets;
mod proven;
mod reproduce;
mod resume;
mod sample;
mod show;
mod table;
mod threads;
mod train;
mod volume;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

use crate::program::RunError;
use crate::program::output::{note, set_quiet};
use crate::program::start::ranks;
use bounds::Bounds;
use certify::Certify;
use chain::Chain;
pub use error::CliError;
use evaluate::Evaluate;
use fit::Fit;
use manual::{Completions, Manual};
use plot::Plot;
use points::{Points, Quantity};
use presets::Presets;
use reproduce::Reproduce;
use resume::Resume;
use sample::Sample;
use show::Show;
use train::Train;

/// Exit status of a run that the user stopped: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Exit status of wrong arguments, as clap has it.
pub const WRONG_ARGUMENTS: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  ircpm presets                                        what there is to train
  ircpm train torus-multi-modal                        a run folder runs/torus-multi-modal-1
  ircpm fit angles.csv --manifold T2 --unit deg        a density of your own points
  ircpm show runs/torus-multi-modal-1                  what is in it
  ircpm sample runs/torus-multi-modal-1 -n 100000 -o samples.npz
  ircpm presets --check --seeds 3                      a table of all presets
  ircpm reproduce --quick                              the paper's tables and figures

Exit status: 0 done and sound, 1 failed, 2 wrong arguments, 3 done but not a density (the map folds, or its mass is not
one), 4 a density whose training is unfinished, or whose weights are too heavy-tailed for ESS and log Z, 130 stopped by
Ctrl-C or SIGTERM (training then leaves a checkpoint).
Commands that use a finished model (sample, log-prob, transform, inverse, bounds) end with 3 if it is not a density, else
0. Chains that have not converged say so, and end with 0.
NO_COLOR in the environment leaves out colours.";

/// Implicit Riemannian concave potential maps: densities on manifolds, learned and measured.
#[derive(Debug, Parser)]
#[command(name = "ircpm", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Leave out progress and notes; errors and warnings stay
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a preset or a configuration, measure it, and write a run folder
    #[command(after_help = train::EXAMPLES)]
    Train(Train),
    /// Fit a density to points of a file, measure it, and write a run folder
    #[command(after_help = fit::EXAMPLES)]
    Fit(Fit),
    /// Go on with an interrupted run, in its folder
    #[command(after_help = resume::EXAMPLES)]
    Resume(Resume),
    /// List the presets; with --check, train each and print a table of results
    Presets(Presets),
    /// Train and measure everything that the paper shows, and write its tables and figures
    #[command(after_help = reproduce::EXAMPLES)]
    Reproduce(Reproduce),
    /// Measure a finished or interrupted run again; write its report and pictures if it has none of its present state
    Evaluate(Evaluate),
    /// Show what the folder of a run holds: configuration, state of training, report
    #[command(after_help = show::EXAMPLES)]
    Show(Show),
    /// Draw the pictures of a measured run again
    Plot(Plot),
    /// Draw samples of a run's model into a file
    #[command(after_help = sample::EXAMPLES)]
    Sample(Sample),
    /// Run exact Markov chains for a run's energy, with its model as the source of proposals
    #[command(after_help = chain::EXAMPLES)]
    Chain(Chain),
    /// Log-densities of points in a file under a run's model
    #[command(after_help = points::LOG_PROB)]
    LogProb(Points),
    /// Images of base points in a file
    #[command(after_help = points::TRANSFORM)]
    Transform(Points),
    /// Base points of points in a file
    #[command(after_help = points::INVERSE)]
    Inverse(Points),
    /// Bound the derivatives of a run's potentials over the manifold, and say what follows of its map
    #[command(after_help = bounds::EXAMPLES)]
    Bounds(Bounds),
    /// Prove that a run's map is one-to-one over the whole manifold, or that it folds
    #[command(after_help = certify::EXAMPLES)]
    Certify(Certify),
    /// Print a script that completes commands and options in a shell
    Completions(Completions),
    /// Print a page for man, for example `ircpm man sample | man -l -`
    Man(Manual),
}

impl Command {
    /// Whether all ranks run it, not the first alone.
    fn is_shared(&self) -> bool {
        matches!(self, Self::Train(_) | Self::Fit(_) | Self::Resume(_))
    }

    fn run(&self, stop: &AtomicBool) -> Result<u8, CliError> {
        match self {
            Self::Train(args) => train::train(args, stop),
            Self::Fit(args) => fit::fit(args, stop),
            Self::Resume(args) => resume::resume(args, stop),
            Self::Presets(args) => presets::presets(args, stop),
            Self::Reproduce(args) => reproduce::reproduce(args, stop),
            Self::Evaluate(args) => evaluate::evaluate(args, stop),
            Self::Show(args) => show::show(args),
            Self::Plot(args) => plot::plot(args),
            Self::Sample(args) => sample::sample(args, stop),
            Self::Chain(args) => chain::chain(args, stop),
            Self::LogProb(args) => points::points(Quantity::LogProb, args, stop),
            Self::Transform(args) => points::points(Quantity::Transform, args, stop),
            Self::Inverse(args) => points::points(Quantity::Inverse, args, stop),
            Self::Bounds(args) => bounds::bounds(args, stop),
            Self::Certify(args) => certify::certify(args, stop),
            Self::Completions(args) => manual::completions(args),
            Self::Man(args) => manual::manual(args),
        }
    }
}

impl Cli {
    /// Does what the arguments say; returns the exit status.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be done.
    pub fn run(self) -> Result<u8, CliError> {
        if self.quiet {
            set_quiet();
        }
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
        // Other commands are for one process; the others wait for its end.
        if ranks().rank() > 0 && !self.command.is_shared() {
            return Ok(0);
        }
        match self.command.run(&stop) {
            Err(CliError::Run(interrupted @ (RunError::Interrupted | RunError::Stopped))) => {
                note(interrupted);
                Ok(INTERRUPTED)
            }
            outcome => outcome,
        }
    }
}
