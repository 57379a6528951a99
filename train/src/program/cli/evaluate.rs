//! `ircpm evaluate`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::CliError;
use super::open::open_run;
use super::threads::Threads;
use crate::program;
use crate::program::output::show_report;

#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// Folder of the run
    run: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn evaluate(args: &Evaluate, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    let (problem, folder) = open_run(&args.run)?;
    let report = program::reevaluate(&problem, &folder, stop)?;
    show_report(&report, args.json)?;
    Ok(report.status.code())
}
