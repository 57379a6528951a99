//! `ircpm show`.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::CliError;
use super::open::open_config;
use crate::config::{Config, Layers};
use crate::program;
use crate::program::output::show as print;
use crate::report::Report;
use crate::training::Progress;

pub(super) const EXAMPLES: &str = "\
Nothing is computed: this is what the run's config.toml, checkpoint and report.json say. The exit status is that of the
report, 0 if there is none.";

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Folder of the run
    run: PathBuf,
    /// Print JSON: run, config, parameters, progress, report
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
    /// None if nobody has measured the run.
    report: Option<Report>,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn show(args: &Show) -> Result<u8, CliError> {
    let (config, folder) = open_config(&args.run)?;
    let state = program::read_state(&config, &folder)?;
    let (parameters, progress) = (state.as_ref().map(|s| s.theta.len()), state.as_ref().map(|s| s.progress));
    let report = program::read_report(&folder)?;
    let code = report.as_ref().map_or(0, |report| report.status.code());
    let summary = Summary { run: args.run.clone(), config, parameters, progress, report };
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
            None => writeln!(
                f,
                "  {:<18} none: `ircpm evaluate {}` measures the run",
                "report",
                self.run.display()
            ),
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
        format!("layers: {layers}, hidden {:?}{parameters}", model.hidden)
    }

    fn training(&self) -> String {
        let Some(progress) = &self.progress else { return "no checkpoint yet".to_owned() };
        let state = if progress.done { "done" } else { "interrupted: `ircpm resume` goes on" };
        format!("{} steps, {state}", progress.step)
    }
}
