//! The command line: arguments in, exit status out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};

use crate::config::preset::{self, PRESETS, Preset};
use crate::config::suggest;
use crate::config::{Config, ConfigError, Override};
use crate::program::folder::{Folder, file};
use crate::program::output::{note, show};
use crate::program::progress::ProgressDisplay;
use crate::program::{self, Outcome, RunError};
use crate::report::{Report, Status, table};
use crate::training::{Problem, TrainingError};

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

const TRAIN_EXAMPLES: &str = "\
Examples:
  ircpm train sphere-four-mode --out four --seed 7
  ircpm train torus-unimodal --set training.steps=500 --set 'model.hidden=[64, 64]'
  ircpm train four/config.toml                         the same run again
  ircpm train --resume four                            the rest of an interrupted run

The folder gets config.toml (every key with its value), checkpoint.safetensors, metrics.jsonl, report.json and pictures.
Ctrl-C stops after the step and writes a checkpoint, which `ircpm evaluate` and `ircpm train --resume` read.";

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
    #[command(after_help = TRAIN_EXAMPLES)]
    Train(Train),
    /// List the presets; with --check, train each and print a table of results
    Presets(Presets),
    /// Measure a finished or interrupted run again; write its report and pictures if it has none
    Evaluate {
        /// Folder of the run
        run: PathBuf,
        #[command(flatten)]
        threads: Threads,
    },
}

#[derive(Debug, Args)]
struct Train {
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

#[derive(Debug, Args)]
struct Presets {
    /// Train every preset and print the results as a Markdown table
    #[arg(long)]
    check: bool,
    /// Seeds per preset
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000), requires = "check")]
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

#[derive(Debug, Args)]
struct Threads {
    /// Number of threads; the results do not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
}

/// Why the program fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The name is neither a preset nor a file.
    #[error("`{name}` is neither a preset nor a file")]
    UnknownConfig {
        /// What was asked for.
        name: String,
        /// The nearest preset.
        near: Option<&'static str>,
    },
    /// The results cannot be shown.
    #[error("cannot write to standard output: {0}; send it elsewhere (what a run folder has is safe)")]
    Output(#[from] io::Error),
    /// No threads, or no signal handler.
    #[error("cannot start: {0}")]
    Start(String),
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
        let outcome = match self.command {
            Command::Train(args) => args.threads.start().and_then(|()| train(&args, &stop)),
            Command::Presets(args) if args.check => args.threads.start().and_then(|()| check(&args, &stop)),
            Command::Presets(_) => list(),
            Command::Evaluate { run, threads } => threads.start().and_then(|()| evaluate(&run, &stop)),
        };
        match outcome {
            Err(CliError::Run(interrupted @ RunError::Interrupted)) => {
                note(interrupted);
                Ok(INTERRUPTED)
            }
            outcome => outcome,
        }
    }
}

impl Threads {
    fn start(&self) -> Result<(), CliError> {
        let threads = self.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().map_err(|e| CliError::Start(e.to_string()))
    }
}

fn train(args: &Train, stop: &AtomicBool) -> Result<u8, CliError> {
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

/// The folder of a run, and the problem of the configuration in it.
fn open_run(root: &Path) -> Result<(Problem, Folder), CliError> {
    let folder = Folder::open(root).map_err(RunError::from)?;
    let path = folder.path(file::CONFIG);
    let config = Config::parse(&read_text(&path)?, &path.to_string_lossy()).map_err(RunError::from)?;
    let problem = Problem::new(config, root).map_err(RunError::from)?;
    Ok((problem, folder))
}

/// Reads a preset by its name or a file by its path. Returns the label of its runs and the folder that its paths start
/// from as well.
fn read_config(name: &str, sets: &[Override]) -> Result<(Config, String, PathBuf), CliError> {
    if let Some(preset) = preset::by_name(name) {
        let config = preset.config(sets).map_err(RunError::from)?;
        return Ok((config, name.to_owned(), PathBuf::new()));
    }
    let path = Path::new(name);
    if !path.exists() {
        let near = suggest(name, PRESETS.iter().map(|preset| preset.name));
        return Err(CliError::UnknownConfig { name: name.to_owned(), near });
    }
    let config = Config::parse_with(&read_text(path)?, name, sets).map_err(RunError::from)?;
    let label = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((config, label, path.parent().unwrap_or(Path::new("")).to_owned()))
}

/// Reads a whole file; an error shows where it stops being text.
fn read_text(path: &Path) -> Result<String, RunError> {
    let bytes = fs::read(path).map_err(|source| RunError::read(path, source))?;
    String::from_utf8(bytes).map_err(|e| {
        let start = e.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(e.as_bytes()).into_owned();
        let span = start..start + char::REPLACEMENT_CHARACTER.len_utf8();
        let message = "not UTF-8 from here on: save the file as UTF-8".to_owned();
        ConfigError { name: path.to_string_lossy().into_owned(), text, span, message }.into()
    })
}

fn evaluate(root: &Path, stop: &AtomicBool) -> Result<u8, CliError> {
    let (problem, folder) = open_run(root)?;
    let report = program::reevaluate(&problem, &folder, stop)?;
    show(&report)?;
    Ok(report.status.code())
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
    let mut progress = ProgressDisplay::new(&label, 0, problem.config.training.steps());
    Ok(program::train_in_memory(&problem, stop, &mut progress)?)
}
