//! `ircpm resume`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::CliError;
use super::open::open_run;
use super::threads::Threads;
use super::train::conclude;
use crate::program;
use crate::program::output::note;
use crate::program::progress::ProgressDisplay;
use crate::program::start::ranks;

pub(super) const EXAMPLES: &str = "\
Training writes a checkpoint every two seconds, or after the step that takes longer, and one when it is stopped by
Ctrl-C or SIGTERM. From there the run takes the same steps, to the bit, as if it had never ended, whatever the number of
threads. A fit of linear layers goes on after the last layer. A run that ended during its evaluation is measured.";

#[derive(Debug, Args)]
pub(super) struct Resume {
    /// Folder of the run
    run: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn resume(args: &Resume, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    let (problem, folder) = open_run(&args.run)?;
    let problem = problem.shared_by(ranks().clone());
    let state = program::unfinished(&problem, &folder)?;
    if ranks().rank() > 0 {
        program::assist(&problem, state, stop)?;
        return Ok(0);
    }
    let label = args.run.display().to_string();
    let step = state.as_ref().map_or(0, |state| state.progress.step);
    note(format_args!("{label}: goes on after {step} steps of {}", problem.method()));
    let mut progress = ProgressDisplay::new(&label, step, problem.extent());
    let outcome = program::resume(&problem, &folder, state, stop, &mut progress);
    // A bar that is still drawn would share its line with what follows.
    drop(progress);
    conclude(outcome, &folder, args.json)
}
