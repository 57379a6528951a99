//! `ircpm train`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::open::{open_run, read_config};
use super::threads::Threads;
use super::{CliError, INTERRUPTED};
use crate::config::Override;
use crate::program::folder::{Folder, file};
use crate::program::output::{note, show};
use crate::program::progress::ProgressDisplay;
use crate::program::{self, Outcome, RunError};
use crate::training::{Problem, TrainingError};

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm train sphere-four-mode --out four --seed 7
  ircpm train torus-unimodal --set training.steps=500 --set 'model.hidden=[64, 64]'
  ircpm train four/config.toml                         the same run again
  ircpm train --resume four                            the rest of an interrupted run

The folder gets config.toml (every key with its value), checkpoint.safetensors, metrics.jsonl, report.json and pictures.
Ctrl-C stops after the step and writes a checkpoint, which `ircpm evaluate` and `ircpm train --resume` read.";

#[derive(Debug, Args)]
pub(super) struct Train {
    /// Name of a preset, or a TOML file
    #[arg(required_unless_present = "resume")]
    config: Option<String>,
    /// Go on with an interrupted run, in its folder: the same steps to the bit as if it had not been interrupted
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "out", "seed", "sets"])]
    resume: Option<PathBuf>,
    /// Folder of the run, which must be new or empty [default: runs/<name>-<n>, the first n that is free]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Seed, in place of the configuration's
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    threads: Threads,
    /// Replace a key of the configuration, for example training.steps=100; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<Override>,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn train(args: &Train, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    match (&args.resume, &args.config) {
        (Some(root), _) => resume(root, stop),
        (None, Some(config)) => begin(config, args, stop),
        (None, None) => Err(CliError::Start("give a configuration, or --resume with a run".to_owned())),
    }
}

fn begin(name: &str, args: &Train, stop: &AtomicBool) -> Result<u8, CliError> {
    let mut sets = args.sets.clone();
    if let Some(seed) = args.seed {
        sets.push(Override::seed(seed));
    }
    let (config, label, base) = read_config(name, &sets)?;
    let problem = Problem::new(config, &base).map_err(RunError::from)?;
    let folder = Folder::create(args.out.as_deref(), &label).map_err(RunError::from)?;
    match problem.config.is_linear() {
        true => note(format_args!("{label}: linear layers, into {}", folder.root().display())),
        false => {
            let parameters = problem.flow.parameters();
            note(format_args!("{label}: {parameters} parameters, into {}", folder.root().display()));
        }
    }
    note(format_args!("{label}: optimiser {} ({})", problem.method(), problem.choice));
    problem.findings().iter().for_each(|finding| note(format_args!("{label}: {finding}")));
    let mut progress = ProgressDisplay::new(&label, 0, problem.steps());
    let outcome = program::train(&problem, &folder, stop, &mut progress);
    // A bar that is still drawn would share its line with what follows.
    drop(progress);
    conclude(outcome, &folder)
}

fn resume(root: &Path, stop: &AtomicBool) -> Result<u8, CliError> {
    let (problem, folder) = open_run(root)?;
    let state = program::unfinished(&problem, &folder)?;
    let (step, label) = (state.progress.step, root.display());
    let step = if problem.config.is_linear() { 0 } else { step };
    note(format_args!("{label}: goes on after {step} steps of {}", problem.method()));
    let mut progress = ProgressDisplay::new(&label.to_string(), step, problem.steps());
    let outcome = program::resume(&problem, &folder, state, stop, &mut progress);
    drop(progress);
    conclude(outcome, &folder)
}

/// Shows how training ended.
fn conclude(outcome: Result<Outcome, RunError>, folder: &Folder) -> Result<u8, CliError> {
    let root = folder.root().display();
    let outcome = outcome.inspect_err(|e| {
        let lost = |e| matches!(e, &TrainingError::Diverged { .. } | &TrainingError::Broken { .. });
        if matches!(e, RunError::Training(e) if lost(e)) && folder.path(file::CHECKPOINT).exists() {
            note(format_args!("the last good checkpoint is in {root}"));
        }
    })?;
    match outcome {
        Outcome::Done(report) => {
            show(format_args!("{report}  {:<18} {root}\n", "folder"))?;
            Ok(report.status.code())
        }
        Outcome::Interrupted { step } => {
            note(format_args!(
                "stopped after {step} steps; the checkpoint is written: `ircpm evaluate {root}` measures it, \
                 `ircpm train --resume {root}` goes on"
            ));
            Ok(INTERRUPTED)
        }
    }
}
