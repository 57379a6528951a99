//! `ircpm presets`.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::threads::Threads;
use super::{CliError, INTERRUPTED};
use crate::config::Override;
use crate::config::preset::{PRESETS, Preset};
use crate::program::output::{note, show};
use crate::program::progress::ProgressDisplay;
use crate::program::{self, RunError};
use crate::report::{Report, Status, table};
use crate::training::Problem;

#[derive(Debug, Args)]
pub(super) struct Presets {
    /// Train every preset and print the results as a Markdown table
    #[arg(long)]
    check: bool,
    /// Seeds per preset
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000), requires = "check", allow_negative_numbers = true)]
    seeds: u64,
    /// Only this preset; may be repeated
    #[arg(long, value_name = "NAME", requires = "check", value_parser = clap::builder::PossibleValuesParser::new(PRESETS.iter().map(|preset| preset.name)))]
    only: Vec<String>,
    #[command(flatten)]
    threads: Threads,
    /// Replace a key of every preset
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "check")]
    sets: Vec<Override>,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn presets(args: &Presets, stop: &AtomicBool) -> Result<u8, CliError> {
    if !args.check {
        return list();
    }
    args.threads.start()?;
    check(args, stop)
}

fn list() -> Result<u8, CliError> {
    for preset in PRESETS {
        show(format_args!("{:<24} {}\n", preset.name, preset.description()))?;
    }
    Ok(0)
}

/// Trains every preset. The exit status is that of the worst run: 3 before 4 before 0. The table has what was finished, even if the user or an error ends it early.
fn check(args: &Presets, stop: &AtomicBool) -> Result<u8, CliError> {
    let mut rows: Vec<(String, Vec<Report>)> = Vec::new();
    let chosen = |preset: &&Preset| args.only.is_empty() || args.only.iter().any(|name| name == preset.name);
    let outcome = PRESETS.iter().filter(chosen).try_for_each(|preset| {
        let mut reports = Vec::new();
        let outcome = (0..args.seeds).try_for_each(|seed| {
            train_in_memory(preset, seed, args, stop).map(|report| reports.push(report))
        });
        rows.push((preset.name.to_owned(), reports));
        outcome
    });
    show(table::markdown(&rows))?;
    match outcome {
        Err(CliError::Run(RunError::Interrupted)) => {
            note("stopped: the table has the runs that were finished");
            Ok(INTERRUPTED)
        }
        outcome => outcome.map(|()| worst(&rows)),
    }
}

/// Exit status of the worst run.
fn worst(rows: &[(String, Vec<Report>)]) -> u8 {
    let mut all = rows.iter().flat_map(|(_, reports)| reports).map(|report| report.status);
    if all.clone().any(|status| status == Status::NotADensity) {
        return Status::NotADensity.code();
    }
    all.find(|&status| status != Status::Sound).map_or(0, Status::code)
}

fn train_in_memory(
    preset: &Preset,
    seed: u64,
    args: &Presets,
    stop: &AtomicBool,
) -> Result<Report, CliError> {
    let mut sets = args.sets.clone();
    sets.push(Override::seed(seed));
    let config = preset.config(&sets).map_err(RunError::from)?;
    let problem = Problem::new(config, Path::new("")).map_err(RunError::from)?;
    let label = format!("{} seed {seed}", preset.name);
    let mut progress = ProgressDisplay::new(&label, 0, problem.extent());
    Ok(program::train_in_memory(&problem, stop, &mut progress)?)
}
