//! The program `ircpm`: arguments to the library, and the library's errors drawn for people.

use std::ops::Range;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ircpm_train::config::ConfigError;
use ircpm_train::program::RunError;
use ircpm_train::program::cli::{Cli, CliError, WRONG_ARGUMENTS};
use ircpm_train::program::output::warn;
use ircpm_train::program::start::{self, Failure};
use ircpm_train::training::checkpoint::CheckpointError;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

fn main() -> ExitCode {
    start::run(|| Cli::try_parse().map_err(of_arguments)?.run().map_err(failure))
}

/// What clap says of the arguments; help is one of these errors.
fn of_arguments(error: clap::Error) -> Failure {
    let status = if error.exit_code() == 0 { 0 } else { WRONG_ARGUMENTS };
    // A closed pipe is no error.
    let tell = move || drop(error.print());
    Failure { status, tell: Box::new(tell) }
}

/// An error of a command, which may be one of its arguments.
fn failure(error: CliError) -> Failure {
    if error.is_usage() {
        return of_arguments(Cli::command().error(ErrorKind::InvalidValue, error));
    }
    Failure { status: 1, tell: Box::new(move || warn(format_args!("{:?}", drawn(&error)))) }
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

/// Bytes of a long line that are drawn on either side of the start of what is to blame.
const SIDE: usize = 120;

/// A text whose long lines are cut, with the place of a span in it; none if no line is long.
fn excerpt(text: &str, span: &Range<usize>) -> Option<(String, Range<usize>)> {
    if text.lines().all(|line| line.len() <= 2 * SIDE) {
        return None;
    }
    let (mut cut, mut place, mut start) = (String::new(), 0..0, 0);
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches('\n');
        let boundary =
            |at: usize| (0..=at.min(body.len())).rfind(|&at| body.is_char_boundary(at)).unwrap_or(0);
        let (from, to) = if body.len() <= 2 * SIDE {
            (0, body.len())
        } else {
            let centre = span.start.clamp(start, start + body.len()) - start;
            (boundary(centre.saturating_sub(SIDE)), boundary(centre + SIDE))
        };
        cut += if from > 0 { "…" } else { "" };
        let inside = |at: usize| cut.len() + (at - start).clamp(from, to) - from;
        // The last line that begins before an end of the span holds it.
        if span.start >= start {
            place.start = inside(span.start);
        }
        if span.end >= start {
            place.end = inside(span.end);
        }
        cut += &body[from..to];
        cut += if to < body.len() { "…" } else { "" };
        cut += &line[body.len()..];
        start += line.len();
    }
    Some((cut, place))
}

/// The text around the span, with the span underlined; an empty text cannot be drawn.
///
/// Where long lines are cut the columns are those of the excerpt, and the title has the byte of the file.
fn snippet(error: &ConfigError) -> Report {
    if error.text.is_empty() {
        return MietteDiagnostic::new(format!("{} is empty: {}", error.name, error.message)).into();
    }
    let (title, text, span) = match excerpt(&error.text, &error.span) {
        Some((text, span)) => {
            let (line, byte) = (error.line(), error.span.start);
            (format!("{}: invalid configuration in line {line}, at byte {byte}", error.name), text, span)
        }
        None => (format!("{}: invalid configuration", error.name), error.text.clone(), error.span.clone()),
    };
    let mut diagnostic =
        MietteDiagnostic::new(title).with_label(LabeledSpan::at(span, error.message.clone()));
    if let Some(help) = error.help() {
        diagnostic = diagnostic.with_help(help);
    }
    Report::from(diagnostic).with_source_code(NamedSource::new(&error.name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_around_the_span() {
        assert_eq!(excerpt("a\nb", &(2..3)), None);
        let long = format!("first\n{}wrong{}\nlast", "é".repeat(5000), "y".repeat(9000));
        let start = long.find("wrong").expect("it is there");
        for (span, part) in
            [(start..start + 5, "wrong"), (0..5, "first"), (long.len() - 4..long.len(), "last")]
        {
            let (cut, place) = excerpt(&long, &span).expect("a long line");
            assert_eq!(&cut[place], part);
            assert!(cut.len() < 3 * SIDE && cut.lines().count() == 3, "{cut}");
        }
        let (cut, place) = excerpt(&long, &(start..long.len() - 5)).expect("a long line");
        assert!(cut[place].starts_with("wrongy") && cut.len() < 3 * SIDE, "{cut}");
    }
}
