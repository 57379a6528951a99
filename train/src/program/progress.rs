//! Progress of training on stderr: a line that changes on a terminal, else a line every ten seconds.
//!
//! The time that is left is told only where all steps are taken. Least squares and linear layers end where they have come
//! to their goal, which nobody knows beforehand: of them the time so far is told, and how near the goal is.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::output::{is_quiet, note};
use crate::training::{Extent, Step, Watcher};

/// Time between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(10);

/// Shows how far training has come.
pub struct ProgressDisplay {
    /// What is drawn on a terminal.
    bar: Option<ProgressBar>,
    /// Put before every line.
    label: String,
    extent: Extent,
    /// Steps that were taken before.
    first: usize,
    /// When training began.
    start: Instant,
    /// When the last line was written.
    last: Option<Instant>,
    /// Quality at the last step that had one.
    quality: String,
}

impl ProgressDisplay {
    /// The display of training that has taken `first` steps before.
    pub fn new(label: &str, first: usize, extent: Extent) -> Self {
        // A quiet program leaves out notes, and the lines are some.
        let is_drawn = !is_quiet() && std::io::stderr().is_terminal();
        let bar = is_drawn.then(|| bar(extent).with_prefix(label.to_owned()).with_position(first as u64));
        let (label, start, quality) = (label.to_owned(), Instant::now(), String::new());
        Self { bar, label, extent, first, start, last: None, quality }
    }

    /// What a line says of a step.
    fn line(&self, step: &Step, seconds: f64) -> String {
        let done = step.step + 1;
        let (state, quality) = (state(step), &self.quality);
        match self.extent {
            Extent::Steps(steps) => {
                let left = seconds / (done - self.first) as f64 * steps.saturating_sub(done) as f64;
                format!("step {done}/{steps}  {state}{quality}  {left:.0} s left")
            }
            Extent::Goal { most, kl } => {
                format!("step {done} of at most {most}  {state}{quality}  goal {kl:e}  {seconds:.0} s so far")
            }
            Extent::Layers { most } => {
                let stage = match step.layer {
                    Some(layer) => format!("layer {} of at most {most}", layer + 1),
                    None => "all layers polished".to_owned(),
                };
                format!("{stage}  {state}  {seconds:.0} s so far")
            }
        }
    }
}

/// What is drawn on a terminal.
fn bar(extent: Extent) -> ProgressBar {
    let (length, template) = match extent {
        Extent::Steps(steps) => {
            (Some(steps as u64), "{prefix} {bar:30.cyan/blue} {pos}/{len}  {msg}  {eta} left")
        }
        Extent::Goal { .. } | Extent::Layers { .. } => (None, "{prefix} {spinner} {msg}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.with_style(style).with_finish(ProgressFinish::Abandon)
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
        if let (Some(ess), Some(kl)) = (step.ess, step.kl) {
            self.quality = format!("  ESS {:.2} %  KL {kl:.2e}", 100.0 * ess);
        }
        let seconds = self.start.elapsed().as_secs_f64();
        match (&self.bar, self.extent) {
            (Some(bar), Extent::Steps(steps)) => {
                bar.set_message(format!("{}{}", state(step), self.quality));
                bar.set_position(done as u64);
                if done == steps {
                    bar.finish();
                }
            }
            (Some(bar), _) => {
                bar.set_message(self.line(step, seconds));
                bar.tick();
            }
            (None, extent) => {
                let is_last = matches!(extent, Extent::Steps(steps) if done == steps);
                if is_last || self.last.is_none_or(|last| last.elapsed() >= QUIET) {
                    self.last = Some(Instant::now());
                    note(format_args!("{}: {}", self.label, self.line(step, seconds)));
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of the step after the first `taken` in two seconds.
    fn said(extent: Extent, taken: usize, layer: Option<usize>) -> String {
        let mut display = ProgressDisplay::new("run", 0, extent);
        display.quality = "  KL 3.00e-4".to_owned();
        let (beta, residual, damping) = match extent {
            Extent::Goal { .. } => (Some(1.0), Some(0.02), Some(1e-3)),
            _ => (None, None, None),
        };
        display
            .line(&Step { step: taken, loss: -1.5, layer, beta, residual, damping, ..Step::default() }, 2.0)
    }

    #[test]
    fn time_left_is_told_only_where_all_steps_are_taken() {
        assert_eq!(said(Extent::Steps(40), 9, None), "step 10/40  loss -1.5000  KL 3.00e-4  6 s left");
        let goal = said(Extent::Goal { most: 200, kl: 1e-6 }, 9, None);
        assert_eq!(
            goal,
            "step 10 of at most 200  beta 1.000  residual 2.0e-2  damping 1e-3  KL 3.00e-4  goal 1e-6  2 s so far"
        );
        assert_eq!(
            said(Extent::Layers { most: 8 }, 2, Some(2)),
            "layer 3 of at most 8  loss -1.5000  2 s so far"
        );
        assert_eq!(
            said(Extent::Layers { most: 8 }, 3, None),
            "all layers polished  loss -1.5000  2 s so far"
        );
    }
}
