//! Progress of training on stderr: a bar on a terminal, else a line every ten seconds.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::output::{is_quiet, note};
use crate::training::{Step, Watcher};

/// Time between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(10);

/// Shows loss, ESS, KL and the time that is left.
pub enum ProgressDisplay {
    /// A bar, on a terminal.
    Bar {
        /// What is drawn.
        bar: ProgressBar,
        /// Quality at the last step that had one.
        quality: String,
    },
    /// Lines, in a log.
    Lines {
        /// Put before every line.
        label: String,
        /// Steps that were taken before.
        first: usize,
        /// Steps in all.
        steps: usize,
        /// When training began.
        start: Instant,
        /// When the last line was written.
        last: Option<Instant>,
        /// Quality at the last step that had one.
        quality: String,
    },
}

impl ProgressDisplay {
    /// The display for the steps from `first` on, of `steps` in all.
    pub fn new(label: &str, first: usize, steps: usize) -> Self {
        // A quiet program leaves out notes, and the lines are some.
        if is_quiet() || !std::io::stderr().is_terminal() {
            let (start, last, quality) = (Instant::now(), None, String::new());
            return Self::Lines { label: label.to_owned(), first, steps, start, last, quality };
        }
        let style =
            ProgressStyle::with_template("{prefix} {bar:30.cyan/blue} {pos}/{len}  {msg}  {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(steps as u64)
            .with_style(style)
            .with_prefix(label.to_owned())
            .with_position(first as u64)
            .with_finish(ProgressFinish::Abandon);
        Self::Bar { bar, quality: String::new() }
    }
}

/// A bar that counts what is written; hidden where there is no terminal, or the program is quiet.
pub fn count_bar(label: &'static str, count: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{prefix} {bar:30.cyan/blue} {human_pos}/{human_len}  {per_sec}  {eta} left",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = if is_quiet() { ProgressBar::hidden() } else { ProgressBar::new(count as u64) };
    bar.with_style(style).with_prefix(label)
}

impl Watcher for ProgressDisplay {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        let done = step.step + 1;
        match self {
            Self::Bar { bar, quality } => {
                remember(step, quality);
                bar.set_message(format!("{}{quality}", state(step)));
                bar.set_position(done as u64);
                if bar.length() == Some(done as u64) {
                    bar.finish();
                }
            }
            Self::Lines { label, first, steps, start, last, quality } => {
                remember(step, quality);
                if last.is_some_and(|last| last.elapsed() < QUIET) && done < *steps {
                    return ControlFlow::Continue(());
                }
                *last = Some(Instant::now());
                let left = start.elapsed().as_secs_f64() / (done - *first) as f64 * (*steps - done) as f64;
                let state = state(step);
                note(format_args!("{label}: step {done}/{steps}  {state}{quality}  {left:.0} s left"));
            }
        }
        ControlFlow::Continue(())
    }
}

/// The loss, or the state of least squares.
fn state(step: &Step) -> String {
    match (step.beta, step.residual, step.damping) {
        (Some(beta), Some(residual), Some(damping)) => {
            let beta = if (1e-3..1e4).contains(&beta) { format!("{beta:.3}") } else { format!("{beta:.2e}") };
            format!("beta {beta}  residual {residual:.1e}  damping {damping:.0e}")
        }
        _ => format!("loss {:.4}", step.loss),
    }
}

fn remember(step: &Step, quality: &mut String) {
    if let (Some(ess), Some(kl)) = (step.ess, step.kl) {
        *quality = format!("  ESS {:.2} %  KL {kl:.2e}", 100.0 * ess);
    }
}
