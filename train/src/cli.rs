//! The command line: arguments in, exit status out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Override};
use crate::preset::{self, PRESETS};
use crate::report::progress::Progress;
use crate::report::table;
use crate::run::folder::{Folder, file};
use crate::run::{self, Outcome, Problem, RunError};
use crate::suggest::suggest;

/// Exit status of a run that the user stopped: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Implicit Riemannian concave potential maps: densities on manifolds, learned and measured.
#[derive(Debug, Parser)]
#[command(name = "ircpm", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a preset or a configuration, measure it, and write a run folder
    Train(Train),
    /// List the presets; with --check, train each and print a table of results
    Presets(Presets),
    /// Measure a finished or interrupted run again
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
    config: String,
    /// Folder of the run, which must be new or empty [default: runs/<preset>-<n>]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Seed, in place of the configuration's
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    threads: Threads,
    /// Replace a key of the configuration, for example training.steps=100
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
pub enum CliError {
    /// The run says why.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Neither a preset nor a file.
    #[error("`{name}` is neither a preset nor a file")]
    UnknownConfig {
        /// What was asked for.
        name: String,
        /// The nearest preset.
        near: Option<&'static str>,
    },
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
            // The second time means now.
            if handler.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            eprintln!("stopping after this step (once more to stop at once)");
        })
        .map_err(|e| CliError::Start(e.to_string()))?;
        match self.command {
            Command::Train(args) => args.threads.start().and_then(|()| train(&args, &stop)),
            Command::Presets(args) if args.check => args.threads.start().and_then(|()| check(&args, &stop)),
            Command::Presets(_) => list(),
            Command::Evaluate { run, threads } => threads.start().and_then(|()| evaluate(&run, &stop)),
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
    let mut sets = args.sets.clone();
    if let Some(seed) = args.seed {
        sets.push(Override::seed(seed));
    }
    let (config, label, base) = read_config(&args.config, &sets)?;
    let problem = Problem::new(config, &base)?;
    let folder = Folder::create(args.out.as_deref(), &label)?;
    eprintln!("{label}: {} parameters, into {}", problem.flow.parameters(), folder.root().display());
    let mut progress = Progress::new(&label, problem.config.training.steps);
    let outcome = run::train(&problem, &folder, stop, &mut progress).inspect_err(|e| {
        if matches!(e, RunError::Diverged { .. }) && folder.path(file::CHECKPOINT).exists() {
            eprintln!("the last good checkpoint is in {}", folder.root().display());
        }
    })?;
    match outcome {
        Outcome::Done(report) => {
            print!("{report}");
            println!("  {:<18} {}", "folder", folder.root().display());
            Ok(0)
        }
        Outcome::Interrupted { step } => {
            let root = folder.root().display();
            eprintln!(
                "stopped after {step} steps; the checkpoint is written: `ircpm evaluate {root}` measures it"
            );
            Ok(INTERRUPTED)
        }
    }
}

/// A preset by its name, or a file by its path; with the label of its runs, and the folder that its paths start from.
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
    let text = fs::read_to_string(path).map_err(|source| RunError::read(path, source))?;
    let config = Config::parse_with(&text, name, sets).map_err(RunError::from)?;
    let label = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((config, label, path.parent().unwrap_or(Path::new("")).to_owned()))
}

fn evaluate(root: &Path, stop: &AtomicBool) -> Result<u8, CliError> {
    let folder = Folder::open(root)?;
    let path = folder.path(file::CONFIG);
    let text = fs::read_to_string(&path).map_err(|source| RunError::read(&path, source))?;
    let config = Config::parse(&text, &path.to_string_lossy()).map_err(RunError::from)?;
    let problem = Problem::new(config, root)?;
    print!("{}", run::reevaluate(&problem, &folder, stop)?);
    Ok(0)
}

fn list() -> Result<u8, CliError> {
    for preset in PRESETS {
        println!("{:<24} {}", preset.name, preset.description());
    }
    Ok(0)
}

fn check(args: &Presets, stop: &AtomicBool) -> Result<u8, CliError> {
    let mut rows = Vec::new();
    for preset in PRESETS {
        let mut reports = Vec::new();
        for seed in 0..args.seeds {
            let mut sets = args.sets.clone();
            sets.push(Override::seed(seed));
            let problem = Problem::new(preset.config(&sets).map_err(RunError::from)?, Path::new(""))?;
            let label = format!("{} seed {seed}", preset.name);
            let mut progress = Progress::new(&label, problem.config.training.steps);
            reports.push(run::rehearse(&problem, stop, &mut progress)?);
        }
        rows.push((preset.name.to_owned(), reports));
    }
    print!("{}", table::markdown(&rows));
    Ok(0)
}
