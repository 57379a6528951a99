//! `ircpm reproduce`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use clap::builder::PossibleValuesParser;
use cpu_time::ProcessTime;

use super::threads::Threads;
use super::train::seed;
use super::{CliError, INTERRUPTED};
use crate::config::Override;
use crate::paper::{
    self, Measured, Model, Models, Outcome, PaperError, Results, Row, Run, STUDIES, Setting, Study, programme,
};
use crate::program::RunError;
use crate::program::folder::{Folder, FolderError};
use crate::program::output::{note, show};
use crate::program::progress::ProgressDisplay;
use crate::report::{Status, machine};

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm reproduce --quick                              all of it, with fewer steps, points and seeds
  ircpm reproduce --seeds 5 --out results              the whole programme
  ircpm reproduce --only sphere-stack-3 --only bounds  one model and what is measured of it

Trains every model of the paper and prints its tables beside the published figures, with standard errors over the seeds:
the targets on T² (Table 1), stacks on S² and discrete potentials (section 5.2), the bounds on psi (section 4.3, Lemmas 3
and 4), the minima of psi and phi (Lemma 2), the stochastic gradient of the log-determinant (section 5), and what
symmetries save (section 3.2). The folder gets results.md, rows.jsonl with one line per model as it is done, and Figures
1 to 3. Each row is a preset with some keys replaced, and the page has the command that trains it alone.
Ctrl-C leaves a page of what is done. The exit status is 0 if every row has reached its figure, and 4 if one has not.";

/// Names of the files.
const PAGE: &str = "results.md";
const ROWS: &str = "rows.jsonl";

#[derive(Debug, Args)]
pub(super) struct Reproduce {
    /// Fewer steps, points and seeds: minutes
    #[arg(long)]
    quick: bool,
    /// Folder of the results, which must be new or empty [default: runs/reproduce-<n>, the first n that is free]
    #[arg(long)]
    out: Option<PathBuf>,
    /// First seed
    #[arg(long, value_parser = seed, default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Seeds per row [default: 3, quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000), allow_negative_numbers = true)]
    seeds: Option<u64>,
    /// Only this row or study; may be repeated
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,
    /// Points at which the derivatives of psi are bounded [default: 1_000_000, quick 100_000]
    #[arg(long, value_name = "N", value_parser = super::sample::number)]
    points: Option<usize>,
    #[command(flatten)]
    threads: Threads,
    /// Replace a key of every row
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = of_every_row)]
    sets: Vec<Override>,
}

/// An override; not of the seed, of which every run of a row has one of its own.
fn of_every_row(text: &str) -> Result<Override, String> {
    if text.split_once('=').is_some_and(|(key, _)| key.trim() == "seed") {
        return Err("each run of a row has a seed of its own: give --seed and --seeds".to_owned());
    }
    text.parse()
}

impl Reproduce {
    fn is_asked_for(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// Number of seeds per row.
    fn count(&self) -> u64 {
        self.seeds.unwrap_or(if self.quick { 1 } else { 3 })
    }
}

/// Names of rows and studies.
fn names() -> Vec<&'static str> {
    programme().iter().map(|row| row.name).chain(STUDIES.iter().map(|study| study.name)).collect()
}

/// The programme as far as it has come.
struct Programme<'a> {
    args: &'a Reproduce,
    stop: &'a AtomicBool,
    folder: Folder,
    models: Models,
    results: Results,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn reproduce(args: &Reproduce, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    // Wrong keys and seeds that are too large are refused before there is a folder.
    let last = args.seed.saturating_add(args.count() - 1);
    for row in programme().iter().filter(|row| args.is_asked_for(row.name)) {
        row.config(args.quick, last, &args.sets).map_err(RunError::from)?;
    }
    let folder = Folder::create(args.out.as_deref(), "reproduce").map_err(RunError::from)?;
    note(format_args!("reproduce: into {}", folder.root().display()));
    let threads = rayon::current_num_threads();
    let machine = format!(
        "ircpm {}, {}, {}, {threads} thread{}",
        env!("CARGO_PKG_VERSION"),
        machine::date(),
        machine::processor(),
        if threads == 1 { "" } else { "s" }
    );
    let results = Results {
        quick: args.quick,
        machine,
        outcomes: vec![],
        tables: vec![],
        pictures: vec![],
        complete: false,
    };
    let mut programme = Programme { args, stop, folder, models: Models::new(), results };
    let outcome = programme.run();
    let stopped = match &outcome {
        Err(CliError::Run(error)) => matches!(of_paper(error), Some(PaperError::Stopped)),
        _ => false,
    };
    if !stopped {
        outcome?;
    }
    programme.results.complete = !stopped;
    programme.write_page()?;
    show(paper::markdown(&programme.results))?;
    if stopped {
        note(format_args!("stopped: {} has what was done", programme.folder.path(PAGE).display()));
        return Ok(INTERRUPTED);
    }
    Ok(if programme.results.missed() == 0 { 0 } else { Status::Unfinished.code() })
}

/// What the paper's programme says of an error, if it is one of its own.
fn of_paper(error: &RunError) -> Option<&PaperError> {
    match error {
        RunError::Paper(error) => Some(error),
        _ => None,
    }
}

impl Programme<'_> {
    fn run(&mut self) -> Result<(), CliError> {
        let start = ProcessTime::now();
        for row in programme() {
            if self.args.is_asked_for(row.name) {
                self.train(row)?;
            }
        }
        for study in STUDIES {
            if self.args.is_asked_for(study.name) {
                self.study(study)?;
            }
        }
        self.draw()?;
        note(format_args!("reproduce: {:.0} CPU s", start.elapsed().as_secs_f64()));
        Ok(())
    }

    /// All seeds of a row; the model of the first stays for the studies.
    fn train(&mut self, row: Row) -> Result<(), CliError> {
        self.results.outcomes.push(Outcome { row, runs: vec![] });
        for seed in (0..self.args.count()).map(|k| self.args.seed.saturating_add(k)) {
            let found = self.train_one(&row, seed);
            let run = match found {
                Ok((model, measured)) => {
                    self.models.entry(row.name).or_insert(model);
                    Run { seed, measured: Some(measured), failure: None }
                }
                // A seed that fails is a result of the row; anything else ends the programme.
                Err(error) => match of_paper(&error) {
                    Some(PaperError::Training(failure)) => {
                        Run { seed, measured: None, failure: Some(failure.to_string()) }
                    }
                    _ => {
                        self.results.outcomes.retain(|outcome| !outcome.runs.is_empty());
                        return Err(error.into());
                    }
                },
            };
            self.record(&row, &run)?;
            let outcome = self.results.outcomes.last_mut().expect("the row was begun");
            outcome.runs.push(run);
            self.write_page()?;
        }
        Ok(())
    }

    fn train_one(&self, row: &Row, seed: u64) -> Result<(Model, Measured), RunError> {
        let config = row.config(self.args.quick, seed, &self.args.sets)?;
        let label = format!("{} seed {seed}", row.name);
        let (model, measured) =
            paper::train(row, config, self.stop, |extent| Box::new(ProgressDisplay::new(&label, 0, extent)))?;
        let Measured { ess, kl, cpu_seconds, density, .. } = measured;
        let flag = if density { "" } else { "  not a density" };
        note(format_args!("{label}: ESS {:.3} %  KL {kl:.2e}  {cpu_seconds:.1} CPU s{flag}", 100.0 * ess));
        Ok((model, measured))
    }

    /// Appends a run to the lines of rows.
    fn record(&self, row: &Row, run: &Run) -> Result<(), RunError> {
        let mut value = serde_json::to_value(run).expect("numbers with names");
        value["row"] = row.name.into();
        let path = self.folder.path(ROWS);
        let mut file = self.folder.append(ROWS)?;
        writeln!(file, "{value}").map_err(|source| FolderError::write(&path, source).into())
    }

    fn study(&mut self, study: Study) -> Result<(), CliError> {
        let points = self.args.points.unwrap_or(if self.args.quick { 100_000 } else { 1_000_000 });
        let setting = Setting { quick: self.args.quick, points, seed: self.args.seed, stop: self.stop };
        let start = ProcessTime::now();
        let table = (study.measure)(&self.models, &setting).map_err(RunError::from)?;
        let Some(table) = table else {
            note(format_args!(
                "{}: none of the models that it measures was trained; name their rows by --only",
                study.name
            ));
            return Ok(());
        };
        note(format_args!("{}: {:.1} CPU s", study.name, start.elapsed().as_secs_f64()));
        self.results.tables.push(table);
        Ok(self.write_page()?)
    }

    fn draw(&mut self) -> Result<(), CliError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(RunError::from(PaperError::Stopped).into());
        }
        for (picture, caption) in paper::figures(&self.models).map_err(RunError::from)? {
            self.folder.write(&picture.name, &picture.png).map_err(RunError::from)?;
            self.results.pictures.push((picture.name, caption));
        }
        Ok(())
    }

    fn write_page(&self) -> Result<(), RunError> {
        Ok(self.folder.write(PAGE, paper::markdown(&self.results).as_bytes())?)
    }
}
