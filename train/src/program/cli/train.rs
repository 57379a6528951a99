//! `ircpm train`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::open::{open_config, read_config};
use super::threads::Threads;
use super::{CliError, INTERRUPTED};
use crate::config::{Config, Override, WarmStart};
use crate::program::folder::{Folder, file};
use crate::program::output::{note, show, show_report};
use crate::program::progress::ProgressDisplay;
use crate::program::start::ranks;
use crate::program::{self, Outcome, RunError, read_checkpoint};
use crate::training::{Problem, TrainingError};

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm train sphere-four-mode --out four --seed 7
  ircpm train torus-unimodal --set training.steps=500 --set 'model.hidden=[64, 64]'
  ircpm train four/config.toml                         the same run again
  ircpm resume four                                    the rest of an interrupted run

The folder gets config.toml (every key with its value), checkpoint.safetensors, metrics.jsonl, report.json and pictures.
After --warm-start also start.safetensors, the parameters that training began with.
Ctrl-C stops after the step and writes a checkpoint, which `ircpm evaluate` and `ircpm resume` read.";

#[derive(Debug, Args)]
pub(super) struct Train {
    /// Name of a preset, or a TOML file
    config: String,
    /// Begin with the parameters of another run, on a lattice of another size with the same charges, at the full beta
    #[arg(long, value_name = "RUN")]
    warm_start: Option<PathBuf>,
    /// Take no step: measure the parameters of the other run on this target
    #[arg(long, requires = "warm_start")]
    no_training: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// Options of the commands that begin a run.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Folder of the run, which must be new or empty [default: runs/<name>-<n>, the first n that is free]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Seed, in place of the configuration's
    #[arg(long, value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,
    #[command(flatten)]
    pub(super) threads: Threads,
    /// Replace a key of the configuration, for example training.steps=100; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<Override>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// A seed, of the same range as a configuration's.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    const MOST: u64 = i64::MAX as u64;
    let seed = text.parse().ok().filter(|seed| *seed <= MOST);
    seed.ok_or_else(|| format!("give a whole number from 0 to {MOST}"))
}

impl RunArgs {
    /// The keys that are replaced, the seed last.
    pub(super) fn overrides(&self) -> Vec<Override> {
        self.sets.iter().cloned().chain(self.seed.map(Override::seed)).collect()
    }
}

/// Does what the arguments say; returns the exit status.
pub(super) fn train(args: &Train, stop: &AtomicBool) -> Result<u8, CliError> {
    args.run.threads.start()?;
    let (mut config, label, base) = read_config(&args.config, &args.run.overrides())?;
    if let Some(root) = &args.warm_start {
        let (other, folder) = open_config(root)?;
        let checksum = read_checkpoint(&other, &folder)?.checksum;
        // An absolute path does not depend on the folder of the configuration.
        let path = folder.path(file::CHECKPOINT);
        let path = std::path::absolute(&path).map_err(|source| RunError::Read { path, source })?;
        config.training.warm_start = Some(WarmStart {
            file: path,
            crc32: Some(checksum),
            source: Some(root.clone()),
            trains: !args.no_training,
        });
    }
    let problem = Problem::new(config, &base).map_err(RunError::from)?;
    begin_problem(&problem, &label, &args.run, stop)
}

/// Trains a configuration whose paths start from `base`, into the folder that is asked for or one that the label names.
pub(super) fn begin(
    config: Config,
    label: &str,
    base: &Path,
    args: &RunArgs,
    stop: &AtomicBool,
) -> Result<u8, CliError> {
    let problem = Problem::new(config, base).map_err(RunError::from)?;
    begin_problem(&problem, label, args, stop)
}

/// Trains a problem into the folder that is asked for or one that the label names.
fn begin_problem(problem: &Problem, label: &str, args: &RunArgs, stop: &AtomicBool) -> Result<u8, CliError> {
    if ranks().rank() > 0 {
        program::assist(&problem.clone().shared_by(ranks().clone()), None, stop)?;
        return Ok(0);
    }
    let problem = &problem.clone().shared_by(ranks().clone());
    // Before the findings, because they count the columns that were chosen.
    problem.notes().iter().for_each(|taken| note(format_args!("{label}: {taken}")));
    let folder = Folder::create(args.out.as_deref(), label).map_err(RunError::from)?;
    match problem.config.is_linear() {
        true => note(format_args!("{label}: linear layers, into {}", folder.root().display())),
        false => {
            let parameters = problem.flow.parameters();
            note(format_args!("{label}: {parameters} parameters, into {}", folder.root().display()));
        }
    }
    note(format_args!("{label}: optimiser {} ({})", problem.method(), problem.choice));
    problem.findings().iter().for_each(|finding| note(format_args!("{label}: {finding}")));
    let mut progress = ProgressDisplay::new(label, 0, problem.extent());
    let outcome = program::train(problem, &folder, stop, &mut progress);
    // A bar that is still drawn would share its line with what follows.
    drop(progress);
    conclude(outcome, &folder, args.json)
}

/// Shows how training ended.
pub(super) fn conclude(
    outcome: Result<Outcome, RunError>,
    folder: &Folder,
    json: bool,
) -> Result<u8, CliError> {
    let root = folder.root().display();
    let outcome = outcome.inspect_err(|e| {
        let lost = |e| matches!(e, &TrainingError::Diverged { .. } | &TrainingError::Broken { .. });
        if matches!(e, RunError::Training(e) if lost(e)) && folder.path(file::CHECKPOINT).exists() {
            note(format_args!("the last good checkpoint is in {root}"));
        }
    })?;
    match outcome {
        Outcome::Done(report) => {
            show_report(&report, json)?;
            if !json {
                show(format_args!("  {:<18} {root}\n", "folder"))?;
            }
            Ok(report.status.code())
        }
        Outcome::Interrupted { step } => {
            note(format_args!(
                "stopped after {step} steps; the checkpoint is written: `ircpm evaluate {root}` measures it, \
                 `ircpm resume {root}` goes on"
            ));
            Ok(INTERRUPTED)
        }
    }
}
