//! `ircpm show`.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::CliError;
use super::open::open_config;
use crate::config::{Config, Layers};
use crate::program::output::show as print;
use crate::program::{self, Measurement};
use crate::report::Report;
use crate::training::Progress;

pub(super) const EXAMPLES: &str = "\
Nothing is computed: this is what the run's config.toml, checkpoint and report.json say. The exit status is that of the
report, 0 if there is none of the present state.";

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Folder of the run
    run: PathBuf,
    /// Print JSON: run, config, parameters, progress, busy, report, stale
    #[arg(long)]
    json: bool,
}

/// What a folder says of its run.
#[derive(Serialize)]
struct Summary {
    run: PathBuf,
    config: Config,
    /// None before the first checkpoint.
    parameters: Option<usize>,
    progress: Option<Progress>,
    /// Whether another process trains or measures the run.
    busy: bool,
    /// None if nobody has measured the present state.
    report: Option<Report>,
    /// Whether the folder has a report of another state.
    stale: bool,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn show(args: &Show) -> Result<u8, CliError> {
    let (config, folder) = open_config(&args.run)?;
    // Before the state is read, so that a run that comes to its end meanwhile is not said to be interrupted.
    let busy = folder.is_busy();
    let saved = program::read_saved(&config, &folder)?;
    let state = saved.as_ref().map(|saved| &saved.checkpoint.state);
    let (parameters, progress) = (state.map(|s| s.theta.len()), state.map(|s| s.progress));
    // A report without a checkpoint is of no state that there is.
    let measurement = Measurement::read(&folder, saved.as_ref().map_or("", |saved| &saved.checksum))?;
    let stale = measurement == Measurement::Stale;
    let report = measurement.current();
    let code = report.as_ref().map_or(0, |report| report.status.code());
    let summary = Summary { run: args.run.clone(), config, parameters, progress, busy, report, stale };
    if args.json {
        let text = serde_json::to_string_pretty(&summary).expect("a summary has string keys only");
        print(text + "\n")?;
    } else {
        print(&summary)?;
    }
    Ok(code)
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "  {name:<18} {value}");
        row("folder", self.run.display().to_string())?;
        row("learns from", self.subject())?;
        row("model", self.model())?;
        row("training", self.training())?;
        match &self.report {
            Some(report) => write!(f, "{report}"),
            None => {
                let which = if self.stale { "of another state" } else { "none" };
                let remedy = match self.busy {
                    true => String::new(),
                    false => format!(": `ircpm evaluate {}` measures the run", self.run.display()),
                };
                row("report", format!("{which}{remedy}"))
            }
        }
    }
}

impl Summary {
    fn subject(&self) -> String {
        match (&self.config.target, &self.config.data) {
            (Some(_), _) => {
                let target = self.config.target().ok().flatten();
                let name = target.map(|target| target.name().to_owned()).unwrap_or_default();
                format!("{name} at beta {}, seed {}", self.config.beta(), self.config.seed)
            }
            (None, Some(data)) => {
                format!("points of {} in {}, seed {}", data.manifold, data.file.display(), self.config.seed)
            }
            (None, None) => "nothing".to_owned(),
        }
    }

    fn model(&self) -> String {
        let Config { model, .. } = &self.config;
        let parameters = self.parameters.map(|n| format!(", {n} parameters")).unwrap_or_default();
        if self.config.is_linear() {
            return format!("linear layers{parameters}");
        }
        let layers = match model.layers {
            Layers::Auto => "as many as pay".to_owned(),
            Layers::Fixed(n) => n.to_string(),
        };
        if self.config.has_charges() {
            return format!("layers: {layers}, of charges{parameters}");
        }
        format!("layers: {layers}, hidden {:?}{parameters}", model.hidden)
    }

    fn training(&self) -> String {
        let Some(progress) = &self.progress else { return "no checkpoint yet".to_owned() };
        let state = match (progress.done, self.busy) {
            (true, _) => "done",
            (false, true) => "another process trains or measures it",
            (false, false) => "interrupted: `ircpm resume` goes on",
        };
        format!("{} steps, {state}", progress.step)
    }
}
