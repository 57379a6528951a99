//! `ircpm plot`.

use std::path::PathBuf;

use clap::Args;

use super::CliError;
use super::open::open_run;
use super::threads::Threads;
use crate::program;
use crate::program::output::show;

#[derive(Debug, Args)]
pub(super) struct Plot {
    /// Folder of the run
    run: PathBuf,
    #[command(flatten)]
    threads: Threads,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn plot(args: &Plot) -> Result<u8, CliError> {
    args.threads.start()?;
    let (problem, folder) = open_run(&args.run)?;
    for picture in program::plot(&problem, &folder)? {
        show(format_args!("{}\n", picture.display()))?;
    }
    Ok(0)
}
