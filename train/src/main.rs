//! The program `ircpm`: arguments to the library, and the library's errors drawn for people.

use std::process::ExitCode;

use clap::Parser;
use ircpm_train::config::ConfigError;
use ircpm_train::program::RunError;
use ircpm_train::program::cli::{Cli, CliError};
use ircpm_train::program::output::warn;
use ircpm_train::training::checkpoint::CheckpointError;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            warn(format_args!("{:?}", drawn(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error as it is drawn on the terminal; the library has only their texts.
fn drawn(error: &CliError) -> Report {
    match error {
        CliError::Run(RunError::Config(error)) => snippet(error),
        CliError::Run(RunError::Checkpoint { source: CheckpointError::Config(error), .. }) => snippet(error),
        CliError::UnknownConfig { near, .. } => {
            let near = near.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
            let help =
                format!("{near}`ircpm presets` lists the presets; anything else is taken as a TOML file");
            MietteDiagnostic::new(error.to_string()).with_help(help).into()
        }
        error => MietteDiagnostic::new(error.to_string()).into(),
    }
}

/// The text around the span, with the span underlined; an empty text cannot be drawn.
fn snippet(error: &ConfigError) -> Report {
    if error.text.is_empty() {
        return MietteDiagnostic::new(format!("{} is empty: {}", error.name, error.message)).into();
    }
    let mut diagnostic = MietteDiagnostic::new(format!("{}: invalid configuration", error.name))
        .with_label(LabeledSpan::at(error.span.clone(), error.message.clone()));
    if let Some(help) = error.help() {
        diagnostic = diagnostic.with_help(help);
    }
    Report::from(diagnostic).with_source_code(NamedSource::new(&error.name, error.text.clone()))
}
